"""The order in which training images are seen, a function of the seed and the step alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from netwright.rng import stream
from netwright.training.data import ImageData, Rows
from netwright.training.recipe import steps_per_epoch


def row_batches(count: int, size: int, seed: int, first: int, last: int) -> Iterator[Rows]:
    """Positions in train for steps ``first`` to ``last``: each epoch in an order of its own."""
    per_epoch = steps_per_epoch(count, size)
    reached = -1
    for step in range(first, last):
        epoch, turn = divmod(step, per_epoch)
        if epoch != reached:
            order = stream(seed, "order", epoch).permutation(count)
            reached = epoch
        yield order[turn * size : (turn + 1) * size]


def feed(
    data: ImageData, plan: Iterator[Rows], device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Images (B, S, S, C), uint8, and labels (B,) of each batch of positions, on the device."""
    waiting: list[Rows] = []

    def rows() -> Iterator[Rows]:
        for positions in plan:
            waiting.append(positions)
            yield data.train.rows[positions]

    for pixels in data.pixels.batches(rows(), device=device):
        yield pixels, torch.from_numpy(data.train.labels[waiting.pop(0)]).to(device)
