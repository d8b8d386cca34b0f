"""What 500 networks of NAS-Bench-201 find of the front of accuracy and latency on two boards.

Measured is the hypervolume of what was found over that of the whole table, of the validation
accuracy on CIFAR-10 after 200 epochs and HW-NAS-Bench's latency.

**Reference points.**  ``nadir``: the worst accuracy and the largest latency on the true front,
each worse by a tenth of the front's range, as is usual.  The front holds a cell without any
operation, of 10% accuracy, so that this point lies far off and everything comes close to 1.
``median``: the median accuracy and the largest latency of the table, so that only networks better
than half of all count.

**What can be reached.**  The table has 15,625 cells, 5,220 of which are another spelling of a cell
and were trained and measured once more.  A search knows one spelling of each, so that it cannot
reach the whole: what the 10,405 can come to is among the facts.

Run ``python benchmarks/nasbench201_fronts.py --seeds 20`` beside a folder ``../shared/data`` with
``nasbench201.parquet`` and ``nasbench201_hw.parquet``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

import record
from kept import Kept, add_option
from netwright.evaluators.table import TableEvaluator, read_cells
from netwright.pareto import front, hypervolume
from netwright.records import Factor, Objective, Outcome, Tokens
from netwright.regret import SPACE, Start
from netwright.replay import replay, unlimited
from netwright.strategies.evolution import Evolution
from netwright.strategies.nsga2 import NSGA2
from netwright.strategies.ppo import PPO
from netwright.strategies.ppo_pareto import ParetoPPO
from netwright.strategies.uniform import Uniform

DATA = Path(__file__).parents[2] / "shared" / "data"
WITHIN = unlimited(SPACE)
TRIALS = 500
ACCURACY = Objective(metric="val_accuracy")
Point = tuple[float, float]


class Board:
    """The networks of the table on one board.

    Args:
        name: ``raspi4`` or ``edgegpu``.
    """

    def __init__(self, name: str) -> None:
        path, hardware = (str(DATA / f"{n}.parquet") for n in ("nasbench201", "nasbench201_hw"))
        look = TableEvaluator(path=path, hardware=hardware, measures=(f"{name}_latency",))
        self.latency = f"{name}_latency_ms"
        self.outcome = cache(look.of)
        cells = list(read_cells(path))
        every = [self.point(cell) for cell in cells]
        accuracies, latencies = np.array(every).T
        edge = front(every, directions=("max", "min"))
        worst, best = accuracies[edge].min(), accuracies[edge].max()
        slow, fast = latencies[edge].max(), latencies[edge].min()
        self.references: dict[str, Point] = {
            "nadir": (float(worst - (best - worst) / 10), float(slow + (slow - fast) / 10)),
            "median": (float(np.median(accuracies)), float(latencies.max())),
        }
        self.whole = {what: self.volume(every, what) for what in self.references}
        self.median_ms = float(np.median(latencies))
        known = [self.point(cell) for cell in {SPACE.canonical(cell) for cell in cells}]
        self.reachable = {what: self.share(known, what) for what in self.references}

    def point(self, cell: Tokens) -> Point:
        """Accuracy and latency of a cell."""
        metrics = self.outcome(cell).metrics
        return metrics["val_accuracy"], metrics[self.latency]

    def volume(self, points: Sequence[Point], reference: str) -> float:
        """Hypervolume up to a reference point."""
        worst = self.references[reference]
        return hypervolume(points, reference=worst, directions=("max", "min"))

    def share(self, points: Sequence[Point], reference: str) -> float:
        """That over the whole table's."""
        return self.volume(points, reference) / self.whole[reference]

    def shares(self, start: Start, seed: int) -> dict[str, float]:
        """What one search finds, by reference point."""
        told = replay(start(WITHIN, ACCURACY, seed), self.look, trials=TRIALS)
        points = [self.point(trial.tokens) for trial in told]
        return {what: self.share(points, what) for what in self.references}

    def look(self, rows: Sequence[Tokens]) -> list[Outcome]:
        """What the table says."""
        return [self.outcome(row) for row in rows]

    def strategies(self) -> dict[str, Start]:
        """All that are compared; the soft reward aims at the median latency of the table."""
        factor = Factor(cost=self.latency, target=self.median_ms)
        soft = Objective(metric="val_accuracy", factors=(factor,))
        costs = (self.latency,)
        return {
            "uniform": lambda within, goal, seed: Uniform(within, seed=seed),
            "evolution, soft reward": lambda within, goal, seed: Evolution(
                within, objective=soft, seed=seed
            ),
            "ppo, soft reward": lambda within, goal, seed: PPO(within, objective=soft, seed=seed),
            "ppo-pareto": lambda within, goal, seed: ParetoPPO(
                within, objective=goal, seed=seed, costs=costs
            ),
            "nsga2": lambda within, goal, seed: NSGA2(
                within, objective=goal, seed=seed, costs=costs
            ),
        }


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--boards", nargs="*", default=["raspi4", "edgegpu"])
    add_option(options)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    rows, facts, kept = dict[str, record.Measured](), dict[str, object](), Kept(given.cache)
    for name in given.boards:
        board = Board(name)
        for what, point in board.references.items():
            facts[f"{name}, {what}: accuracy and ms"] = point
            facts[f"{name}, {what}: share that can be reached"] = board.reachable[what]
        for strategy, start in board.strategies().items():
            search = partial(board.shares, start)
            runs = kept.each(f"{name} {strategy}", range(given.seeds), search)
            for what in board.references:
                values = [shares[what] for shares in runs]
                rows[f"{name}, {strategy}, from the {what}"] = record.measured(
                    values, "of the table's", headline=what == "nadir" and "soft" not in strategy
                )
            print(f"{name}, {strategy}", flush=True)
    record.write(
        __file__,
        claim=f"{TRIALS} networks find nearly all of the front of accuracy and latency (share of "
        "the hypervolume)",
        seeds=range(given.seeds),
        results=rows,
        arguments=f"--seeds {given.seeds}",
        facts=facts,
        out=given.out,
    )


if __name__ == "__main__":
    main()
