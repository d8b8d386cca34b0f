"""Fisher: how much the loss would feel the loss of each channel (Theis et al., 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netwright.proxies.borrow import (
    Batch,
    borrowed,
    listening,
    loss,
    require_batches,
    require_layers,
    total,
)


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
    terms: list[Tensor] = []
    with borrowed(module) as view:
        layers = require_layers(view)
        fan_in = {module.get_submodule(name): w[0].numel() for name, w in layers.items()}

        def watch(layer: nn.Module, _: object, result: object) -> None:
            if isinstance(result, Tensor) and result.requires_grad:
                value = result.detach().clone()  # an activation may overwrite it in place

                def take(grad: Tensor) -> None:
                    terms.append(_channels(layer, value, grad) * fan_in[layer])

                result.register_hook(take)  # type: ignore[no-untyped-call]

        with listening(fan_in, watch):
            torch.autograd.grad(loss(view, batches[0]), list(layers.values()), allow_unused=True)
    return total(terms)


def _channels(layer: nn.Module, value: Tensor, grad: Tensor) -> Tensor:
    """Half the mean square over images of each channel's summed saliency, summed over channels."""
    per_place = (value * grad).to(torch.promote_types(value.dtype, torch.float32))
    axis = per_place.dim() - 1 if isinstance(layer, nn.Linear) else 1
    per_image = per_place.movedim(axis, 1).flatten(2).sum(2) if per_place.dim() > 2 else per_place
    return per_image.square().mean(0).sum() / 2
