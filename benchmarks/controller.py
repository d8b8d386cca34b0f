"""How fast the controller draws networks of the NASNet space, and how long it takes to learn.

Run ``python benchmarks/controller.py`` on a quiet machine.  One core; processor time, so that what
else runs counts less.  A gradient step is on 20 networks: forwards, backwards, Adam.  An update
is what ``ppo`` does by default after 20 trials: 8 such steps, with the best 5 beside them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

import record
from netwright.rng import stream
from netwright.spaces.nasnet import NASNetSpace
from netwright.strategies.controller import Controller, adam
from netwright.strategies.ppo import improve

SIZES = [len(choice.options) for choice in NASNetSpace().choices]
BATCH, ELITES, EPOCHS = 20, 5, 8  # of ppo


def drawing(controller: Controller, *, batch: int, seed: int) -> float:
    """Networks per second."""
    numbers = stream(seed, "controller").random((batch, len(SIZES)))
    start = time.process_time()
    controller.sample(numbers)
    return batch / (time.process_time() - start)


def learning(controller: Controller, *, elites: int, epochs: int, seed: int) -> float:
    """Milliseconds of so many steps on a batch and the elites beside it."""
    optimiser = adam(controller, rate=1e-4)
    rng = stream(seed, "controller")
    rows = torch.tensor(controller.sample(rng.random((BATCH + elites, len(SIZES)))))
    advantages = torch.from_numpy(rng.normal(size=(BATCH, 1))).to(controller.head.dtype)
    active = torch.ones_like(rows, dtype=torch.bool)
    start = time.process_time()
    improve(
        lambda: controller(rows), optimiser, active=active, advantages=advantages, epochs=epochs,
        clip=0.2, entropy=0.1, elite_weight=0.3,
    )  # fmt: skip
    return 1e3 * (time.process_time() - start)


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--repeats", type=int, default=20)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    results: dict[str, record.Measured] = {}
    for dtype in (torch.float64, torch.float32):
        name, default = str(dtype).removeprefix("torch."), dtype == torch.float64
        controller = Controller(SIZES, seed=0, dtype=dtype)
        for batch in (BATCH, 100):
            drawing(controller, batch=batch, seed=0)
            results[f"{name}: drawing {batch} at once"] = record.measured(
                [drawing(controller, batch=batch, seed=s) for s in range(given.repeats)],
                "networks per second",
                headline=default and batch == 100,
            )
        for what, elites, epochs in (
            ("a gradient step", 0, 1),
            ("a whole update", ELITES, EPOCHS),
        ):
            learning(controller, elites=elites, epochs=epochs, seed=0)
            results[f"{name}: {what} on {BATCH}"] = record.measured(
                [
                    learning(controller, elites=elites, epochs=epochs, seed=s)
                    for s in range(given.repeats)
                ],
                "ms",
                headline=default,
            )
    record.write(
        __file__,
        claim="The controller draws thousands of NASNet networks a second on one core, and a "
        "gradient step on 20 takes less than 30 ms",
        seeds=range(given.repeats),
        results=results,
        facts={"an update": f"{EPOCHS} steps, with {ELITES} elites beside the batch"},
        out=given.out,
    )


if __name__ == "__main__":
    main()
