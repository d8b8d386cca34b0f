"""A search by the predictor on a table, that dies: ``python tabular.py FOLDER LOOKS``."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

from netwright.arch.graph import Architecture
from netwright.evaluators.table import TableEvaluator
from netwright.loop import Summary, run_search
from netwright.records import Budget, Objective, Outcome
from netwright.rng import stream
from netwright.spaces.nasbench201 import NASBench201Space, to_string
from netwright.spaces.tokens import enumerate_tokens, fingerprint
from netwright.spaces.within import Within
from netwright.store import RunKey, open_store
from netwright.strategies import predictor
from netwright.workers import Serial

SPACE = NASBench201Space(cells=1, resolution=8)
OBJECTIVE = Objective(metric="val_accuracy")
BUDGET = Budget(params=120_000)
KEY = RunKey(
    space=SPACE.name,
    fingerprint=fingerprint(SPACE),
    seed=3,
    strategy="predictor",
    evaluator="table",
    objective=OBJECTIVE,
    budget=BUDGET,
    batch=predictor.FewShot.batch,
)


def write_table(path: Path) -> None:
    """Made-up accuracies of every cell: convolutions help, and every 50th has none."""
    rows = list(enumerate_tokens(SPACE))
    noise = stream(0, "table").normal(size=len(rows)).tolist()
    worth = (0.0, 2.0, 5.0, 6.0, 1.0)
    values = [
        None if i % 50 == 0 else 60 + sum(worth[t] for t in row) + noise[i]
        for i, row in enumerate(rows)
    ]
    cells = {"arch_str": [to_string(row) for row in rows], "c10_val_200": values}
    parquet.write_table(pa.table(cells), path)


@dataclass(frozen=True, kw_only=True)
class Dying:
    """Looks a network up; the process dies at some look."""

    table: TableEvaluator
    log: Path
    looks: int

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{arch.id}\n")
        if len(self.log.read_text(encoding="utf-8").split()) == self.looks:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.table(arch, seed=seed)


def search(folder: Path, *, looks: int = 0, trials: int = 22) -> Summary:
    """Begin or go on; die at a look, counted over all sittings, if it is not 0."""
    folder.mkdir(exist_ok=True)
    table = TableEvaluator(path=str(folder.parent / "cells.parquet"))
    strategy = predictor.FewShot(
        Within.of(SPACE, BUDGET), objective=OBJECTIVE, seed=KEY.seed, probes=8
    )
    with open_store(folder / "trials.db", run=KEY, resume=True) as store:
        return run_search(
            SPACE,
            strategy,
            evaluator=Dying(table=table, log=folder / "log.txt", looks=looks),
            store=store,
            executor=Serial(),
            objective=OBJECTIVE,
            budget=BUDGET,
            seed=KEY.seed,
            batch=KEY.batch,
            trials=trials,
        )


def look_less() -> None:
    """Fewer candidates than people want, for a test that is not to take long."""
    predictor.REFERENCE, predictor.CHILDREN, predictor.GENERATIONS = 32, 32, 2


if __name__ == "__main__":
    look_less()
    search(Path(sys.argv[1]), looks=int(sys.argv[2]))
