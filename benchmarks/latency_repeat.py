"""The same networks measured again, apart in time and load: do the ranks agree, and the ties?

Every call measures all networks in turn and adds a session to ``--file``; from the second on the
sessions are compared.  ``--load N`` keeps N other processes busy meanwhile.  Run
``python benchmarks/latency_repeat.py --file FILE`` twice, an hour apart, and once with
``--load 2``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import record
from netwright import catalog
from netwright.arch.graph import Architecture
from netwright.nn.measured import Latency
from netwright.nn.runtimes import RuntimeName, Where, ready
from netwright.nn.timing import measure, torch_threads
from netwright.rng import stream
from netwright.spaces.tokens import sample
from netwright.stats import kendall, spearman

Session = dict[str, Any]
_BUSY = "while True: sum(range(100000))"


def networks(count: int, resolution: int) -> dict[str, Architecture]:
    """Random networks of the mobile space, by id."""
    space = catalog.space("mobile", classes=1000, resolution=resolution, channels=3)
    rng, found = stream(0, "repeat"), dict[str, Architecture]()
    while len(found) < count:
        arch = space.decode(space.canonical(sample(space, rng)))
        found.setdefault(arch.id, arch)
    return found


def session(
    archs: dict[str, Architecture], runtimes: Sequence[RuntimeName], *, seconds: float, load: int
) -> Session:
    """All networks in turn, in each runtime."""
    taken: dict[str, dict[str, Any]] = {}
    with busy(load), torch_threads(1):
        for runtime in runtimes:
            runs = {name: ready(a, Where(runtime=runtime)).run for name, a in archs.items()}
            found = measure(runs, seconds=seconds, warmup_seconds=1.0)
            taken[runtime] = {name: asdict(latency) for name, latency in found.items()}
    return {
        "at": round(time.time()), "load": load, "load_average": round(os.getloadavg()[0], 2),
        "found": taken,
    }  # fmt: skip


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Other processes that compute meanwhile."""
    others = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def latencies(one: Session, runtime: str) -> dict[str, Latency]:
    """Of a session, by network."""
    return {name: Latency(**row) for name, row in one["found"][runtime].items()}


def compare(first: Session, second: Session, runtime: str) -> dict[str, float]:
    """Agreement of two sessions, and whether the differences that were no ties came back.

    Of the pairs whose difference was above the noise in the first session, how many have the same
    order in the second; and of those that were ties.
    """
    a, b = latencies(first, runtime), latencies(second, runtime)
    names = [name for name in a if name in b]
    x, y = ([found[n].median_ms for n in names] for found in (a, b))
    same: dict[bool, list[bool]] = {True: [], False: []}
    for p, q in combinations(names, 2):
        kept = (a[p].median_ms < a[q].median_ms) == (b[p].median_ms < b[q].median_ms)
        same[a[p].tie(a[q])].append(kept)
    ratios = sorted(after / before for before, after in zip(x, y, strict=True))
    return {
        "spearman": spearman(x, y),
        "kendall": kendall(x, y),
        "ratio": ratios[len(ratios) // 2],
        "kept_of_differences": _percent(same[False]),
        "kept_of_ties": _percent(same[True]),
        "ties": _percent([True] * len(same[True]) + [False] * len(same[False])),
        "settled": _percent([b[n].settled for n in names]),
    }


def _percent(values: Sequence[bool]) -> float:
    return 100 * sum(values) / len(values) if values else 100.0


def summary(sessions: Sequence[Session]) -> dict[str, record.Measured]:
    """Every session beside the first one."""
    found: dict[str, record.Measured] = {}
    first = sessions[0]
    for runtime in first["found"]:
        for number, other in enumerate(sessions[1:], start=2):
            if runtime not in other["found"]:
                continue
            hours = (other["at"] - first["at"]) / 3600
            under = f"under the load of {other['load']}" if other["load"] else "idle"
            at = f"{runtime}, session {number} ({hours:.1f} hours later, {under})"
            row = compare(first, other, runtime)
            for what, name, unit, headline in (
                ("Spearman", "spearman", "", True),
                ("Kendall", "kendall", "", False),
                ("median of the ratios", "ratio", "", False),
                ("differences above the noise that came back", "kept_of_differences", "%", True),
                ("ties that came back in the same order", "kept_of_ties", "%", False),
                ("pairs that tie", "ties", "%", False),
                ("networks that settled", "settled", "%", False),
            ):
                found[f"{at}: {what}"] = record.measured([row[name]], unit, headline=headline)
    return found


def main() -> None:
    """Measure a session, and compare where there are two."""
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--file", type=Path, required=True, help="of the sessions")
    options.add_argument("--networks", type=int, default=30)
    options.add_argument("--resolution", type=int, default=96)
    options.add_argument("--runtime", action="append", help="torch and onnxruntime without it")
    options.add_argument("--seconds", type=float, default=0.5, help="of each network, at least")
    options.add_argument("--load", type=int, default=0, help="processes that compute meanwhile")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    sessions: list[Session] = []
    if given.file.exists():
        sessions = json.loads(given.file.read_text(encoding="utf-8"))
    archs = networks(given.networks, given.resolution)
    runtimes = given.runtime or ["torch", "onnxruntime"]
    sessions.append(session(archs, runtimes, seconds=given.seconds, load=given.load))
    given.file.write_text(json.dumps(sessions), encoding="utf-8")
    if len(sessions) < 2:
        print(f"Measured {len(archs)} networks; call it again later, and with --load 2.")
        return
    record.write(
        __file__,
        claim="Latencies that differ by more than their noise differ in the same direction when "
        "they are measured again.",
        seeds=[0],
        results=summary(sessions),
        arguments="--file FILE",
        facts={"sessions": [{k: v for k, v in s.items() if k != "found"} for s in sessions]},
        out=given.out,
    )


if __name__ == "__main__":
    main()
