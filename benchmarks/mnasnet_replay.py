"""MnasNet's search of 8,000 networks, replayed on models of real ImageNet trainings.

Accuracy, latency and training time are predicted by the surrogate of Accel-NASBench; the reward is
``accuracy * (latency / T) ** w`` with T the median latency, soft (w = -.07) unless a row says
hard (w = -1 above T).  Run ``python benchmarks/mnasnet_replay.py --seeds 10`` beside a folder
``../shared/data`` with ``accel_nasbench.parquet``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import record
from netwright.contracts import Strategy
from netwright.evaluators.surrogate import SurrogateEvaluator, fitted, metric
from netwright.records import Factor, Objective, Outcome, Tokens, Trial
from netwright.replay import replay, unlimited
from netwright.spaces.accel import AccelSpace
from netwright.strategies.evolution import Evolution
from netwright.strategies.ppo import PPO
from netwright.strategies.reinforce import Reinforce
from netwright.strategies.uniform import Uniform

PATH = Path(__file__).parents[2] / "shared" / "data" / "accel_nasbench.parquet"
WITHIN = unlimited(AccelSpace())
LAST = 500
COLUMN = "latency_vck190"
LATENCY = metric(COLUMN)

Make = Callable[[Objective, int], Strategy]
STRATEGIES: dict[str, Make] = {
    "uniform": lambda goal, seed: Uniform(WITHIN, seed=seed),
    "evolution": lambda goal, seed: Evolution(WITHIN, objective=goal, seed=seed),
    "ppo": lambda goal, seed: PPO(WITHIN, objective=goal, seed=seed),
    "ppo as published": lambda goal, seed: PPO(
        WITHIN, objective=goal, seed=seed, learning_rate=3.5e-4, entropy=1e-5,
        entropy_half_life=None, rewards="value", normalise=True, elites=0,
    ),
    "reinforce": lambda goal, seed: Reinforce(WITHIN, objective=goal, seed=seed),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one search came to.

    Args:
        best: Largest reward.
        last: Mean reward of the last 500 candidates.
        below: Share of those whose latency is at most T.
        spread: From the 5th to the 95th percentile of their latencies, over T.
        hours: GPU-hours that the trainings would have taken.
        seconds: What the replay took.
    """

    best: float
    last: float
    below: float
    spread: float
    hours: float
    seconds: float


def search(make: Make, goal: Objective, *, seed: int, trials: int, target: float) -> Run:
    """One search and its figures."""
    evaluator = SurrogateEvaluator(path=str(PATH), columns=(COLUMN, "train_time_s"))

    def look(rows: Sequence[Tokens]) -> list[Outcome]:
        return evaluator.of(rows)

    start = time.perf_counter()
    told = replay(make(goal, seed), look, trials=trials)
    rewards = [trial.value(goal) for trial in told]
    latencies = np.array([t.outcome.metrics[LATENCY] for t in told[-LAST:]]) / target
    low, high = np.quantile(latencies, [0.05, 0.95]).tolist()
    return Run(
        best=max(rewards),
        last=float(np.mean(rewards[-LAST:])),
        below=float(np.mean(latencies <= 1)),
        spread=high - low,
        hours=_hours(told),
        seconds=time.perf_counter() - start,
    )


def _hours(told: Sequence[Trial]) -> float:
    new = [t for t in told if t.duplicate_of is None]
    return sum(t.outcome.metrics["train_seconds"] for t in new) / 3600


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--trials", type=int, default=8000)
    options.add_argument("--strategies", nargs="*", default=list(STRATEGIES))
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    surrogate = fitted(str(PATH), (COLUMN, "train_time_s"))
    target = surrogate.median(COLUMN)
    soft = Objective(metric="val_accuracy", factors=(Factor(cost=LATENCY, target=target),))
    hard = Objective(
        metric="val_accuracy", factors=(Factor(cost=LATENCY, target=target, below=0, above=-1),)
    )
    searches = [(name, STRATEGIES[name], soft) for name in given.strategies]
    if "ppo" in given.strategies:
        searches.append(("ppo, hard", STRATEGIES["ppo"], hard))
    rows: dict[str, record.Measured] = {}
    for name, make, goal in searches:
        runs = [
            search(make, goal, seed=seed, trials=given.trials, target=target)
            for seed in range(given.seeds)
        ]
        for what, values, unit in (
            ("best", [r.best for r in runs], "reward"),
            (f"mean of the last {LAST}", [r.last for r in runs], "reward"),
            ("at most T", [r.below for r in runs], "of the last"),
            ("latencies, 5 to 95%", [r.spread for r in runs], "T wide"),
            ("trainings", [r.hours for r in runs], "GPU-hours by the table"),
            ("replay", [r.seconds for r in runs], "s"),
        ):
            rows[f"{name}: {what}"] = record.measured(
                values, unit, headline=what.startswith("mean") and "hard" not in name
            )
        print(f"{name}: {runs}", flush=True)
    record.write(
        __file__,
        claim="MnasNet's search of 8,000 networks, replayed on models of ImageNet trainings",
        seeds=range(given.seeds),
        results=rows,
        arguments=f"--seeds {given.seeds} --trials {given.trials}",
        facts={
            "target latency, ms": target,
            "held-out errors": {k: str(v) for k, v in surrogate.errors.items()},
        },
        out=given.out,
    )


if __name__ == "__main__":
    main()
