"""Gradients image by image, with normalisation held at the batch's statistics."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from netwright.proxies.borrow import borrowed, logits, output, require_layers


def settled(module: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Buffers by name, with running statistics equal to those of one batch.

    With them as stored statistics an image's output depends on no other image, and yet maps are
    normalised, which the fresh statistics 0 and 1 would not do.

    Args:
        module: Any network; its own buffers are not written.
        images: (B, C, H, W).
    """
    norms = [(m, m.momentum) for m in module.modules() if isinstance(m, _NormBase)]
    names = [name for name, _ in module.named_buffers()]
    try:
        for sub, _ in norms:
            sub.momentum = 1.0
        with borrowed(module) as view, torch.no_grad():
            output(view, images)
            return {name: view.tensors[name] for name in names}
    finally:
        for sub, momentum in norms:
            sub.momentum = momentum


def per_sample_gradients(
    module: nn.Module,
    images: Tensor,
    objective: Callable[[Tensor, int], Tensor],
    take: Callable[[dict[str, Tensor]], None],
) -> None:
    """Hand over the gradients by layer name of one image after the other.

    One image at a time takes the memory of one image, and needs no rule for batching the
    network's operations.

    Args:
        module: Any network.
        images: (B, C, H, W).
        objective: From logits (1, classes) and the image's index to a scalar.
        take: Called once per image with what belongs to it.

    Raises:
        ScoreFailed: Where the network has no convolution or linear layer.
    """
    with borrowed(module, batch_statistics=False, replace=settled(module, images)) as view:
        layers = require_layers(view)
        for i in range(len(images)):
            value = objective(logits(view, images[i : i + 1]), i)
            grads = torch.autograd.grad(value, list(layers.values()), allow_unused=True)
            take({n: g for n, g in zip(layers, grads, strict=True) if g is not None})
