"""Recalibration: norm statistics measured anew on images, when weights have changed under them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def recalibrate(module: nn.Module, batches: Iterable[Tensor]) -> int:
    """Measure the running statistics of every batch norm again, as plain means over the batches.

    No weight changes, and no label is needed.  Dropout stays off.

    Args:
        module: Changed in place; it keeps its mode.
        batches: Images (B, C, H, W) on the module's device.

    Returns:
        How many images were seen; with none, nothing is changed.
    """
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    modes = {m: m.training for m in module.modules()}
    momenta = [norm.momentum for norm in norms]
    seen = 0
    module.eval()
    try:
        with torch.no_grad():
            for images in batches:
                if not seen:
                    for norm in norms:
                        norm.reset_running_stats()
                        norm.momentum = None  # torch's word for a plain mean
                        norm.training = True
                module(images)
                seen += len(images)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for part, training in modes.items():
            part.training = training
    return seen
