"""What the loop and the store cost per trial, with an evaluator that answers at once.

Run ``python benchmarks/bookkeeping.py`` on a quiet machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import record
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.contracts import Space
from netwright.fakes import RandomDraws, TinySpace
from netwright.loop import BATCH, run_search
from netwright.records import Budget, Objective, Outcome
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import fingerprint
from netwright.store import RunKey, open_store
from netwright.workers import Serial

SPACES: dict[str, Space] = {
    "few operations (tiny)": TinySpace(widths=tuple(range(4, 400))),
    "mobile at 32 px": MobileSpace(classes=10, resolution=32),
}
SCORE = Objective(metric="score")


@dataclass(frozen=True)
class Instant:
    """A score at no cost."""

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        """The parameters, as a score."""
        return Outcome.of({"score": float(cost(arch).params)}, seconds=0.0, device="cpu")


def search(space: Space, path: Path, *, seed: int, trials: int) -> float:
    """Wall seconds of a search of so many trials, its store opened and closed."""
    key = RunKey(
        space=space.name,
        fingerprint=fingerprint(space),
        seed=seed,
        strategy="random draws",
        evaluator="instant",
        objective=SCORE,
        budget=Budget(),
        batch=BATCH,
    )
    start = time.perf_counter()
    with open_store(path, run=key, resume=False) as store, Serial() as executor:
        run_search(
            space,
            RandomDraws(space, seed=seed),
            evaluator=Instant(),
            store=store,
            executor=executor,
            objective=SCORE,
            budget=Budget(),
            seed=seed,
            trials=trials,
        )
    return time.perf_counter() - start


def decoding(space: Space, *, seed: int, trials: int) -> float:
    """Wall seconds of drawing, decoding, costing and naming the same candidates."""
    strategy, start = RandomDraws(space, seed=seed), time.perf_counter()
    for tokens in strategy.ask(trials):
        arch = space.decode(space.canonical(tokens))
        cost(arch)
        _ = arch.id
    return time.perf_counter() - start


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--trials", type=int, default=2000)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    results = {}
    for name, space in SPACES.items():
        whole, looks = [], []
        for seed in range(given.repeats):
            decoding(space, seed=seed, trials=given.trials)  # blocks of the space, made once
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "trials.db"
                whole.append(1e3 * search(space, path, seed=seed, trials=given.trials))
            looks.append(1e3 * decoding(space, seed=seed, trials=given.trials))
        own = [(w - d) / given.trials for w, d in zip(whole, looks, strict=True)]
        main_row = space.name == "mobile"
        results[f"{name}: loop and store"] = record.measured(
            own, "ms per trial", headline=main_row
        )
        results[f"{name}: decoding, cost and id"] = record.measured(
            [d / given.trials for d in looks], "ms per trial"
        )
    record.write(
        __file__,
        claim="Bookkeeping (loop and SQLite) costs about a millisecond per trial",
        seeds=range(given.repeats),
        results=results,
        facts={"trials": given.trials, "batch": BATCH},
        out=given.out,
    )


if __name__ == "__main__":
    main()
