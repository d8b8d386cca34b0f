"""Depth: how many convolutions and linear layers an image meets, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.sharing import Scene, alone
from netwright.proxies.structure import Reader, read, shared_sketch


def depth(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Most convolutions and linear layers on one path from the image to the output.

    A squeeze-and-excitation branch is longer than the trunk beside it by its two layers.

    Args:
        module: Any network whose control flow does not depend on pixel values.
        batches: Only the shape of the first images (B, C, H, W) is read.
    """
    return alone(read, depth_reader, module, batches)


def layer_count(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Number of convolutions and linear layers that the output depends on, shared ones once.

    Args:
        module: Any network whose control flow does not depend on pixel values.
        batches: Only the shape of the first images (B, C, H, W) is read.
    """
    return alone(read, count_reader, module, batches)


def depth_reader(scene: Scene) -> Reader:
    """Depth as a reader of the sketch."""
    return Reader(value=lambda: shared_sketch(scene).longest)


def count_reader(scene: Scene) -> Reader:
    """The number of layers as a reader of the sketch."""
    return Reader(value=lambda: len(shared_sketch(scene).live))
