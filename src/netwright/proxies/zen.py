"""Zen-score: how far a small change of the image moves the features (Lin et al., ICCV 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from netwright.proxies.borrow import Batch, total
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.noise_pass import Reader, read
from netwright.proxies.sharing import Scene, alone
from netwright.rng import derive


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
    seeds = [seed, *(derive(seed, "zen", i) for i in range(1, repeats))]
    return math.fsum(alone(read, reader, module, batches, seed=s) for s in seeds) / repeats


def reader(scene: Scene) -> Reader:
    """One draw of the Zen-score as a reader of the noise pass; a number per batch norm is kept."""
    variances: list[Tensor] = []
    distance: list[Tensor] = []

    def spread(given: Tensor) -> None:
        axes = [axis for axis in range(given.dim()) if axis != 1]
        variances.append(given.float().var(axes, correction=0).mean())

    def compare(here: Tensor, there: Tensor) -> None:
        distance.append((there - here).float().flatten(1).abs().sum(1).mean())

    def value() -> float:
        if float(distance[0]) == 0:
            raise ScoreFailed("the features do not move with the image")
        if any(float(v) == 0 for v in variances):
            raise ScoreFailed("a batch norm's input is constant")
        return math.log(distance[0]) + total(v.log() / 2 for v in variances)

    return Reader(value=value, normalised=spread, features=compare)
