"""What the strategies find on NAS-Bench-201 after 100, 300 and 500 networks; and their fronts.

A search sees the validation accuracy of one training of 200 epochs; reported is the test accuracy
of the best network by it.  Every candidate counts, also one asked for before.  Run
``python benchmarks/nasbench201_strategies.py --seeds 50`` beside a folder ``../shared/data`` with
``nasbench201.parquet`` and ``nasbench201_hw.parquet``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import record
from netwright.evaluators.table import TableEvaluator, read_cells
from netwright.pareto import hypervolume
from netwright.records import Factor, Objective, Outcome, Tokens
from netwright.regret import SPACE, Contest, Start, reported
from netwright.replay import replay, unlimited
from netwright.stats import signed_rank
from netwright.strategies.evolution import Evolution
from netwright.strategies.nsga2 import NSGA2
from netwright.strategies.ppo import PPO
from netwright.strategies.reinforce import Reinforce
from netwright.strategies.uniform import Uniform

DATA = Path(__file__).parents[2] / "shared" / "data"
WITHIN = unlimited(SPACE)
CHECKPOINTS = (100, 300, 500)
BOARDS = ("raspi4", "edgegpu")
ACCURACY = Objective(metric="val_accuracy")
# What others measured on CIFAR-10 in the same setting, after 100, 300 and 500 networks.
REFERENCE = {"uniform": (93.75, 93.87, 94.00), "evolution": (94.01, 94.14, 94.19)}

STRATEGIES: dict[str, Start] = {
    "uniform": lambda within, goal, seed: Uniform(within, seed=seed),
    "evolution": lambda within, goal, seed: Evolution(
        within, objective=goal, seed=seed, population=30, sample=10
    ),
    "ppo": lambda within, goal, seed: PPO(within, objective=goal, seed=seed),
    "reinforce": lambda within, goal, seed: Reinforce(within, objective=goal, seed=seed),
}


def curves(data: str, seeds: int) -> dict[str, npt.NDArray[np.float64]]:
    """Test accuracies, in per cent, of the best by validation (seeds, checkpoints) by strategy."""
    contest = Contest(
        table=str(DATA / "nasbench201.parquet"),
        objective=f"{data}_val_200",
        report=f"{data}_test_200",
        evaluations=CHECKPOINTS[-1],
        measure=False,
    )
    found, columns = {}, [n - 1 for n in CHECKPOINTS]
    for name, start in STRATEGIES.items():
        began = time.perf_counter()
        runs = [reported(contest, start, seed=seed)[columns] for seed in range(seeds)]
        found[name] = np.array(runs)
        print(f"{data} {name}: {time.perf_counter() - began:.0f} s", flush=True)
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
                p = signed_rank(runs[:, i], found["uniform"][:, i])
                facts[f"{data}, {name} over uniform, {n} networks, p"] = p
    return rows, facts


def shares(board: str, seeds: int) -> dict[str, list[float]]:
    """Hypervolume of what 500 networks found, over that of the whole table, by strategy.

    Of CIFAR-10 accuracy and latency, from two reference points: the largest latency with the
    least accuracy of the table, and, harder, with the median accuracy.
    """
    path, hardware = (str(DATA / f"{n}.parquet") for n in ("nasbench201", "nasbench201_hw"))
    latency = f"{board}_latency_ms"
    table = TableEvaluator(path=path, hardware=hardware, measures=(f"{board}_latency",))
    outcome = cache(table.of)

    def look(rows: Sequence[Tokens]) -> list[Outcome]:
        return [outcome(row) for row in rows]

    every = [_point(outcome(row), latency) for row in read_cells(path)]
    accuracies, latencies = zip(*every, strict=True)
    target = float(np.median(latencies))
    soft = Objective(metric="val_accuracy", factors=(Factor(cost=latency, target=target),))
    references = {
        "least": (min(accuracies), max(latencies)),
        "median": (float(np.median(accuracies)), max(latencies)),
    }
    whole = {what: _volume(every, reference) for what, reference in references.items()}
    makers: dict[str, Start] = {
        **STRATEGIES,
        "nsga2": lambda within, goal, seed: NSGA2(
            within, objective=ACCURACY, seed=seed, costs=(latency,)
        ),
    }
    found: dict[str, list[float]] = {}
    for name, start in makers.items():
        for seed in range(seeds):
            trials = replay(start(WITHIN, soft, seed), look, trials=CHECKPOINTS[-1])
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
