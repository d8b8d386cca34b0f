"""MeCo: channels of a feature map that do not repeat each other (Jiang et al., NeurIPS 2023)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch, borrowed, listening, output, require_batches
from netwright.proxies.failure import ScoreFailed
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
    return _sum(module, batches, lambda _, maps: smallest_eigenvalue(maps))


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

    def term(index: int, maps: Tensor) -> float:
        channels = len(maps)
        if channels <= _CHANNELS:
            return smallest_eigenvalue(maps)
        chosen = stream(seed, "meco_opt", index).choice(channels, _CHANNELS, replace=False)
        return smallest_eigenvalue(maps[torch.from_numpy(chosen)]) * channels / _CHANNELS

    return _sum(module, batches, term)


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


def _sum(
    module: nn.Module, batches: Sequence[Batch], term: Callable[[int, Tensor], float]
) -> float:
    require_batches(batches, 1, "meco")
    found: list[float] = []

    def watch(sub: nn.Module, inputs: tuple[object, ...], result: object) -> None:
        if not isinstance(result, Tensor) or result.dim() != 4:
            return
        if inputs and result is inputs[0] and not getattr(sub, "inplace", False):
            return  # an identity: the map was judged where it was made
        found.append(term(len(found), result[0].detach().flatten(1).cpu()))

    innermost = [m for m in module.modules() if next(m.children(), None) is None]
    with borrowed(module) as view, torch.no_grad(), listening(innermost, watch):
        output(view, batches[0][0])
    if not found:
        raise ScoreFailed("no module of the network puts out a feature map")
    return sum(found)
