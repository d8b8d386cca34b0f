"""MnasNet's search of 8,000 networks, replayed on models of real ImageNet trainings.

Accuracy, latency and training time are predicted by the surrogate of Accel-NASBench; the reward is
``accuracy * (latency / T) ** w`` with T the median latency, soft (w = -.07) or hard (w = -1 above
T).  As in the paper a network that was tried before is looked up and not avoided (``redraws=0``),
so that a policy that has made up its mind costs nothing.  Run
``python benchmarks/mnasnet_replay.py --seeds 10`` beside a folder ``../shared/data`` with
``accel_nasbench.parquet``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import t as student

import record
from kept import Kept, add_option
from netwright.contracts import Strategy
from netwright.evaluators.surrogate import SurrogateEvaluator, fitted, metric
from netwright.records import Factor, Objective, Trial
from netwright.replay import replay, unlimited
from netwright.reporting.lines import Axis, Sample, lines_svg
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
    "ppo": lambda goal, seed: PPO(WITHIN, objective=goal, seed=seed, redraws=0),
    "ppo as published": lambda goal, seed: PPO(
        WITHIN, objective=goal, seed=seed, learning_rate=3.5e-4, entropy=1e-5,
        entropy_half_life=None, rewards="value", normalise=True, elites=0, redraws=0,
    ),
    "reinforce": lambda goal, seed: Reinforce(WITHIN, objective=goal, seed=seed, redraws=0),
}  # fmt: skip
PICTURED = "ppo as published"
BINS = np.linspace(0.5, 2.0, 31)  # of latency over T


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one search came to.

    Args:
        best: Largest reward.
        last: Mean reward of the last 500 candidates.
        below: Share of the different networks that were tried whose latency is at most T.
        spread: From the 5th to the 95th percentile of their latencies, over T.
        fresh: How many different networks there were.
        hours: GPU-hours that their trainings would have taken.
        seconds: What the replay took.
        histogram: How many of the different networks are in each range of latencies.
    """

    best: float
    last: float
    below: float
    spread: float
    fresh: int
    hours: float
    seconds: float
    histogram: list[int]


def search(
    make: Make, goal: Objective, seed: int, *, trials: int, target: float
) -> dict[str, Any]:
    """One search and its figures, those of a ``Run``."""
    evaluator = SurrogateEvaluator(path=str(PATH), columns=(COLUMN, "train_time_s"))
    start = time.process_time()
    told = replay(make(goal, seed), evaluator.of, trials=trials)
    rewards = [trial.value(goal) for trial in told]
    fresh = [t for t in told if t.duplicate_of is None]
    latencies = np.array([t.outcome.metrics[LATENCY] for t in fresh]) / target
    low, high = np.quantile(latencies, [0.05, 0.95]).tolist()
    run = Run(
        best=max(rewards),
        last=float(np.mean(rewards[-LAST:])),
        below=float(np.mean(latencies <= 1)),
        spread=high - low,
        fresh=len(fresh),
        hours=_hours(fresh),
        seconds=time.process_time() - start,
        histogram=np.histogram(np.clip(latencies, BINS[0], BINS[-1]), BINS)[0].tolist(),
    )
    return asdict(run)


def histogram(runs: Sequence[Run]) -> list[Sample]:
    """Share of the different networks in each range of latencies, over all seeds."""
    counts = np.sum([run.histogram for run in runs], axis=0)
    shares = counts / counts.sum()
    centres = (BINS[:-1] + BINS[1:]) / 2
    return [
        Sample(x=x, y=100 * y, low=100 * y, high=100 * y)
        for x, y in zip(centres.tolist(), shares.tolist(), strict=True)
    ]


def _hours(fresh: Sequence[Trial]) -> float:
    return sum(t.outcome.metrics["train_seconds"] for t in fresh) / 3600


