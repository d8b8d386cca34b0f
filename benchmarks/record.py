"""What a benchmark leaves behind: one JSON record of machine, commit, seeds, mean and spread."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"

Measured = dict[str, Any]


def measured(values: Sequence[float], unit: str, *, headline: bool = False) -> Measured:
    """Mean, spread (standard deviation) and extremes of repeats.

    Args:
        values: One per repeat.
        unit: Such as ``ms per trial``.
        headline: Whether the README shows it.
    """
    return {
        "unit": unit,
        "mean": statistics.fmean(values),
        "spread": statistics.stdev(values) if len(values) > 1 else 0.0,
        "least": min(values),
        "most": max(values),
        "repeats": len(values),
        "headline": headline,
    }


def write(
    script: str,
    *,
    claim: str,
    seeds: Sequence[int],
    results: Mapping[str, Measured],
    arguments: str = "",
    facts: Mapping[str, Any] | None = None,
    out: Path | None = None,
) -> Path:
    """Print the table and write ``benchmarks/results/NAME.json``.

    Args:
        script: ``__file__`` of the benchmark.
        claim: The sentence of the README that this measures.
        seeds: All that were used.
        results: What was measured, by name.
        arguments: To type after the script to measure the same again.
        facts: What else a reader may want: versions, settings, rows.
        out: Another file.
    """
    name = Path(script).stem
    print(f"{claim}\n")
    width = max(len(what) for what in results)
    for what, row in results.items():
        print(f"  {what:{width}}  {show(row)}")
    record = {
        "name": name,
        "claim": claim,
        "command": f"python benchmarks/{name}.py {arguments}".strip(),
        "machine": machine(),
        "commit": commit(),
        "seeds": list(seeds),
        "measured": dict(results),
        "facts": dict(facts or {}),
    }
    path = out or RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return path


def show(row: Measured) -> str:
    """``0.412 ± 0.013 ms per trial``: two digits of the spread, where there is one."""
    mean, spread = row["mean"], row["spread"]
    if row["repeats"] < 2 or not spread:
        return f"{number(mean)} {row['unit']}".strip()
    decimals = max(0, 1 - math.floor(math.log10(spread)))
    return f"{mean:,.{decimals}f} ± {spread:,.{decimals}f} {row['unit']}".strip()


def number(value: float) -> str:
    """Three digits that count, or all of a larger or whole number."""
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def machine() -> str:
    """What it ran on, in words."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    cores = f"{os.cpu_count()} cores"
    return f"{model}, {cores}, {platform.system()}, Python {platform.python_version()}"


def commit() -> str:
    """The commit that was measured; ``+`` where the tree has changes."""
    words = ["git", "describe", "--always", "--dirty=+"]
    out = subprocess.run(words, cwd=HERE, capture_output=True, text=True, check=False)
    return out.stdout.strip() or "unknown"
