"""GradSign: images that want a weight moved the same way train it well (Zhang and Jia, 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch, cross_entropy, require_batches, total
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.per_sample import Reader, read
from netwright.proxies.sharing import Scene, alone


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
    return alone(read, reader, module, batches)


def reader(scene: Scene) -> Reader:
    """GradSign as a reader of the gradients image by image; it keeps one number per weight."""
    labels = scene.batches[0][1]
    votes: dict[str, Tensor] = {}
    sound: list[Tensor] = []

    def objective(scores: Tensor, i: int) -> Tensor:
        return cross_entropy(scores, labels[i : i + 1])

    def take(first: int, grads: dict[str, Tensor]) -> None:
        for name, grad in grads.items():
            sound.append(torch.isfinite(torch.stack(torch.aminmax(grad))).all())
            sign = grad.sign().sum(0)
            votes[name] = votes[name].add_(sign) if name in votes else sign

    def value() -> float:
        count = sum(v.numel() for v in votes.values())
        if not count:
            raise ScoreFailed("no convolution or linear layer gets a gradient")
        if not bool(torch.stack(sound).all()):
            raise ScoreFailed("a gradient is not finite")
        return total(v.abs().sum(dtype=torch.float32) for v in votes.values()) / count

    return Reader(value=value, objective=objective, take=take)
