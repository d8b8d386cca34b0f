"""NASWOT: images told apart by which units fire are learnt fast (Mellor et al., ICML 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, require_batches, wide
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sharing import Scene


def naswot(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Log-determinant of the kernel of on/off codes that two images share; higher is better.

    Entry (i, j) counts the units that are on for both images or off for both, over every ReLU-like
    activation (ReLU, ReLU6, SiLU, GELU, Hardswish, ... as module, function or method); a unit is
    on where its pre-activation is positive.  The figure depends on the batch's size.

    Mellor et al., "Neural Architecture Search without Training", ICML 2021, arXiv 2006.04647.

    Args:
        module: Freshly initialised network.
        batches: Only the first images (B, C, H, W) are read.

    Raises:
        ScoreFailed: Where the kernel is singular, as when two images share every code, or the
            network has no such activation.
    """
    require_batches(batches, 1, "naswot")
    return read_alone(reader, module, batches)


def reader(scene: Scene) -> Reader:
    """NASWOT as a reader of the batch pass; it keeps one kernel (B, B)."""
    kernels: list[Tensor] = []
    finite: list[Tensor] = []

    def add(x: Tensor) -> None:
        on = (x > 0).to(torch.float32)
        both = (on @ on.T).to(wide(on.device))  # whole numbers, exact up to 2**24 units a layer
        count = both.diagonal()
        kernels[:] = [2 * both + x.shape[1] - count[:, None] - count + sum(kernels)]

    def value() -> float:
        if not bool(finite[0]):
            raise ScoreFailed("the network's output is not finite")
        if not kernels:
            raise ScoreFailed("the network has no ReLU-like activation")
        sign, found = torch.linalg.slogdet(kernels[0].cpu().double())
        if sign <= 0 or not torch.isfinite(found):
            raise ScoreFailed("the kernel is singular: images share their activation codes")
        return float(found)

    return Reader(value=value, units=add, output=lambda x: finite.append(torch.isfinite(x).all()))
