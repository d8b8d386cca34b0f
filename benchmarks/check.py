"""How far proxies may be trusted on real images: a check in its time, with its verdict.

Run ``python benchmarks/check.py cifar10:PARQUET`` on a quiet machine.  Each NAME:DATA[@PIXELS] is
one check of ``--minutes``, with the budget of ``--max-macs``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import record
from netwright.proxies.listing import CONTROLS


def check(
    data: str, pixels: str, *, given: argparse.Namespace, seed: int, run: Path
) -> tuple[dict[str, Any], float]:
    """One check from the command line: what it says, and its wall seconds."""
    words = [
        sys.executable, "-c", "from netwright.cli import main; main()", "check", data,
        "--space", given.space, "--max-macs", given.max_macs, "--probes", str(given.probes),
        "--minutes", str(given.minutes), "--seed", str(seed), "--out", str(run), "--json",
    ]  # fmt: skip
    if pixels:
        words += ["--resolution", pixels]
    start = time.monotonic()
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found, time.monotonic() - start


def figures(found: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    """What of a check is worth a line, with its unit; what does not exist is left out."""
    rows = {row["name"]: row for row in found["scores"] if row["spearman"] is not None}
    others = [row for name, row in rows.items() if name not in CONTROLS]
    lines: dict[str, tuple[float | None, str]] = {
        "networks trained": (found["networks"], ""),
        "length of each training": (found["epochs"], "epochs"),
        "pairs told apart": (found["pairs_apart"], f"of {found['pairs']}"),
        "Spearman that luck alone reaches 1 time in 20": (found["best_by_luck"], ""),
        **{
            f"Spearman of {name}": (rows[name]["spearman"]["value"], "")
            for name in (*CONTROLS, "consensus")
            if name in rows
        },
    }
    if others:
        best = max(others, key=lambda row: row["spearman"]["value"])
        lines["Spearman of the best score that is no count"] = (best["spearman"]["value"], "")
    return {what: (value, unit) for what, (value, unit) in lines.items() if value is not None}


def main() -> None:
    """Check, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("checks", nargs="+", metavar="NAME:DATA[@PIXELS]")
    options.add_argument("--space", default="mobile")
    options.add_argument("--max-macs", default="5M")
    options.add_argument("--probes", type=int, default=12)
    options.add_argument("--minutes", type=float, default=15.0)
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--keep", type=Path, help="folder for the runs; else thrown away")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    results: dict[str, record.Measured] = {}
    facts = []
    with tempfile.TemporaryDirectory() as scratch:
        for text in given.checks:
            name, _, data = text.partition(":")
            data, _, pixels = data.partition("@")
            lines: dict[str, list[float]] = {}
            units: dict[str, str] = {}
            for seed in given.seeds:
                run = (given.keep or Path(scratch)) / f"{name}-{seed}"
                found, wall = check(data, pixels, given=given, seed=seed, run=run)
                told = {"wall time / time asked": (wall / (60 * given.minutes), "x")}
                for what, (value, unit) in (told | figures(found)).items():
                    lines.setdefault(what, []).append(value)
                    units[what] = unit
                kept = ("verdict", "noise", "steps", "scores", "probes", "seconds")
                facts.append({"name": name, "seed": seed, **{k: found[k] for k in kept}})
            for what, values in lines.items():
                headline = what.startswith(
                    ("wall", "Spearman of params", "Spearman of the best", "Spearman that")
                )
                results[f"{name}: {what}"] = record.measured(
                    values, units[what], headline=headline
                )
    record.write(
        __file__,
        claim=f"A check of {given.probes} probes under {given.max_macs} MACs says within "
        f"{given.minutes:g} minutes how far each proxy may be trusted",
        seeds=given.seeds,
        results=results,
        arguments=" ".join(s.partition(":")[0] + ":DATA" for s in given.checks)
        + f" --max-macs {given.max_macs} --minutes {given.minutes:g} --probes {given.probes}",
        facts={"checks": facts},
        out=given.out,
    )


if __name__ == "__main__":
    main()
