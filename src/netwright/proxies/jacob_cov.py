"""Jacobian covariance: images whose input gradients differ can be told apart (Mellor, 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, require_batches, wide
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sharing import Scene

_K = 1e-5


def jacob_cov(module: nn.Module, batches: Sequence[Batch]) -> float:
    """``-sum(log(v + k) + 1 / (v + k))`` over the eigenvalues v of the Jacobians' correlation.

    An image's Jacobian is the gradient of the summed logits at the image; correlations are
    between the images of the batch, and k is 1e-5.  Higher is better: least correlated.

    Mellor et al., "Neural Architecture Search without Training", 2020, arXiv 2006.04647v1; as a
    score: Abdelfattah et al., ICLR 2021, arXiv 2101.08134.

    Args:
        module: Freshly initialised network.
        batches: Only the first images (B, C, H, W) are read, of which there must be two.

    Raises:
        ScoreFailed: Where an image's Jacobian is constant, as in a disconnected network.
    """
    require_batches(batches, 1, "jacob_cov")
    return read_alone(reader, module, batches)


def reader(scene: Scene) -> Reader:
    """Jacobian covariance as a reader of the batch pass; it keeps the correlations (B, B)."""
    found: list[Tensor] = []

    def add(grads: Tensor, classes: int) -> None:
        if len(grads) < 2:
            raise ScoreFailed("a correlation needs two images; use a larger batch")
        found.append(correlation(rows(grads)))

    def value() -> float:
        values = torch.linalg.eigvalsh(found[0]) + _K
        return float(-(values.log() + 1 / values).sum())

    return Reader(value=value, jacobian=add)


def rows(grads: Tensor) -> Tensor:
    """One image's gradient per row, of (B, C, H, W), in the device's widest type."""
    return grads.flatten(1).to(wide(grads.device))


def correlation(rows: Tensor) -> Tensor:
    """Correlation coefficients (n, n) between the rows of (n, d), on the CPU in float64.

    Raises:
        ScoreFailed: Where a row is constant or not finite.
    """
    centred = rows - rows.mean(1, keepdim=True)
    length = centred.norm(dim=1, keepdim=True)
    if not bool(((length > 0) & torch.isfinite(length)).all()):
        raise ScoreFailed("the Jacobian of an image is constant or not finite")
    unit = (centred / length).cpu().double()
    result: Tensor = unit @ unit.T
    return result
