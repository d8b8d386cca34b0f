"""SWAP: units that respond differently to a batch are expressive (Peng et al., ICLR 2024)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, require_batches
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sharing import Scene

_BITS = 62


def swap(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Number of different patterns of on and off over the images, counted over all units.

    Every ReLU-like activation's units count (the authors take ReLU modules with 4-D maps only),
    without the size regularisation, which carries a target size into the score.

    Peng et al., "SWAP-NAS: Sample-Wise Activation Patterns for Ultra-fast NAS", ICLR 2024,
    arXiv 2403.04161.

    Args:
        module: Freshly initialised network.
        batches: Only the first images (B, C, H, W) are read.

    Raises:
        ScoreFailed: Where the network has no ReLU-like activation, or its output is not finite.
    """
    require_batches(batches, 1, "swap")
    return read_alone(reader, module, batches)


def reader(scene: Scene) -> Reader:
    """SWAP as a reader of the batch pass; it keeps each layer's distinct patterns."""
    patterns: list[Tensor] = []
    finite: list[Tensor] = []

    def add(x: Tensor) -> None:
        words = [_word(part) for part in torch.split(x > 0, _BITS)]
        patterns.append(_distinct(torch.stack(words, dim=1)))

    def value() -> float:
        if not bool(finite[0]):
            raise ScoreFailed("the network's output is not finite")
        if not patterns:
            raise ScoreFailed("the network has no ReLU-like activation")
        return float(len(_distinct(torch.cat(patterns))))

    return Reader(value=value, units=add, output=lambda x: finite.append(torch.isfinite(x).all()))


def _word(on: Tensor) -> Tensor:
    """Up to 62 images' bits (b, units) as one integer per unit (units,)."""
    word = torch.zeros(on.shape[1], dtype=torch.int64, device=on.device)
    for row in on:
        word.mul_(2).add_(row)
    return word


def _distinct(words: Tensor) -> Tensor:
    """Different rows of (units, words)."""
    flat = words.shape[1] == 1  # sorting numbers is much faster than sorting rows
    found: Tensor = torch.unique(words[:, 0])[:, None] if flat else torch.unique(words, dim=0)
    return found
