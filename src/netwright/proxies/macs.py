"""Multiply-adds of one image in convolutions and linear layers, counted from the calls made."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netwright.proxies.borrow import Batch, image_shape, output
from netwright.proxies.structure import sketched

_aten = torch.ops.aten
_COUNTED = (_aten.convolution, _aten._convolution, _aten.addmm, _aten.mm)


def macs(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Multiply-adds of convolutions and linear layers for one image.

    Torch's counter runs on the meta device, so the figure is exact for any module and needs no
    arithmetic.  Products between two activations (attention) are left out, as are additions of
    a bias, normalisation and activations.

    Args:
        module: Any network whose control flow does not depend on pixel values.
        batches: Only the shape of the first images (B, C, H, W) is read.
    """
    counter = FlopCounterMode(display=False)
    with sketched(module, image_shape(batches)) as (view, image), torch.no_grad(), counter:
        output(view, image)
    by_op = counter.get_flop_counts().get("Global", {})
    return float(sum(by_op.get(op, 0) for op in _COUNTED) // 2)
