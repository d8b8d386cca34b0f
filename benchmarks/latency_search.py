"""Searches under a latency limit: is the network that comes back within it, and at what accuracy?

Every run is the command line's own, in a process of its own; the network that it hands back is
then measured once more, in a third process.  Beside the first ``--pairs`` runs goes a search under
a limit of MACs, as many as the other one's network has.  Finished runs are kept in ``--folder``:
``python benchmarks/latency_search.py 32:0.6:CIFAR 224:8:FLOWERS --folder FOLDER``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import record
from netwright.records import print_cost

Line = dict[str, Any]
Run = dict[str, Any]
_CODE = "import sys; from netwright.cli import main; main(sys.argv[1:])"


@dataclass(frozen=True, kw_only=True)
class Given:
    """What all runs share."""

    folder: Path
    minutes: float
    runtime: str
    workers: int

    def search(
        self, name: str, data: str, seed: int, *, resolution: int, limit: Sequence[str]
    ) -> Run:
        """What a search came to; one that was finished before is read."""
        run = self.folder / name
        if not (run / "result.json").is_file():
            resumed = ("--resume",) if (run / "run.toml").is_file() else ()
            _netwright(
                "search", data, *limit, "--minutes", self.minutes, "--seed", seed,
                "--resolution", resolution, "--workers", self.workers, "--out", run, *resumed,
            )  # fmt: skip
        found: Run = json.loads((run / "result.json").read_text(encoding="utf-8"))
        return found

    def measured(self, name: str) -> float:
        """Milliseconds of the network that a run handed back, in a process of its own."""
        path = self.folder / name / "measured.json"
        if not path.is_file():
            run = self.folder / name
            out = _netwright("latency", "measure", run, "--runtime", self.runtime, "--json")
            path.write_text(out, encoding="utf-8")
        found = json.loads(path.read_text(encoding="utf-8"))
        return float(found["networks"][0]["median_ms"])


def _netwright(*words: object) -> str:
    arguments = [sys.executable, "-c", _CODE, *map(str, words)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"netwright {words[0]} failed: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


class Limit(NamedTuple):
    """A size of images, a limit for it, and the images."""

    resolution: int
    ms: float
    data: str

    @staticmethod
    def of(text: str) -> Limit:
        """``224:8:FOLDER``."""
        side, ms, data = text.split(":", 2)
        return Limit(int(side), float(ms), data)


def pair(given: Given, seed: int, *, limit: Limit, by_macs: bool) -> Line:
    """A search under the latency limit, and one under its network's MACs if it is to be."""
    resolution, limit_ms, data = limit
    name = f"{resolution}-{given.runtime}-{limit_ms:g}ms-{seed}"
    words: Sequence[str] = (
        "--max-latency", f"{limit_ms:g}ms", "--latency-runtime", given.runtime,
    )  # fmt: skip
    timed = given.search(name, data, seed, resolution=resolution, limit=words)
    best = _best(timed)
    line = {
        "seed": seed, "resolution": resolution, "limit_ms": limit_ms,
        "stated_ms": best["latency_ms"], "measured_ms": given.measured(name),
        "accuracy": best["val_accuracy"], "macs": best["macs"],
        "correction": timed["latency"]["correction"], "busy": timed["latency"]["busy"],
    }  # fmt: skip
    if not by_macs:
        return line
    within_reach = min(row["macs"] for row in timed["finals"] if row["tokens"])  # of the space
    macs = max(best["macs"], within_reach)
    words = ("--max-macs", str(macs))
    other = given.search(f"{name}-macs", data, seed, resolution=resolution, limit=words)
    return line | {
        "by_macs_ms": given.measured(f"{name}-macs"),
        "by_macs_accuracy": _best(other)["val_accuracy"], "by_macs_macs": _best(other)["macs"],
    }  # fmt: skip


def _best(result: Run) -> dict[str, Any]:
    role = result["best"]["role"]
    return next(row for row in result["finals"] if row["role"] == role)


def summary(lines: Iterable[Line]) -> dict[str, record.Measured]:
    """By image size: how many kept the limit, as stated and measured anew, and the accuracies."""
    rows = list(lines)
    found: dict[str, record.Measured] = {}
    for resolution in dict.fromkeys(line["resolution"] for line in rows):
        some = [line for line in rows if line["resolution"] == resolution]
        limit = some[0]["limit_ms"]
        at = f"{resolution} px, {print_cost('latency_ms', limit)}"
        stated = sum(line["stated_ms"] <= limit for line in some)
        anew = sum(line["measured_ms"] <= limit for line in some)
        ratios = [line["measured_ms"] / limit for line in some]
        paired = [line for line in some if "by_macs_ms" in line]
        by_macs = [line["by_macs_ms"] / limit for line in paired]
        of = f"of {len(some)} runs"
        for what, values, unit, headline in (
            ("within the limit, as stated", [stated], of, True),
            ("within the limit, measured anew in another process", [anew], of, True),
            ("latency measured anew", ratios, "of the limit", False),
            ("latency of the search by MACs", by_macs, "of the limit", True),
            ("accuracy", [100 * line["accuracy"] for line in some], "% right", False),
            ("accuracy of the search by MACs", [100 * line["by_macs_accuracy"] for line in paired],
             "% right", False),
            ("accuracy of its pair", [100 * line["accuracy"] for line in paired], "% right",
             False),
            ("MACs", [line["macs"] / 1e6 for line in some], "M", False),
        ):  # fmt: skip
            if values:
                found[f"{at}: {what}"] = record.measured(values, unit, headline=headline)
    return found


def main() -> None:
    """Run what is missing, then write the record."""
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("limits", nargs="+", type=Limit.of, help="SIDE:MILLISECONDS:IMAGES")
    options.add_argument("--folder", type=Path, required=True, help="of the runs")
    options.add_argument("--runs", type=int, default=10, help="with the seeds 0, 1, ...")
    options.add_argument("--pairs", type=int, default=3, help="runs beside a search by MACs")
    options.add_argument("--minutes", type=float, default=1.0, help="of each search")
    options.add_argument("--runtime", default="onnxruntime")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    limits: list[Limit] = given.limits
    runs = Given(
        folder=given.folder, minutes=given.minutes, runtime=given.runtime,
        workers=given.workers,
    )  # fmt: skip
    given.folder.mkdir(parents=True, exist_ok=True)
    lines = [
        pair(runs, seed, limit=limit, by_macs=seed < given.pairs)
        for limit in limits
        for seed in range(given.runs)
    ]
    record.write(
        __file__,
        claim="The network that a search under a latency limit hands back is within it.",
        seeds=list(range(given.runs)),
        results=summary(lines),
        arguments=" ".join(f"{limit.resolution}:{limit.ms:g}:IMAGES" for limit in limits)
        + f" --folder FOLDER --runs {given.runs} --pairs {given.pairs} "
        f"--minutes {given.minutes:g}",
        facts={"runtime": given.runtime, "runs": lines},
        out=given.out,
    )


if __name__ == "__main__":
    main()
