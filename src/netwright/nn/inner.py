"""Inside a block: which of its layers read and write what, and how its weights are carried over.

Beside the streams of the network, a block has channels of its own between expansion and
projection, and those of its squeeze-and-excitation (SE).  They are chosen block by block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from netwright.nn.carry import Carry, Channels, read_by, strongest

_Layer = tuple[str, str]  # a convolution and its norm


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """The layers of a kind of block, under timm's names.

    Args:
        enter: What widens the stream, where the block does.
        depthwise: The convolution of every channel with itself, where the block has one.
        leave: What writes the stream.
    """

    enter: _Layer | None = None
    depthwise: _Layer | None = None
    leave: _Layer


_KINDS = {
    "cn": _Kind(leave=("conv", "bn1")),
    "ds": _Kind(depthwise=("conv_dw", "bn1"), leave=("conv_pw", "bn2")),
    "er": _Kind(enter=("conv_exp", "bn1"), leave=("conv_pwl", "bn2")),
    "ir": _Kind(enter=("conv_pw", "bn1"), depthwise=("conv_dw", "bn2"), leave=("conv_pwl", "bn3")),
}


def ends_in(kind: str) -> str:
    """The norm that ends the branch of a kind of block."""
    return _KINDS[kind].leave[1]


def reads_stream(state: Mapping[str, Tensor], at: str, kind: str) -> Tensor:
    """How much a block takes in of each channel of the stream that enters it (C,).

    Args:
        state: Weights by name.
        at: Where the block is.
        kind: Of the block.
    """
    layers = _KINDS[kind]
    if layers.enter is not None:
        return read_by(state[f"{at}.{layers.enter[0]}.weight"])
    through = read_by(state[f"{at}.{layers.leave[0]}.weight"])
    if layers.depthwise is None:
        return through
    return through * state[f"{at}.{layers.depthwise[1]}.weight"].abs()


def carry_block(
    carry: Carry,
    to: str,
    of: str,
    kind: str,
    *,
    into: Channels,
    out: Channels,
    eps: tuple[float, float],
) -> None:
    """Carry the weights of one block.

    Args:
        carry: Between the two networks.
        to: Where the block is in the target.
        of: Where it is in the source.
        kind: Of both.
        into: Channels of the source's stream that enter.
        out: Channels that leave.
        eps: Of the norms, in the target and in the source.
    """
    layers, inside = _KINDS[kind], into
    leave, leave_norm = layers.leave
    if layers.enter is not None:
        enter, norm = layers.enter
        inside = _inside(carry, to, of, layers)
        carry.mix(f"{to}.{enter}", f"{of}.{enter}", out=inside, into=into)
        carry.norm(f"{to}.{norm}", f"{of}.{norm}", inside, eps=eps)
    if layers.depthwise is not None:
        depthwise, norm = layers.depthwise
        carry.depthwise(f"{to}.{depthwise}", f"{of}.{depthwise}", inside)
        carry.norm(f"{to}.{norm}", f"{of}.{norm}", inside, eps=eps)
    scale = _gates(carry, to, of, out if kind == "cn" else inside, makes_up=kind != "cn")
    carry.mix(f"{to}.{leave}", f"{of}.{leave}", out=out, into=inside, scale=scale)
    carry.norm(f"{to}.{leave_norm}", f"{of}.{leave_norm}", out, eps=eps)


def _inside(carry: Carry, to: str, of: str, layers: _Kind) -> Channels:
    """Channels between expansion and projection: what their norm lets through times reads."""
    norm = (layers.depthwise or layers.enter or layers.leave)[1]
    scale = carry.source[f"{of}.{norm}.weight"].abs()
    importance = scale * read_by(carry.source[f"{of}.{layers.leave[0]}.weight"])
    return strongest(importance, carry.target[f"{to}.{norm}.weight"].shape[0])


def _gates(carry: Carry, to: str, of: str, inside: Channels, *, makes_up: bool) -> Tensor | float:
    """Carry the SE, and give the factors by which its absence on one side is made up for.

    A new SE begins as the constant 1/2, which the projection doubles: exact in floating point.  An
    SE that is gone is replaced by what it multiplies by while its hidden channels are silent.

    Args:
        carry: Between the two networks.
        to: Where the block is in the target.
        of: Where it is in the source.
        inside: Channels that the SE gates.
        makes_up: Whether a projection follows that can make up for it.
    """
    reduce, expand = "se.conv_reduce", "se.conv_expand"
    has, had = f"{to}.{expand}.weight" in carry.target, f"{of}.{expand}.weight" in carry.source
    if has and had:
        wide = carry.source[f"{of}.{expand}.weight"]
        narrow = carry.source[f"{of}.{reduce}.weight"]
        importance = read_by(wide) * narrow.abs().sum((1, 2, 3))
        squeeze = strongest(importance, carry.target[f"{to}.{reduce}.weight"].shape[0])
        carry.mix(f"{to}.{reduce}", f"{of}.{reduce}", out=squeeze, into=inside)
        carry.mix(f"{to}.{expand}", f"{of}.{expand}", out=inside, into=squeeze)
    elif has and makes_up:
        carry.target[f"{to}.{expand}.weight"].zero_()
        carry.target[f"{to}.{expand}.bias"].zero_()
        return 2.0
    elif had and makes_up:
        return torch.sigmoid(carry.source[f"{of}.{expand}.bias"])
    return 1.0
