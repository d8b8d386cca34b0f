"""MeCo: channels of a feature map that do not repeat each other (Jiang et al., NeurIPS 2023)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, require_batches
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sharing import Scene
from netwright.rng import stream

_CHANNELS = 8


def meco(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Sum over feature maps of the smallest eigenvalue of the channels' correlation.

    The maps are the outputs (C, H, W) of every innermost module for the first image; the released
    code also takes containers, and so counts maps twice.  Constant channels are left out, where
    the code drops the whole map.  A map of fewer positions than channels adds 0.

    Jiang et al., "MeCo: Zero-Shot NAS with One Data and Single Forward Pass via Minimum Eigenvalue
    of Correlation", NeurIPS 2023.

    Args:
        module: Freshly initialised network.
        batches: Only the first images (B, C, H, W) are read; all set the batch statistics, the
            first is judged.

    Raises:
        ScoreFailed: Where no innermost module puts out a feature map, or one is not finite.
    """
    require_batches(batches, 1, "meco")
    return read_alone(reader, module, batches)


def meco_opt(module: nn.Module, batches: Sequence[Batch], *, seed: int = 0) -> float:
    """MeCo on eight random channels per map, times C/8; all channels where there are fewer.

    Jiang et al., NeurIPS 2023.

    Args:
        module: Freshly initialised network.
        batches: Only the first images (B, C, H, W) are read; the first is judged.
        seed: Of the choice of channels.

    Raises:
        ScoreFailed: Where no innermost module puts out a feature map, or one is not finite.
    """
    require_batches(batches, 1, "meco_opt")
    return read_alone(opt_reader, module, batches, seed=seed)


def reader(scene: Scene) -> Reader:
    """MeCo as a reader of the batch pass; it keeps one number per map."""
    return _sum(lambda _, maps: smallest_eigenvalue(maps))


def opt_reader(scene: Scene) -> Reader:
    """MeCo on random channels as a reader of the batch pass."""

    def term(index: int, maps: Tensor) -> float:
        channels = len(maps)
        if channels <= _CHANNELS:
            return smallest_eigenvalue(maps)
        chosen = stream(scene.seed, "meco_opt", index).choice(channels, _CHANNELS, replace=False)
        return smallest_eigenvalue(maps[torch.from_numpy(chosen)]) * channels / _CHANNELS

    return _sum(term)


def smallest_eigenvalue(maps: Tensor) -> float:
    """Smallest eigenvalue of the correlation between rows of (channels, positions), at least 0.

    Raises:
        ScoreFailed: Where a value is not finite.
    """
    if not bool(torch.isfinite(maps).all()):
        raise ScoreFailed("a feature map is not finite")
    centred = maps.double() - maps.double().mean(1, keepdim=True)
    length = centred.norm(dim=1, keepdim=True)
    unit = (centred / length)[length.squeeze(1) > 0]
    if not 0 < len(unit) < maps.shape[1]:
        return 0.0
    return max(0.0, float(torch.linalg.eigvalsh(unit @ unit.T)[0]))


def _sum(term: Callable[[int, Tensor], float]) -> Reader:
    found: list[float] = []

    def add(maps: Tensor) -> None:
        found.append(term(len(found), maps[0].flatten(1).cpu()))

    def value() -> float:
        if not found:
            raise ScoreFailed("no module of the network puts out a feature map")
        return math.fsum(found)

    return Reader(value=value, maps=add)
