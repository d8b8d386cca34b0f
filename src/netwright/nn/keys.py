"""Weights saved under another package's names, carried over to timm's names, which ours are."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from netwright.arch.graph import Architecture
from netwright.errors import UsageError

_ENDS = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_SQUEEZE = {"_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"}
_SEPARABLE = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
    **_SQUEEZE,
}
_INVERTED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
    **_SQUEEZE,
}


def from_efficientnet_pytorch(
    state: Mapping[str, Tensor], arch: Architecture
) -> dict[str, Tensor]:
    """The state dict of ``efficientnet_pytorch`` or ``efficientnet_lite_pytorch`` under our names.

    There, blocks are numbered through (``_blocks.7``), layers begin with an underscore, and the
    norm after the expansion is ``_bn0``, which a block without expansion has not.  Those packages
    pad as TensorFlow does: the architecture to load into is the one named ``tf_``.

    Args:
        state: Parameters and buffers as that package saves them.
        arch: The same network of ours; says which stage each block is in, and its kind.

    Raises:
        UsageError: If a name is none of that package's, or the network has fewer blocks.
    """
    blocks = [p for p in arch.placed if p.prefix.startswith("blocks.")]
    renamed: dict[str, Tensor] = {}
    for key, tensor in state.items():
        layer, _, tail = key.rpartition(".")
        prefix, names = "", _ENDS
        if layer.startswith("_blocks."):
            _, number, layer = layer.split(".", 2)
            if int(number) >= len(blocks):
                raise UsageError(f"{key!r} is of block {number}; the network has {len(blocks)}.")
            place = blocks[int(number)]
            prefix = f"{place.prefix}."
            names = _INVERTED if place.block.label.startswith("ir") else _SEPARABLE
        if layer not in names:
            raise UsageError(
                f"{key!r} is no name of efficientnet_pytorch; its names are like "
                "'_blocks.0._depthwise_conv.weight'."
            )
        renamed[f"{prefix}{names[layer]}.{tail}"] = tensor
    return renamed
