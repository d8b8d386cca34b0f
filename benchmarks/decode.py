"""A candidate is decoded, costed and checked against a budget in tens of microseconds.

Run ``python benchmarks/decode.py`` on a quiet machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import record
from netwright.arch.cost import cost
from netwright.records import Budget, Tokens
from netwright.rng import stream
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import sample
from netwright.spaces.within import Within

SPACE = MobileSpace(resolution=224, classes=1000)
BUDGET = Budget(macs=300e6, params=4e6)
SEED = 0


def rows(count: int) -> list[Tokens]:
    """Uniform candidates."""
    return [sample(SPACE, stream(SEED, "decode", i)) for i in range(count)]


def check(tokens: list[Tokens]) -> None:
    """Decode, cost and budget: what the first look of a search does."""
    for row in tokens:
        BUDGET.violations(cost(SPACE.decode(row)))


def rates(run: Callable[[], object], *, count: int, repeats: int) -> list[float]:
    """Items a second, once per repeat; the first run only fills the caches of blocks."""
    run()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        found.append(count / (time.perf_counter() - start))
    return found


def measure(repeats: int) -> dict[str, list[float]]:
    """Architectures a second, by what is done with them."""
    many, few = rows(3000), rows(300)
    within = Within.of(SPACE, BUDGET, seed=SEED)

    def ids() -> None:
        for row in few:  # decoded anew, since an architecture remembers its id
            _ = SPACE.decode(row).id

    def samples() -> None:
        for i in range(len(few)):
            within.sample(rng=stream(SEED, "sample", i))

    def survey() -> None:
        Within.of(SPACE, BUDGET, seed=SEED)

    return {
        "decode + cost + budget": rates(lambda: check(many), count=len(many), repeats=repeats),
        "decode + content id": rates(ids, count=len(few), repeats=repeats),
        "draw within the budget": rates(samples, count=len(few), repeats=repeats),
        "survey of the space": rates(survey, count=1, repeats=repeats),
    }


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--repeats", type=int, default=7)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    results = {
        name: record.measured(found, "per second", headline=name.startswith("decode + cost"))
        for name, found in measure(given.repeats).items()
    }
    record.write(
        __file__,
        claim="Decoding, cost and budget check of the mobile space at 224 px, on one core",
        seeds=[SEED],
        results=results,
        facts={"nodes": statistics.mean(len(SPACE.decode(row).nodes) for row in rows(300))},
        out=given.out,
    )


if __name__ == "__main__":
    main()
