"""What a correlation run leaves in its folder: tables of scores and correlations, and pictures."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from netwright.correlation.ranking import Ranking
from netwright.reporting.dots import Dot, dots_svg

GROUPS = ("proxy", "control")


def write_table(folder: Path, name: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write ``NAME.csv`` and ``NAME.parquet``; NaN and None are empty in both.

    Args:
        folder: Where to.
        name: Of the files.
        columns: Equally long.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    clean = {key: [_blank(v) for v in column] for key, column in columns.items()}
    parquet.write_table(pa.table(clean), folder / f"{name}.parquet")
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(clean)
        writer.writerows(zip(*clean.values(), strict=True))


def flat(rankings: Sequence[Ranking]) -> dict[str, list[Any]]:
    """Rankings as columns of plain values."""
    rows = [_facts(r) for r in rankings]
    return {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}


def _facts(r: Ranking) -> dict[str, Any]:
    return {
        "proxy": r.proxy,
        "column": r.column,
        "control": r.control,
        "networks": r.networks,
        "failed": r.failed,
        "spearman": r.spearman.value,
        "spearman_low": r.spearman.low,
        "spearman_high": r.spearman.high,
        "kendall": r.kendall.value,
        "kendall_low": r.kendall.low,
        "kendall_high": r.kendall.high,
        "partial_spearman": r.partial,
        "ms_per_network": r.milliseconds,
        "published_spearman": r.published.value if r.published else math.nan,
        "published_source": r.published.source if r.published else None,
        "precomputed_spearman": r.precomputed,
        "agreement_with_precomputed": r.agreement,
    }


def picture(rankings: Sequence[Ranking], *, column: str, title: str) -> str:
    """An SVG of the Spearman correlations with one column, best first, controls in colour.

    Args:
        rankings: Of any columns.
        column: Which to show.
        title: Above the picture.
    """
    shown = [r for r in rankings if r.column == column and math.isfinite(r.spearman.value)]
    dots = [
        Dot(
            name=r.proxy,
            value=r.spearman.value,
            low=r.spearman.low,
            high=r.spearman.high,
            group=int(r.control),
            beside=r.published.value if r.published else None,
        )
        for r in sorted(shown, key=lambda r: -r.spearman.value)
    ]
    return dots_svg(dots, title=title, label="Spearman, 95% interval", groups=GROUPS)


def _blank(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
