"""Sum of log weight counts: what ZiCo's ranking comes down to, without a forward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sharing import Scene, alone
from netwright.proxies.structure import Reader, read, shared_sketch


def sum_log_n(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Sum over convolutions and linear layers of the log of the layer's weight count, in nats.

    A layer counts if the output depends on it, decided on autograd's graph of a pass on the meta
    device: cut-off branches, unused layers and products with a literal zero do not count.  With
    two batches this is ZiCo's lower bound where no weight is dead.

    Args:
        module: Any network whose control flow does not depend on pixel values.
        batches: Only the shape of the first images (B, C, H, W) is read.

    Raises:
        ScoreFailed: Where no layer reaches the output.
    """
    return alone(read, reader, module, batches)


def reader(scene: Scene) -> Reader:
    """The sum as a reader of the sketch."""

    def value() -> float:
        live = shared_sketch(scene).live
        if not live:
            raise ScoreFailed("no convolution or linear layer reaches the output")
        return math.fsum(math.log(n) for n in live.values())

    return Reader(value=value)
