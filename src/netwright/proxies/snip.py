"""SNIP: how much the loss would feel the loss of each weight (Lee et al., ICLR 2019)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from netwright.proxies.borrow import Batch, borrowed, gradients, require_batches, total


def snip(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Sum over weights of ``|w * dL/dw|``, of convolutions and linear layers.

    Lee et al., "SNIP: Single-shot Network Pruning based on Connection Sensitivity", ICLR 2019,
    arXiv 1810.02340; as a score: Abdelfattah et al., ICLR 2021, arXiv 2101.08134.

    Args:
        module: Freshly initialised network.
        batches: The first (images (B, C, H, W), labels (B,)) is used.

    Raises:
        ScoreFailed: Where the network has no such layer.
    """
    require_batches(batches, 1, "snip")
    with borrowed(module) as view:
        grads = gradients(view, batches[0])
        return total((view.layers[name].detach() * g).abs().sum() for name, g in grads.items())
