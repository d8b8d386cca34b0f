"""``netwright bench proxies``: how well proxies rank the networks of a table."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netwright import catalog
from netwright.cli.crew import Watch, crew
from netwright.cli.output import Flag, Words, console, print_json
from netwright.cli.output import table as table_of
from netwright.correlation.tables import open_table
from netwright.errors import UsageError
from netwright.proxies.listing import CONTROLS

if TYPE_CHECKING:
    from netwright.correlation.ranking import Ranking


def proxies(
    *,
    table: Path,
    images: str,
    sample: int = 1000,
    proxy: Words = None,
    batch: int | None = None,
    size: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    precomputed: Path | None = None,
    out: Path | None = None,
    json: Flag = False,
) -> None:
    """Score networks that others trained, and say how well each proxy ranks them.

    Networks are rebuilt exactly, which their parameters prove. Every one is kept as it is scored,
    so the same command goes on where it was stopped, and more rows or proxies are added to those
    that are there. Params, MACs and sum_log_n stand beside every proxy.

    Args:
        table: Parquet file of NAS-Bench-201 (a column arch_str) or Accel-NASBench (e, k, l, se).
        images: Image folder, Parquet file, torchvision name, or digits: what the networks see.
        sample: Networks to draw from the table.
        proxy: A name of `netwright list proxies`, or "all"; may be repeated. Without it: naswot,
            jacob_cov, synflow, grad_norm, snip and zico.
        batch: Images per batch; two batches are drawn. The benchmark's own without it.
        size: Side of the images in pixels; the benchmark's own without it.
        seed: Of rows, images, weights and noise.
        workers: Networks at a time; one per core without it.
        precomputed: Parquet file of scores that others computed, a row per row of the table;
            without it, the file beside the table whose name ends in _zc, where there is one.
        out: Folder of the scores and tables; bench/NAME-proxies without it.
        json: Print one JSON object on stdout; progress still goes to stderr.
    """
    asked = proxy or ["naswot", "jacob_cov", "synflow", "grad_norm", "snip", "zico"]
    wanted = list(catalog.PROXIES) if "all" in asked else asked
    chosen = [catalog.proxy(name) for name in dict.fromkeys((*CONTROLS, *wanted))]
    opened = open_table(table)
    numbers = opened.sample(sample, seed=seed)

    from netwright.correlation.scores import ScoreBook, Setting, score_sample
    from netwright.correlation.summary import summarise, write_summary

    setting = Setting(
        table=table.name,
        images=images,
        batch=_positive("batch", batch, opened.benchmark.batch),
        size=_positive("size", size, opened.benchmark.size),
        seed=seed,
    )
    at_a_time = _positive("workers", workers, os.cpu_count() or 1)
    folder = out or Path("bench") / f"{table.stem}-proxies"
    book = ScoreBook(folder, setting)
    with crew(at_a_time) as executor:
        score_sample(
            opened,
            numbers,
            book,
            proxies=chosen,
            executor=executor,
            on_progress=Watch("networks are scored"),
        )
    console(stderr=True).print("Correlating")
    summary = summarise(opened, numbers, book, proxies=chosen, precomputed=precomputed)
    write_summary(folder, summary)
    if json:
        print_json({"folder": str(folder), **summary.facts()})
        return
    _print(summary.rankings, opened.accuracies[0], folder)


def _positive(name: str, given: int | None, otherwise: int) -> int:
    if given is not None and given < 1:
        raise UsageError(f"--{name} {given} would do nothing; give at least 1.")
    return given or otherwise


def _print(rankings: Sequence[Ranking], column: str, folder: Path) -> None:
    screen = console()
    shown = [r for r in rankings if r.column == column]
    shown.sort(key=lambda r: -r.spearman.value if math.isfinite(r.spearman.value) else 2.0)
    rows = [_row(r) for r in shown]
    columns = ("proxy", "n", "Spearman (95%)", "Kendall", "partial", "published", "others", "ms")
    screen.print(table_of(f"Rank correlation with {column}, best first", columns, rows))
    screen.print(
        "* control. partial: Spearman given params and MACs. published: by its authors or others, "
        "on other samples. others: the precomputed scores of the same networks, and how far ours "
        "rank alike. Other columns are in correlations.csv."
    )
    for name in ("correlations.csv", "scores.csv", f"{column}.svg"):
        screen.print(f"  {folder / name}", soft_wrap=True)


def _row(r: Ranking) -> tuple[str, ...]:
    others = f"{_two(r.precomputed)}, {_two(r.agreement)}" if r.agreement == r.agreement else ""
    return (
        f"{r.proxy} *" if r.control else r.proxy,
        str(r.networks),
        f"{_two(r.spearman.value)} ({_two(r.spearman.low)}-{_two(r.spearman.high)})",
        _two(r.kendall.value),
        _two(r.partial),
        _two(r.published.value) if r.published else "",
        others,
        "" if math.isnan(r.milliseconds) else f"{r.milliseconds:.3g}",
    )


def _two(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"
