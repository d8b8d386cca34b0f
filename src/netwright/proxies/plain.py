"""Plain saliency: SNIP without the magnitude, so that signs cancel."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, require_batches, total
from netwright.proxies.sharing import Scene


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
    return read_alone(reader, module, batches)


def reader(scene: Scene) -> Reader:
    """Plain saliency as a reader of the batch pass."""
    terms: list[Tensor] = []

    def add(grads: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        terms.extend((weights[name].detach() * g).sum() for name, g in grads.items())

    return Reader(value=lambda: total(terms), gradients=add)
