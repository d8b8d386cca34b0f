"""What each option of PPO is worth on NAS-Bench-201: one at a time changed from the default.

A search sees the validation accuracy of CIFAR-10 after 200 epochs; reported is the test accuracy
of the best network by it, after 100, 300 and 500 networks.  ``as published`` has all settings of
the papers at once (``ppo.py`` says which those are).  All options have the same seeds; the facts
hold the mean difference to the default, and the p of a signed rank test in each direction.  Run
``python benchmarks/ppo_options.py --seeds 30`` beside a folder ``../shared/data`` with
``nasbench201.parquet``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import record
from kept import Kept, add_option
from nasbench201_strategies import CHECKPOINTS, DATA, at_checkpoints
from netwright.regret import Contest, Start
from netwright.stats import signed_rank
from netwright.strategies.ppo import PPO

CONTEST = Contest(table=str(DATA / "nasbench201.parquet"), measure=False)

PAPERS: dict[str, Any] = {
    "learning_rate": 3.5e-4, "entropy": 1e-5, "entropy_half_life": None, "rewards": "value",
    "elites": 0, "redraws": 0,
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "as published": PAPERS,
    "learning rate 3.5e-4": {"learning_rate": 3.5e-4},
    "learning rate 1e-2": {"learning_rate": 1e-2},
    "entropy 1e-5 throughout": {"entropy": 1e-5, "entropy_half_life": None},
    "entropy .1 throughout": {"entropy_half_life": None},
    "1 epoch a batch": {"epochs": 1},
    "advantages normalised": {"normalise": True},
    "rewards by value": {"rewards": "value"},
    "rewards by value, advantages normalised": {"rewards": "value", "normalise": True},
    "no elites": {"elites": 0},
    "known networks not redrawn": {"redraws": 0},
}


def changed(settings: dict[str, Any]) -> Start:
    """PPO with these settings and the default's others."""
    return lambda within, goal, seed: PPO(within, objective=goal, seed=seed, **settings)


def differences(found: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, object]:
    """Each option less the default with the same seeds, and the p of a signed rank test."""
    facts: dict[str, object] = {}
    for name, runs in found.items():
        if name != "default":
            for i, n in enumerate(CHECKPOINTS):
                theirs = found["default"][:, i]
                mean = float((runs[:, i] - theirs).mean())
                facts[f"{name}, {n} networks, less the default"] = {
                    "mean": mean,
                    "p of more": signed_rank(runs[:, i], theirs),
                    "p of less": signed_rank(theirs, runs[:, i]),
                }
    return facts


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--seeds", type=int, default=30)
    add_option(options)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    kept, rows = Kept(given.cache), dict[str, record.Measured]()
    found: dict[str, npt.NDArray[np.float64]] = {}
    for name, settings in OPTIONS.items():
        search = partial(at_checkpoints, CONTEST, changed(settings))
        found[name] = np.array(kept.each(name, range(given.seeds), search))
        for i, n in enumerate(CHECKPOINTS):
            rows[f"{name}, {n} networks"] = record.measured(
                found[name][:, i].tolist(),
                "% test accuracy",
                headline=name in ("default", "as published"),
            )
        print(name, found[name].mean(axis=0).round(2).tolist(), flush=True)
    record.write(
        __file__,
        claim="PPO's defaults suit a few hundred networks; each option changed alone on "
        "NAS-Bench-201",
        seeds=range(given.seeds),
        results=rows,
        arguments=f"--seeds {given.seeds}",
        facts=differences(found),
        out=given.out,
    )


if __name__ == "__main__":
    main()
