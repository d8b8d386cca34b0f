"""Parameter count: the control that every other proxy has to beat."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from netwright.proxies.borrow import Batch


def params(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Number of parameters, trainable or frozen, shared ones once; buffers do not count.

    Args:
        module: Any network.
        batches: Not used.
    """
    return float(sum(parameter.numel() for parameter in module.parameters()))
