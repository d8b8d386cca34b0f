"""DeepMAD: entropy of widths, kernels and depth, stage by stage (Shen et al., CVPR 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import nn

from netwright.arch import maxent
from netwright.proxies.borrow import Batch
from netwright.proxies.sharing import Scene, alone
from netwright.proxies.structure import Reader, of_layers, read


def deepmad(
    module: nn.Module,
    batches: Sequence[Batch],
    *,
    channel_power: float = 1.0,
    kernel_power: float = 1.0,
) -> float:
    """Weighted sum over stages of ``(log C + log HW)`` times the sum that leads to its end.

    A layer of that sum adds ``log sqrt((C_in / g)^a1 k^(2 a2))``.  A pure count that grows with
    depth: the paper's search goes with limits of depth for a width.  ``arch.maxent.deepmad`` gives
    the same of a graph, without torch.

    Shen et al., "DeepMAD: Mathematical Architecture Design for Deep Convolutional Neural Network",
    CVPR 2023, arXiv 2303.02165.

    Args:
        module: Any network whose control flow does not depend on pixel values.
        batches: Only the shape of the first images (B, C, H, W) is read.
        channel_power: a1.
        kernel_power: a2.

    Raises:
        ScoreFailed: Where no convolution of a map reaches the output.
    """

    count = partial(maxent.deepmad, channel_power=channel_power, kernel_power=kernel_power)
    return alone(read, lambda scene: of_layers(scene, count), module, batches)


def reader(scene: Scene) -> Reader:
    """DeepMAD as a reader of the sketch."""
    return of_layers(scene, maxent.deepmad)
