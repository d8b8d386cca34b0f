"""ZiCo-BC: ZiCo with its taste for thin, deep networks taken out (Bhardwaj et al., 2023)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch, image_shape, listening, output
from netwright.proxies.structure import sketched
from netwright.proxies.zico import layer_terms


def zico_bc(module: nn.Module, batches: Sequence[Batch], *, beta: float = 1.0) -> float:
    """ZiCo minus ``beta * sum_l log(H_l W_l / sqrt(C_l))``, over the layers that ZiCo counts.

    H, W and C are the layer's output size and channels; a linear layer's output is one position,
    or as many as it has tokens.  Meant for networks of one input size.

    Bhardwaj et al., "ZiCo-BC: A Bias Corrected Zero-Shot NAS for Vision Tasks", ICCV Workshops
    2023, arXiv 2309.14666.

    Args:
        module: Freshly initialised network.
        batches: At least two of (images (B, C, H, W), labels (B,)).
        beta: Strength of the correction; the paper takes 1 for classification, 2 for
            segmentation.

    Raises:
        UsageError: With fewer than two batches.
        ScoreFailed: Where a gradient is not finite, or there is no layer.
    """
    terms = layer_terms(module, batches)
    sizes = _output_sizes(module, image_shape(batches))
    bias = sum(
        math.log(places / math.sqrt(channels))
        for places, channels in map(sizes.__getitem__, terms)
    )
    return sum(terms.values()) - beta * bias


def _output_sizes(module: nn.Module, shape: tuple[int, int, int]) -> dict[str, tuple[int, int]]:
    """Positions and channels of every layer's output for one image, without computing it."""
    sizes: dict[str, tuple[int, int]] = {}
    with sketched(module, shape) as (view, image), torch.no_grad():
        name_of = {module.get_submodule(name): name for name in view.layers}

        def watch(layer: nn.Module, _: object, result: object) -> None:
            if isinstance(result, Tensor):
                axis = result.dim() - 1 if isinstance(layer, nn.Linear) else 1
                channels = result.shape[axis]
                sizes[name_of[layer]] = result[0].numel() // channels, channels

        with listening(name_of, watch):
            output(view, image)
    return sizes
