"""What the strategies find on NAS-Bench-201 after 100, 300 and 500 networks; and their fronts.

A search sees the validation accuracy of one training of 200 epochs; reported is the test accuracy
of the best network by it.  Every candidate counts, also one asked for before.  Run
``python benchmarks/nasbench201_strategies.py --seeds 50`` beside a folder ``../shared/data`` with
``nasbench201.parquet`` and ``nasbench201_hw.parquet``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import wilcoxon

import record
from netwright.contracts import Strategy
from netwright.evaluators.table import TableEvaluator, read_cells, read_columns
from netwright.pareto import hypervolume
from netwright.records import Factor, Objective, Outcome, Tokens, Trial
from netwright.replay import replay, unlimited
from netwright.spaces.nasbench201 import NASBench201Space
from netwright.strategies.evolution import Evolution
from netwright.strategies.nsga2 import NSGA2
from netwright.strategies.ppo import PPO
from netwright.strategies.reinforce import Reinforce
from netwright.strategies.uniform import Uniform

DATA = Path(__file__).parents[2] / "shared" / "data"
WITHIN = unlimited(NASBench201Space())
CHECKPOINTS = (100, 300, 500)
BOARDS = ("raspi4", "edgegpu")
ACCURACY = Objective(metric="val_accuracy")
# What others measured on CIFAR-10 in the same setting, after 100, 300 and 500 networks.
REFERENCE = {"uniform": (93.75, 93.87, 94.00), "evolution": (94.01, 94.14, 94.19)}

Make = Callable[[Objective, int], Strategy]
STRATEGIES: dict[str, Make] = {
    "uniform": lambda goal, seed: Uniform(WITHIN, seed=seed),
    "evolution": lambda goal, seed: Evolution(
        WITHIN, objective=goal, seed=seed, population=30, sample=10
    ),
    "ppo": lambda goal, seed: PPO(WITHIN, objective=goal, seed=seed),
    "reinforce": lambda goal, seed: Reinforce(WITHIN, objective=goal, seed=seed),
}


class Table:
    """The networks of one data set, and what a board takes for them if one is given."""

    def __init__(self, data: str, board: str | None = None) -> None:
        path, hardware = (str(DATA / f"{n}.parquet") for n in ("nasbench201", "nasbench201_hw"))
        measures = (f"{board}_latency",) if board else ()
        look = TableEvaluator(path=path, data=data, hardware=hardware, measures=measures)
        self.cells = read_cells(path)
        self.test = read_columns(path, (f"{data}_test_200",))[f"{data}_test_200"]
        self.outcome = cache(look.of)

    def __call__(self, rows: Sequence[Tokens]) -> list[Outcome]:
        return [self.outcome(row) for row in rows]

    def curve(self, trials: Sequence[Trial]) -> list[float]:
        """Test accuracy, in per cent, of the best by validation at every checkpoint."""
        best, found, chosen = -1.0, [], 0.0
        for n, trial in enumerate(trials, start=1):
            value = trial.outcome.metrics["val_accuracy"]
            if value > best:
                best, chosen = value, float(self.test[self.cells[trial.tokens]])
            if n in CHECKPOINTS:
                found.append(chosen)
        return found


def curves(data: str, seeds: int) -> dict[str, npt.NDArray[np.float64]]:
    """Accuracies (seeds, checkpoints) by strategy."""
    table, found = Table(data), {}
    for name, make in STRATEGIES.items():
        start = time.perf_counter()
        runs = [
            table.curve(replay(make(ACCURACY, seed), table, trials=CHECKPOINTS[-1]))
            for seed in range(seeds)
        ]
        found[name] = np.array(runs)
        print(f"{data} {name}: {time.perf_counter() - start:.0f} s", flush=True)
    return found


def accuracy_rows(
    data: str, found: dict[str, npt.NDArray[np.float64]]
) -> tuple[dict[str, record.Measured], dict[str, object]]:
    """Rows of the record, and the tests against uniform search with the same seeds."""
    rows: dict[str, record.Measured] = {}
    facts: dict[str, object] = {}
    for name, runs in found.items():
        for i, n in enumerate(CHECKPOINTS):
            headline = data == "c10" and n == CHECKPOINTS[-1]
            rows[f"{data}, {name}, {n} networks"] = record.measured(
                runs[:, i].tolist(), "% test accuracy", headline=headline
            )
            if name != "uniform" and len(runs) > 5:
                p = wilcoxon(runs[:, i], found["uniform"][:, i], alternative="greater").pvalue
                facts[f"{data}, {name} over uniform, {n} networks, p"] = float(p)
    return rows, facts


def shares(board: str, seeds: int) -> dict[str, list[float]]:
    """Hypervolume of what 500 networks found, over that of the whole table, by strategy.

    Of CIFAR-10 accuracy and latency, from two reference points: the largest latency with the
    least accuracy of the table, and, harder, with the median accuracy.
    """
    table, latency = Table("c10", board), f"{board}_latency_ms"
    every = [_point(table.outcome(row), latency) for row in table.cells]
    accuracies, latencies = zip(*every, strict=True)
    target = float(np.median(latencies))
    soft = Objective(metric="val_accuracy", factors=(Factor(cost=latency, target=target),))
    references = {
        "least": (min(accuracies), max(latencies)),
        "median": (float(np.median(accuracies)), max(latencies)),
    }
    whole = {what: _volume(every, reference) for what, reference in references.items()}
    makers: dict[str, Make] = {
        **STRATEGIES,
        "nsga2": lambda goal, seed: NSGA2(WITHIN, objective=ACCURACY, seed=seed, costs=(latency,)),
    }
    found: dict[str, list[float]] = {}
    for name, make in makers.items():
        for seed in range(seeds):
            trials = replay(make(soft, seed), table, trials=CHECKPOINTS[-1])
            points = [_point(t.outcome, latency) for t in trials]
            for what, reference in references.items():
                key = f"{name}, above the {what} accuracy"
                found.setdefault(key, []).append(_volume(points, reference) / whole[what])
    return found


def _volume(points: Sequence[tuple[float, float]], reference: tuple[float, float]) -> float:
    return hypervolume(points, reference=reference, directions=("max", "min"))


def _point(outcome: Outcome, latency: str) -> tuple[float, float]:
    return outcome.metrics["val_accuracy"], outcome.metrics[latency]


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--seeds", type=int, default=50)
    options.add_argument("--data", nargs="*", default=["c10", "c100", "in16"])
    options.add_argument("--boards", nargs="*", default=list(BOARDS))
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, record.Measured] = {}
    facts: dict[str, object] = {"published for CIFAR-10": REFERENCE}
    for data in given.data:
        found, tests = accuracy_rows(data, curves(data, given.seeds))
        rows, facts = rows | found, facts | tests
    for board in given.boards:
        for name, values in shares(board, given.seeds).items():
            rows[f"c10 front on {board}, {name}"] = record.measured(
                values, "of the table's hypervolume"
            )
    record.write(
        __file__,
        claim="PPO and evolution find better networks of NAS-Bench-201 than uniform search",
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
