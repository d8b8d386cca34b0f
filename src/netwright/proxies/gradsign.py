"""GradSign: images that want a weight moved the same way train it well (Zhang and Jia, 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netwright.proxies.borrow import Batch, require_batches, total
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.per_sample import per_sample_gradients


def gradsign(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Mean over weights of ``|sum_i sign(dL_i/dw)|``, for the loss of each image i.

    Weights are those of convolutions and linear layers.  Normalisation is held at the batch's
    statistics, where the released code normalises each image by itself.

    Zhang and Jia, "GradSign: Model Performance Inference with Theoretical Insights", ICLR 2022,
    arXiv 2110.08616.

    Args:
        module: Freshly initialised network.
        batches: The first (images (B, C, H, W), labels (B,)) is used.

    Raises:
        ScoreFailed: Where a gradient is not finite, or there is no layer.
    """
    require_batches(batches, 1, "gradsign")
    images, labels = batches[0]

    def objective(scores: Tensor, i: int) -> Tensor:
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        return F.cross_entropy(scores, labels[i : i + 1].to(scores.device))

    votes: dict[str, Tensor] = {}
    sound: list[Tensor] = []

    def take(grads: dict[str, Tensor]) -> None:
        for name, grad in grads.items():
            sound.append(torch.isfinite(grad).all())
            sign = grad.sign()
            votes[name] = votes[name].add_(sign) if name in votes else sign

    per_sample_gradients(module, images, objective, take)
    count = sum(v.numel() for v in votes.values())
    if not count:
        raise ScoreFailed("no convolution or linear layer gets a gradient")
    if not bool(torch.stack(sound).all()):
        raise ScoreFailed("a gradient is not finite")
    return total(v.abs().sum(dtype=torch.float32) for v in votes.values()) / count
