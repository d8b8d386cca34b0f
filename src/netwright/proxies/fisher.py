"""Fisher: how much the loss would feel the loss of each channel (Theis et al., 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, require_batches, total
from netwright.proxies.sharing import Scene


def fisher(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Sum over layers' channels of ``mean_n (sum_hw a * dL/da)^2 / 2``, times weights per channel.

    ``a`` is what a convolution or linear layer puts out and ``n`` counts images; the factor is
    there because the zero-cost benchmark spreads a channel's figure over its filter's weights.

    Theis et al., "Faster gaze prediction with dense networks and Fisher pruning", 2018,
    arXiv 1801.05787; as a score: Abdelfattah et al., ICLR 2021, arXiv 2101.08134.

    Args:
        module: Freshly initialised network.
        batches: The first (images (B, C, H, W), labels (B,)) is used.

    Raises:
        ScoreFailed: Where the network has no such layer.
    """
    require_batches(batches, 1, "fisher")
    return read_alone(reader, module, batches)


def reader(scene: Scene) -> Reader:
    """Fisher as a reader of the batch pass; it keeps one number per layer."""
    terms: list[Tensor] = []

    def add(layer: nn.Module, value: Tensor, grad: Tensor) -> None:
        weight = layer.weight
        if isinstance(weight, Tensor):
            terms.append(_channels(layer, value, grad) * weight[0].numel())

    return Reader(value=lambda: total(terms), saliency=add)


def _channels(layer: nn.Module, value: Tensor, grad: Tensor) -> Tensor:
    """Half the mean square over images of each channel's summed saliency, summed over channels."""
    per_place = (value * grad).to(torch.promote_types(value.dtype, torch.float32))
    axis = per_place.dim() - 1 if isinstance(layer, nn.Linear) else 1
    per_image = per_place.movedim(axis, 1).flatten(2).sum(2) if per_place.dim() > 2 else per_place
    return per_image.square().mean(0).sum() / 2
