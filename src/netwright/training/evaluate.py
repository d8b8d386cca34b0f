"""Accuracy and loss of a network on a split."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from netwright.training.data import ImageData, Rows, centre, normalise
from netwright.training.stepper import autocast, heads


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How well a network labels a split."""

    accuracy: float
    """Share of images whose highest output is their class; nan where the loss is not finite."""
    loss: float
    """Mean cross-entropy, in nats."""
    count: int
    """Images."""


def evaluate(
    module: nn.Module,
    data: ImageData,
    *,
    split: str = "val",
    device: torch.device | str = "cpu",
    batch_size: int | None = None,
    amp: str | None = None,
) -> Evaluation:
    """Run a network over a split in eval mode; its mode is put back afterwards.

    Args:
        module: On ``device``; images (B, C, R, R) to outputs (B, classes).
        data: The images.
        split: ``train``, ``val`` or ``test``.
        device: Where to compute.
        batch_size: Images at a time; chosen by resolution where None.
        amp: ``bf16`` for autocast, or None.

    Raises:
        DataError: There is no such split, or a picture is broken.
    """
    part, where = data.split(split), torch.device(device)
    data.pixels.load(part.rows)
    size = batch_size or max(8, min(256, 2**20 // data.resolution**2))
    totals = torch.zeros(2, dtype=torch.float64)
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            stream = data.pixels.batches(_slices(part.rows, size), device=where)
            for start, pixels in zip(range(0, len(part), size), stream, strict=True):
                labels = torch.from_numpy(part.labels[start : start + size]).to(where)
                images = normalise(data, centre(data, pixels))
                with autocast(where, amp):
                    outputs = heads(module(images))[0]
                loss = functional.cross_entropy(outputs.float(), labels, reduction="sum")
                hits = (outputs.argmax(dim=1) == labels).sum()
                totals += torch.stack([loss, hits.to(loss.dtype)]).cpu().to(torch.float64)
    finally:
        module.train(was_training)
    loss_sum, right = totals.tolist()
    accuracy = right / len(part) if math.isfinite(loss_sum) else math.nan
    return Evaluation(accuracy=accuracy, loss=loss_sum / len(part), count=len(part))


def _slices(rows: Rows, size: int) -> Iterator[Rows]:
    for start in range(0, len(rows), size):
        yield np.ascontiguousarray(rows[start : start + size])
