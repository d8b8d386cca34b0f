"""How fast the controller draws networks of the NASNet space, and how long a gradient step takes.

Run ``python benchmarks/controller.py`` on a quiet machine.  One core; processor time, so that what
else runs counts less.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

import record
from netwright.rng import stream
from netwright.spaces.nasnet import NASNetSpace
from netwright.strategies.controller import Controller

SIZES = [len(choice.options) for choice in NASNetSpace().choices]


def drawing(controller: Controller, *, batch: int, seed: int) -> float:
    """Networks per second."""
    numbers = stream(seed, "controller").random((batch, len(SIZES)))
    start = time.process_time()
    controller.sample(numbers)
    return batch / (time.process_time() - start)


def stepping(controller: Controller, *, batch: int, seed: int) -> float:
    """Milliseconds of one step of Adam on a batch: forwards, backwards, update."""
    adam = torch.optim.Adam(controller.parameters(), lr=1e-4)
    numbers = stream(seed, "controller").random((batch, len(SIZES)))
    rows = torch.tensor(controller.sample(numbers))
    start = time.process_time()
    log_p, entropy = controller(rows)
    (log_p.sum() + entropy.sum()).backward()
    adam.step()
    return 1e3 * (time.process_time() - start)


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--repeats", type=int, default=10)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    results: dict[str, record.Measured] = {}
    for dtype in (torch.float64, torch.float32):
        name = str(dtype).removeprefix("torch.")
        controller = Controller(SIZES, seed=0, dtype=dtype)
        for batch in (20, 100):
            drawing(controller, batch=batch, seed=0)
            results[f"{name}: drawing {batch} at once"] = record.measured(
                [drawing(controller, batch=batch, seed=s) for s in range(given.repeats)],
                "networks per second",
                headline=dtype == torch.float64 and batch == 100,
            )
        stepping(controller, batch=20, seed=0)
        results[f"{name}: a gradient step on 20"] = record.measured(
            [stepping(controller, batch=20, seed=s) for s in range(given.repeats)],
            "ms",
            headline=dtype == torch.float64,
        )
    record.write(
        __file__,
        claim="The controller draws thousands of NASNet networks a second on one core",
        seeds=range(given.repeats),
        results=results,
        out=given.out,
    )


if __name__ == "__main__":
    main()
