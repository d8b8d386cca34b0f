"""A search in a process of its own, to be killed: ``python searcher.py FOLDER WORKERS``."""

from __future__ import annotations

import sys
from pathlib import Path

from netwright.fakes import FakeEvaluator, RandomDraws, TinySpace
from netwright.loop import Summary, run_search
from netwright.records import Budget, Objective
from netwright.spaces.tokens import fingerprint
from netwright.store import RunKey, open_store
from netwright.workers import Processes, Serial

SPACE = TinySpace(widths=tuple(range(4, 40)))
SEED, BATCH, TRIALS = 5, 8, 76
BUDGET = Budget(params=20_000)
OBJECTIVE = Objective(metric="score")
KEY = RunKey(
    space=SPACE.name,
    fingerprint=fingerprint(SPACE),
    seed=SEED,
    strategy="random draws",
    evaluator="fake",
    objective=OBJECTIVE,
    budget=BUDGET,
    batch=BATCH,
)


def search(folder: Path, *, workers: int, sleep: float = 0.0, trials: int = TRIALS) -> Summary:
    """Run or resume the search of these tests; 0 workers is ``Serial``."""
    evaluator = FakeEvaluator(sleep=sleep, failing=0.1, log=folder / "log.txt")
    with (
        open_store(folder / "trials.db", run=KEY, resume=True) as store,
        Processes(workers) if workers else Serial() as executor,
    ):
        return run_search(
            SPACE,
            RandomDraws(SPACE, seed=SEED),
            evaluator=evaluator,
            store=store,
            executor=executor,
            objective=OBJECTIVE,
            budget=BUDGET,
            seed=SEED,
            batch=BATCH,
            trials=trials,
        )


if __name__ == "__main__":
    search(Path(sys.argv[1]), workers=int(sys.argv[2]), sleep=0.01)
