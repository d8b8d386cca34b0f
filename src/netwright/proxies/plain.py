"""Plain saliency: SNIP without the magnitude, so that signs cancel."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from netwright.proxies.borrow import Batch, borrowed, gradients, require_batches, total


def plain(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Sum over weights of ``w * dL/dw``, of convolutions and linear layers.

    A layer that batch normalisation follows contributes nothing but rounding, because the loss
    does not change with the scale of its weights.

    Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, arXiv 2101.08134.

    Args:
        module: Freshly initialised network.
        batches: The first (images (B, C, H, W), labels (B,)) is used.

    Raises:
        ScoreFailed: Where the network has no such layer.
    """
    require_batches(batches, 1, "plain")
    with borrowed(module) as view:
        grads = gradients(view, batches[0])
        return total((view.layers[name].detach() * g).sum() for name, g in grads.items())
