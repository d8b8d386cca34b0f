"""Small relatives for the tests of inheritance, with norm statistics that are not 0 and 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, fx

from netwright.arch.blocks import Style
from netwright.arch.graph import Architecture
from netwright.arch.staged import Layer, Staged, parse_stage
from netwright.nn.ancestors import Ancestor
from netwright.nn.build import build

RELU6 = Style(activation="relu6")
CLASSES = 7
STAGES = ("ds_r1_k3_s1_c6", "ir_r2_k3_s2_e3_c12", "ir_r3_k5_s2_e4_c20", "ir_r2_k3_s1_e4_c20")


def staged(stages: tuple[str, ...] = STAGES, style: Style = RELU6, *, side: int = 32) -> Staged:
    """A small network of these stages."""
    stem = Layer(kind="cn", out=8, stride=2, skip=False, style=style)
    return Staged(
        input_shape=(3, side, side),
        stem=stem,
        stages=tuple(parse_stage(text, style) for text in stages),
        head=replace(stem, out=32, kernel=1, stride=1),
        classes=CLASSES,
        name="small",
    )


def lively(arch: Architecture, seed: int = 0) -> fx.GraphModule:
    """A network whose norms have scales, shifts, means and variances of all sizes."""
    module = build(arch, seed=seed).eval()
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            for tensor, low, high in (
                (layer.weight, 0.5, 1.5), (layer.bias, -0.3, 0.3),
                (layer.running_mean, -0.2, 0.2), (layer.running_var, 0.5, 1.5),
            ):  # fmt: skip
                assert tensor is not None
                tensor.data.uniform_(low, high, generator=generator)
    return module


def parent(of: Staged, seed: int = 0) -> Ancestor:
    """A lively network to inherit from."""
    arch = of.architecture()
    return Ancestor(name="parent", arch=arch, state=lively(arch, seed).state_dict())


def images(count: int = 2, side: int = 32, channels: int = 3) -> Tensor:
    """Noise (count, channels, side, side)."""
    return torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(1))


def each(of: Staged, change: Callable[[Layer], Layer]) -> Staged:
    """The network with every layer of its stages changed."""
    return replace(of, stages=tuple(tuple(map(change, layers)) for layers in of.stages))
