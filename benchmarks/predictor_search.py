"""What a search by the predictor finds on NAS-Bench-201 after 25, 50, 100 and 200 networks.

A search sees the validation accuracy of one training of 200 epochs; reported is the test accuracy
of the best network by it.  Every candidate counts.  The predictor sees the graphs and the tokens
of the cells, nothing that was computed with data, and asks for 4 networks at a time, as evolution
and uniform search do here.  ``best by validation`` is what a search would report that had looked
at the whole table: no search can do better but by luck.  A search that has found that cell is
stopped there, since what it reports can no longer change.

``accel`` is the space of Accel-NASBench with half of its networks within the budget; a search sees
the accuracy that a model fitted on the table foretells.  Run ``python
benchmarks/predictor_search.py`` beside a folder ``../shared/data`` with ``nasbench201.parquet``;
``--add`` keeps what the record has of other images.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import kept
import record
from nasbench201_strategies import DATA, oracle
from netwright.contracts import Strategy
from netwright.evaluators.surrogate import SurrogateEvaluator
from netwright.evaluators.table import read_cells
from netwright.records import Budget, Objective, Tokens, Trial
from netwright.regret import SPACE, Contest, Start, reported
from netwright.replay import replay
from netwright.spaces.accel import AccelSpace
from netwright.spaces.within import Within
from netwright.stats import signed_rank
from netwright.strategies.evolution import Evolution
from netwright.strategies.predictor import FewShot
from netwright.strategies.uniform import Uniform

BATCH = FewShot.batch
CHECKPOINTS = (25, 50, 100, 200)
NEEDED = {"c10 after 100": 94.20, "c10 after 200": 94.30}  # what we set out to reach
STRATEGIES: dict[str, Start] = {
    "uniform": lambda within, goal, seed: Uniform(within, seed=seed),
    "evolution": lambda within, goal, seed: Evolution(
        within, objective=goal, seed=seed, population=30, sample=10
    ),
    "predictor": lambda within, goal, seed: FewShot(within, objective=goal, seed=seed),
}


class Stopping:
    """A strategy that has nothing more to ask once the best was found.

    Args:
        inner: The strategy.
        goal: What is to be large.
        best: Its largest value.
    """

    def __init__(self, inner: Strategy, *, goal: Objective, best: float) -> None:
        self.inner, self.goal, self.best, self.done = inner, goal, best, False

    def ask(self, n: int) -> Sequence[Tokens]:
        """What the strategy asks for; nothing once the best was found."""
        return () if self.done else self.inner.ask(n)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Tell the strategy."""
        self.done |= any(t.ok and t.value(self.goal) >= self.best for t in trials)
        self.inner.tell(trials)


def sampled(contest: Contest) -> list[int]:
    """Rows of the table that are canonical cells: those that are searched."""
    cells = read_cells(contest.table).items()
    return [row for cell, row in cells if SPACE.canonical(cell) == cell]


def measure(
    data: str, seeds: int, most: int, cache: kept.Kept
) -> tuple[dict[str, record.Measured], dict[str, object]]:
    """Rows of the record and facts of one set of images."""
    contest = Contest(
        table=str(DATA / "nasbench201.parquet"),
        objective=f"{data}_val_200",
        report=f"{data}_test_200",
        evaluations=most,
        measure=False,
    )
    rows: dict[str, record.Measured] = {}
    best = oracle(data)
    facts: dict[str, object] = {f"{data}, best by validation: test accuracy": best}
    found = {}
    top = float(contest.columns()[0][sampled(contest)].max())
    for name, start in STRATEGIES.items():

        def begin(within: Within, goal: Objective, seed: int, start: Start = start) -> Strategy:
            return Stopping(start(within, goal, seed), goal=goal, best=top)

        def search(seed: int, begin: Start = begin) -> list[float]:
            figures: list[float] = reported(contest, begin, seed=seed, batch=BATCH).tolist()
            return figures

        found[name] = np.array(cache.each(f"{data} {name} {most}", range(seeds), search))
        for n in (n for n in CHECKPOINTS if n <= most):
            rows[f"{data}, {name}, {n} networks"] = record.measured(
                found[name][:, n - 1].tolist(),
                "% test accuracy",
                headline=data == "c10" and n == 100,
            )
            if name != "uniform" and seeds > 5:
                p = signed_rank(found[name][:, n - 1], found["uniform"][:, n - 1])
                facts[f"{data}, {name} over uniform, {n} networks, p"] = p
        reached = [np.flatnonzero(np.isclose(run, best, atol=1e-9)) for run in found[name]]
        first = [int(at[0]) + 1 for at in reached if len(at)]
        facts[f"{data}, {name}: searches at the best by validation"] = f"{len(first)} of {seeds}"
        if first:
            facts[f"{data}, {name}: networks until then, median of those"] = float(
                np.median(first)
            )
        print(
            data, name, [f"{rows[k]['mean']:.3f}" for k in rows if f", {name}," in k], flush=True
        )
    return rows, facts


def measure_surrogate(
    seeds: int, most: int, cache: kept.Kept
) -> tuple[dict[str, record.Measured], dict[str, object]]:
    """The same in the space of Accel-NASBench under a budget, on a model of its accuracies."""
    space = AccelSpace()
    macs = Within.of(space, Budget()).survey.ranges["macs"].median
    within = Within.of(space, Budget(macs=macs))
    look = SurrogateEvaluator(path=str(DATA / "accel_nasbench.parquet"), columns=()).of
    goal = Objective(metric="val_accuracy")
    rows: dict[str, record.Measured] = {}
    for name, start in STRATEGIES.items():

        def search(seed: int, start: Start = start) -> list[float]:
            told = replay(start(within, goal, seed), look, trials=most, batch=BATCH)
            found: list[float] = np.maximum.accumulate(
                [100 * t.value(goal) for t in told]
            ).tolist()
            return found

        best = cache.each(f"accel {name} {most}", range(seeds), search)
        for n in (n for n in CHECKPOINTS if n <= most):
            at = [float(run[n - 1]) for run in best]
            rows[f"accel, {name}, {n} networks"] = record.measured(at, "% accuracy of the model")
        print("accel", name, f"{np.mean([run[-1] for run in best]):.3f}", flush=True)
    return rows, {"accel, most MACs": macs}


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--seeds", type=int, default=50)
    options.add_argument("--evaluations", type=int, default=200)
    options.add_argument("--data", nargs="*", default=["c10", "c100", "in16"])
    options.add_argument("--add", action="store_true")
    options.add_argument("--out", type=Path)
    kept.add_option(options)
    given = options.parse_args()
    cache = kept.Kept(given.cache)
    rows: dict[str, record.Measured] = {}
    facts: dict[str, object] = {"set out to reach": NEEDED, "candidates per ask": BATCH}
    before = given.out or record.RESULTS / "predictor_search.json"
    if given.add and before.is_file():
        there = json.loads(before.read_text(encoding="utf-8"))
        rows, facts = there["measured"], facts | there["facts"]
    for data in given.data:
        if data == "accel":
            measured, more = measure_surrogate(given.seeds, given.evaluations, cache)
        else:
            measured, more = measure(data, given.seeds, given.evaluations, cache)
        rows, facts = rows | measured, facts | more
    record.write(
        __file__,
        claim="The predictor finds the cell of NAS-Bench-201 best by validation in 100 networks",
        seeds=range(given.seeds),
        results=rows,
        arguments=f"--seeds {given.seeds}",
        facts=facts,
        out=given.out,
    )
    for what, value in facts.items():
        print(f"  {what}: {value}")


if __name__ == "__main__":
    main()
