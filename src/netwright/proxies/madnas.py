"""MadNAS: the entropy that widths, kernels and depth allow, in closed form (Sun et al., 2022)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from netwright.arch import maxent
from netwright.proxies.borrow import Batch
from netwright.proxies.sharing import Scene, alone
from netwright.proxies.structure import Reader, of_layers, read


def madnas(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Weighted sum over stages of ``log C + sum of log sqrt(C_in k^2 / g)`` up to their ends.

    A pure count that grows with depth, read off the shapes: neither weights nor images matter,
    and only a budget keeps it from preferring the largest network.  ``arch.maxent.madnas`` gives
    the same of a graph, without torch.

    Sun et al., "MAE-DET: Revisiting Maximum Entropy Principle in Zero-Shot NAS for Efficient
    Object Detection", ICML 2022, arXiv 2111.13336.

    Args:
        module: Any network whose control flow does not depend on pixel values.
        batches: Only the shape of the first images (B, C, H, W) is read.

    Raises:
        ScoreFailed: Where no convolution of a map reaches the output.
    """
    return alone(read, reader, module, batches)


def reader(scene: Scene) -> Reader:
    """MadNAS as a reader of the sketch."""
    return of_layers(scene, maxent.madnas)
