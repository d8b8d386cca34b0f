"""Weight norm: the sum of the layers' L2 norms at initialisation, which sees widths and depth."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from netwright.proxies.borrow import Batch, borrowed, norm, require_layers, total


def l2_norm(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Sum over convolutions and linear layers of the L2 norm of the weight.

    Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, arXiv 2101.08134
    (code).

    Args:
        module: Freshly initialised network.
        batches: Not used.

    Raises:
        ScoreFailed: Where the network has no such layer.
    """
    with borrowed(module) as view:
        return total(norm(weight.detach()) for weight in require_layers(view).values())
