"""Noise for proxies that choose their own weights and images: N(0, 1) from a local generator."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from netwright.rng import derive


def normal_like(like: Tensor, shape: tuple[int, ...], *, seed: int) -> Tensor:
    """N(0, 1) numbers of this shape, the same on every device, in the dtype and place of ``like``.

    Args:
        like: Gives device and dtype; an integer tensor gives float32.
        shape: What to draw.
        seed: Of a generator of its own on the CPU.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(shape, generator=generator)
    return drawn.to(like.device, like.dtype if like.is_floating_point() else torch.float32)


def normal_init(module: nn.Module, *, seed: int, kaiming: bool = False) -> dict[str, Tensor]:
    """Values for a network: layer weights normal, normalisation 1 and 0, layer biases 0.

    Parameters of other kinds (position tables, scales) keep their values.

    Args:
        module: Any network; it is not written.
        seed: Each layer draws from a stream named after it.
        kaiming: Whether the variance is 2 / fan-in, which keeps the scale through ReLUs, else 1.
    """
    values: dict[str, Tensor] = {}
    for name, sub in module.named_modules():
        prefix = f"{name}." if name else ""
        weight, bias = getattr(sub, "weight", None), getattr(sub, "bias", None)
        layer = isinstance(sub, _ConvNd | nn.Linear)
        if not layer and not isinstance(sub, _NormBase | nn.LayerNorm | nn.GroupNorm):
            continue
        if isinstance(weight, nn.Parameter) and layer:
            drawn = normal_like(weight, tuple(weight.shape), seed=derive(seed, "init", name))
            scale = math.sqrt(2 / weight[0].numel()) if kaiming else 1.0
            values[f"{prefix}weight"] = drawn * scale
        elif isinstance(weight, nn.Parameter):
            values[f"{prefix}weight"] = torch.ones_like(weight)
        if isinstance(bias, nn.Parameter):
            values[f"{prefix}bias"] = torch.zeros_like(bias)
    return values
