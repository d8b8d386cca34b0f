"""The most memory that a short search holds at once: the coordinator, and each worker.

Run ``python benchmarks/memory.py`` on a quiet machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

import record

_MAIN = "from netwright.cli import main; main()"
_LOOK_SECONDS = 0.05


def peaks(arguments: Sequence[str]) -> tuple[float, float, float]:
    """Most resident MiB of the coordinator, of any worker, and of all together.

    Resident memory counts shared pages of libraries in every process, so the sum is more than
    what the machine gives up.
    """
    words = [sys.executable, "-c", _MAIN, *arguments]
    quiet = subprocess.DEVNULL
    own = worker = together = 0.0
    with subprocess.Popen(words, stdout=quiet, stderr=quiet) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                here = watched.memory_info().rss
                children = [c.memory_info().rss for c in watched.children(recursive=True)]
            except psutil.Error:
                continue
            own = max(own, here)
            worker = max([worker, *children])
            together = max(together, here + sum(children))
            time.sleep(_LOOK_SECONDS)
    if process.returncode != 0:
        raise RuntimeError(f"The search ended with exit code {process.returncode}.")
    return own / 2**20, worker / 2**20, together / 2**20


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--data", default="digits")
    options.add_argument("--minutes", default="0.5")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    found = []
    for seed in range(given.repeats):
        with tempfile.TemporaryDirectory() as folder:
            words = ["search", given.data, "--max-macs", "2M", "--minutes", given.minutes]
            words += ["--seed", str(seed), "--workers", str(given.workers)]
            found.append(peaks([*words, "--out", f"{folder}/run"]))
    own, worker, together = zip(*found, strict=True)
    record.write(
        __file__,
        claim=f"Peak memory of a search on {given.data} with {given.workers} workers",
        seeds=range(given.repeats),
        results={
            "coordinator": record.measured(own, "MiB"),
            "each worker": record.measured(worker, "MiB"),
            "all together": record.measured(together, "MiB", headline=True),
        },
        facts={"data": given.data, "minutes": float(given.minutes), "workers": given.workers},
        out=given.out,
    )


if __name__ == "__main__":
    main()
