"""Gradient norm: how hard the loss pulls on the weights, in the two definitions in use."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from netwright.proxies.borrow import (
    Batch,
    borrowed,
    gradients,
    image_shape,
    loss,
    norm,
    output,
    require_batches,
    total,
)
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.normal import normal_init, normal_like
from netwright.rng import derive


def grad_norm(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Sum over convolutions and linear layers of the L2 norm of the loss's gradient.

    Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, arXiv 2101.08134.

    Args:
        module: Freshly initialised network.
        batches: The first (images (B, C, H, W), labels (B,)) is used.

    Raises:
        ScoreFailed: Where the network has no such layer.
    """
    require_batches(batches, 1, "grad_norm")
    with borrowed(module) as view:
        grads = gradients(view, batches[0])
    return total(norm(g) for g in grads.values())


def grad_norm_zen(module: nn.Module, batches: Sequence[Batch], *, seed: int = 0) -> float:
    """L2 norm of the gradient of all parameters at once, on noise, as ZenNAS compares with it.

    Weights and images are drawn from N(0, 1) and labels uniformly, so neither the data nor the
    initialisation matters; not comparable with ``grad_norm``.

    Lin et al., "Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition", ICCV 2021,
    arXiv 2102.01063.

    Args:
        module: Any network; its values are not read.
        batches: Only the first images' shape (B, C, H, W) is read.
        seed: Of weights, images and labels.

    Raises:
        ScoreFailed: Where the network has no parameter.
    """
    shape = (len(batches[0][0]), *image_shape(batches))
    with borrowed(module, replace=normal_init(module, seed=seed)) as view:
        images = normal_like(batches[0][0], shape, seed=derive(seed, "grad_norm_zen", "images"))
        classes = output(view, images).shape[1]
        draw = torch.Generator().manual_seed(derive(seed, "grad_norm_zen", "labels"))
        labels = torch.randint(classes, (shape[0],), generator=draw)
        leaves = [t for t in view.tensors.values() if t.requires_grad]
        if not leaves:
            raise ScoreFailed("the network has no parameter")
        grads = torch.autograd.grad(loss(view, (images, labels)), leaves, allow_unused=True)
    return math.sqrt(total(norm(g).square() for g in grads if g is not None))