def rows_of(name: str, runs: Sequence[Run]) -> dict[str, record.Measured]:
    """What the record holds of the searches of one strategy under one reward."""
    return {
        f"{name}: {what}": record.measured(values, unit, headline=headline)
        for what, values, unit, headline in (
            ("best", [r.best for r in runs], "reward", False),
            (f"mean of the last {LAST}", [r.last for r in runs], "reward", "soft" in name),
            ("different networks", [float(r.fresh) for r in runs], "networks", False),
            ("at most T", [r.below for r in runs], "of them", False),
            ("latencies, 5 to 95%", [r.spread for r in runs], "T wide", False),
            ("trainings", [r.hours for r in runs], "GPU-hours by the table", False),
            ("replay", [r.seconds for r in runs], "s of processor time", False),
        )
    }


def margins(lasts: Mapping[str, npt.NDArray[np.float64]], kind: str) -> dict[str, object]:
    """PPO's last candidates less those of the others: mean and 95% interval over the seeds."""
    found: dict[str, object] = {}
    mine = lasts.get("ppo")
    if mine is None or len(mine) < 2:
        return found
    for name, theirs in lasts.items():
        if name != "ppo":
            error = float(np.sqrt((mine.var(ddof=1) + theirs.var(ddof=1)) / len(mine)))
            half = error * float(student.ppf(0.975, df=len(mine) - 1))
            mean = float(mine.mean() - theirs.mean())
            found[f"{kind}, last {LAST} of ppo less {name}"] = [mean - half, mean, mean + half]
    return found


def picture(pictured: Mapping[str, Sequence[Sample]]) -> str:
    """The histograms under the soft and the hard reward, one over the other."""
    return lines_svg(
        pictured,
        title=f"Different networks that {PICTURED} tried",
        across=Axis(label="latency over T"),
        up=Axis(label="share of them, %"),
    )


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--first", type=int, default=0, help="the first seed")
    options.add_argument("--trials", type=int, default=8000)
    options.add_argument("--strategies", nargs="*", default=list(STRATEGIES))
    options.add_argument("--picture", type=Path, help="an .svg file of latencies")
    add_option(options)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    surrogate = fitted(str(PATH), (COLUMN, "train_time_s"))
    target = surrogate.median(COLUMN)
    soft = Objective(metric="val_accuracy", factors=(Factor(cost=LATENCY, target=target),))
    hard = Objective(
        metric="val_accuracy", factors=(Factor(cost=LATENCY, target=target, below=0, above=-1),)
    )
    rows: dict[str, record.Measured] = {}
    pictured, facts = dict[str, list[Sample]](), dict[str, object]()
    kept, seeds = Kept(given.cache), range(given.first, given.first + given.seeds)
    for kind, goal in (("soft", soft), ("hard", hard)):
        lasts: dict[str, npt.NDArray[np.float64]] = {}
        for name in given.strategies:
            look = partial(search, STRATEGIES[name], goal, trials=given.trials, target=target)
            found = kept.each(f"{kind} {name} {given.trials}", seeds, look)
            runs = [Run(**numbers) for numbers in found]
            rows |= rows_of(f"{kind}, {name}", runs)
            lasts[name] = np.array([run.last for run in runs])
            if name == PICTURED:
                pictured[f"{kind} reward"] = histogram(runs)
            print(f"{kind}, {name}: {lasts[name]}", flush=True)
        facts |= margins(lasts, kind)
    if given.picture and pictured:
        given.picture.write_text(picture(pictured), encoding="utf-8")
    record.write(
        __file__,
        claim="MnasNet's search of 8,000 networks, replayed on models of ImageNet trainings",
        seeds=seeds,
        results=rows,
        arguments=f"--first {given.first} --seeds {given.seeds}",
        facts=facts
        | {
            "target latency, ms": target,
            "held-out errors": {k: str(v) for k, v in surrogate.errors.items()},
        },
        out=given.out,
    )


if __name__ == "__main__":
    main()
