"""ZiCo-BC: ZiCo with its taste for thin, deep networks taken out (Bhardwaj et al., 2023)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from torch import nn

from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, require_batches
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sharing import Scene
from netwright.proxies.structure import shared_sketch
from netwright.proxies.zico import shared_layers


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
    require_batches(batches, 2, "zico_bc")
    return read_alone(partial(reader, beta=beta), module, batches)


def reader(scene: Scene, *, beta: float = 1.0) -> Reader:
    """ZiCo-BC as a reader of the batch pass."""
    layers = shared_layers(scene)

    def value() -> float:
        terms, sizes = layers.terms(), shared_sketch(scene).sizes
        missing = sorted(terms.keys() - sizes.keys())
        if missing:
            raise ScoreFailed(f"layer {missing[0]!r} has a gradient but is never called")
        bias = (math.log(sizes[name][0] / math.sqrt(sizes[name][1])) for name in terms)
        return math.fsum(terms.values()) - beta * math.fsum(bias)

    return Reader(value=value, gradients=layers.add, every_batch=True)
