"""Zen-score: how far a small change of the image moves the features (Lin et al., ICCV 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from netwright.proxies.borrow import Batch, borrowed, image_shape, listening, total
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.features import last_features
from netwright.proxies.normal import normal_init, normal_like
from netwright.rng import derive

_SHIFT = 0.01


def zen(module: nn.Module, batches: Sequence[Batch], *, seed: int = 0, repeats: int = 1) -> float:
    """``log E|f(x) - f(x + 0.01 e)|_1`` plus ``sum log sqrt(mean var)`` over batch norms.

    ``f`` is the last feature map before pooling, weights, x and e are N(0, 1), and var is a batch
    norm's variance per channel over the batch x: the paper's formula.  The released code reads
    the running variance after two updates instead, which holds part of its initial 1.  Skip
    connections and branches are outside the paper's theory.

    Lin et al., "Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition", ICCV 2021,
    arXiv 2102.01063.

    Args:
        module: Any network; its weights are not read.
        batches: Only the first images' shape (B, C, H, W) is read.
        seed: Of weights and noise.
        repeats: Draws to average; the paper takes 32, its search 1.

    Raises:
        ScoreFailed: Where the features do not move, or the network pools no feature map.
    """
    return (
        math.fsum(_draw(module, batches, derive(seed, "zen", i)) for i in range(repeats)) / repeats
    )


def _draw(module: nn.Module, batches: Sequence[Batch], seed: int) -> float:
    shape = (len(batches[0][0]), *image_shape(batches))
    x, e = (normal_like(batches[0][0], shape, seed=derive(seed, name)) for name in ("x", "e"))
    variances: list[Tensor] = []

    def watch(_: nn.Module, inputs: tuple[object, ...], __: object) -> None:
        if isinstance(inputs[0], Tensor):
            axes = [axis for axis in range(inputs[0].dim()) if axis != 1]
            variances.append(inputs[0].float().var(axes, correction=0).mean())

    norms = [m for m in module.modules() if isinstance(m, _BatchNorm)]
    with borrowed(module, replace=normal_init(module, seed=seed)) as view:
        with listening(norms, watch):
            here = last_features(view, x)
        moved = (last_features(view, x + _SHIFT * e) - here).float().flatten(1).abs().sum(1).mean()
    if float(moved) == 0:
        raise ScoreFailed("the features do not move with the image")
    return math.log(moved) + total(v.log() / 2 for v in variances)
