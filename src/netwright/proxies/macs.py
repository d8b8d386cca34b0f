"""Multiply-adds of one image in convolutions and linear layers, counted from the calls made."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.sharing import Scene, alone
from netwright.proxies.structure import Reader, read, shared_sketch


def macs(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Multiply-adds of convolutions and linear layers for one image.

    Torch's counter runs on the meta device, so the figure is exact for any module and needs no
    arithmetic.  Products between two activations (attention) are left out, as are additions of
    a bias, normalisation and activations.

    Args:
        module: Any network whose control flow does not depend on pixel values.
        batches: Only the shape of the first images (B, C, H, W) is read.
    """
    return alone(read, reader, module, batches)


def reader(scene: Scene) -> Reader:
    """The count as a reader of the sketch."""
    return Reader(value=lambda: shared_sketch(scene).macs)
