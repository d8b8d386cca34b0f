"""Whole searches on real images: the time they keep, and what is found beside plain baselines.

Run ``python benchmarks/searches.py cifar:PARQUET flowers:FOLDER@96`` on a quiet machine.
Each NAME:DATA[@PIXELS] is one search of ``--minutes``, with the budget of ``--max-macs``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import record


def search(
    data: str, pixels: str, *, macs: str, minutes: float, seed: int, run: Path
) -> tuple[dict[str, Any], float]:
    """One search from the command line: what it says, and its wall seconds."""
    words = [
        sys.executable, "-c", "from netwright.cli import main; main()", "search", data,
        "--max-macs", macs, "--minutes", str(minutes), "--seed", str(seed), "--out", str(run),
        "--json",
    ]  # fmt: skip
    if pixels:
        words += ["--resolution", pixels]
    start = time.monotonic()
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result, time.monotonic() - start


def main() -> None:
    """Search, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("searches", nargs="+", metavar="NAME:DATA[@PIXELS]")
    options.add_argument("--max-macs", default="5M")
    options.add_argument("--minutes", type=float, default=5.0)
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument(
        "--keep", type=Path, help="folder for the runs; else they are thrown away"
    )
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    results: dict[str, record.Measured] = {}
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for text in given.searches:
            name, _, data = text.partition(":")
            data, _, pixels = data.partition("@")
            found: dict[str, list[float]] = {}
            for seed in given.seeds:
                run = (given.keep or Path(scratch)) / f"{name}-{seed}"
                facts, wall = search(
                    data, pixels, macs=given.max_macs, minutes=given.minutes, seed=seed, run=run
                )
                found.setdefault("time", []).append(wall / (60 * given.minutes))
                for row in facts["finals"]:
                    if row["val_accuracy"] is not None:
                        found.setdefault(row["role"], []).append(100 * row["val_accuracy"])
                if facts["test"]:
                    found.setdefault("test", []).append(100 * facts["test"]["accuracy"])
                kept = ("finals", "search", "recipe", "verdict", "test", "seconds")
                rows.append({"name": name, "seed": seed, **{k: facts[k] for k in kept}})
            for what, values in found.items():
                if what == "time":
                    label, unit = f"{name}: wall time / time asked", "x"
                elif what == "test":
                    label, unit = f"{name}: test accuracy of the returned network", "%"
                else:
                    label, unit = f"{name}: {what}, validation accuracy", "%"
                results[label] = record.measured(values, unit, headline=what in ("time", "test"))
    record.write(
        __file__,
        claim=f"A search of {given.minutes:g} minutes under {given.max_macs} MACs ends within "
        "10% of the time asked, its finalists beside a random network and the one with most "
        "parameters",
        seeds=given.seeds,
        results=results,
        arguments=" ".join(s.partition(":")[0] + ":DATA" for s in given.searches)
        + f" --max-macs {given.max_macs} --minutes {given.minutes:g}",
        facts={"runs": rows},
        out=given.out,
    )


if __name__ == "__main__":
    main()
