"""``Staged``: a network as a stem, stages of layers, a head and a classifier; written and read.

MobileNet, MnasNet, EfficientNet and what the spaces around them hold are of this form.  An
``Architecture`` is read back by its blocks' labels, which are in timm's notation, and whatever is
read is rebuilt and compared, so that a network is either understood exactly or refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from netwright.arch import blocks
from netwright.arch.blocks import PLAIN, Skip, Style
from netwright.arch.graph import Architecture, Block, Placed, chain
from netwright.arch.ops import Activation, BatchNorm, Conv, Dropout, DropPath, Shape
from netwright.errors import UsageError

Kind = Literal["cn", "ds", "ir", "er"]
KINDS: dict[str, str] = {
    "cn": "convolution",
    "ds": "depthwise-separable convolution",
    "ir": "inverted residual",
    "er": "fused inverted residual",
}
STEM_NAMES = ("conv_stem", "bn1", "act1")
HEAD_NAMES = ("conv_head", "bn2", "act2")
_PART = re.compile(r"(se|[rksec])([0-9.]+)")
_PLACE = re.compile(r"blocks\.(\d+)\.(\d+)")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One block of a stage, without the size of what enters it.

    Args:
        kind: ``cn``, ``ds``, ``ir`` or ``er``: timm's names, spelled out in ``KINDS``.
        out: Channels that leave.
        kernel: Of the convolution that is not 1×1.
        stride: Of the same.
        expand: Channels inside per channel that enters (``ir`` and ``er``).
        se_ratio: Hidden channels of the squeeze-and-excitation per channel that enters; 0: none.
        skip: Whether the input is added where it fits.
        style: Activation, padding, batch norm.
    """

    kind: Kind
    out: int
    kernel: int = 3
    stride: int = 1
    expand: float = 1
    se_ratio: float = 0.0
    skip: Skip = True
    style: Style = PLAIN

    def block(self, shape: Shape, *, drop_path: float = 0.0) -> Block:
        """The layer on a map of ``shape`` (C, H, W), its branch dropped at rate ``drop_path``."""
        out, kernel, stride, style = self.out, self.kernel, self.stride, self.style
        se_ratio, skip, expand = self.se_ratio, self.skip, self.expand
        if self.kind in ("cn", "ds"):
            plain = blocks.conv_block if self.kind == "cn" else blocks.depthwise_separable
            return plain(
                shape, out, kernel, stride=stride, se_ratio=se_ratio, skip=skip,
                drop_path=drop_path, style=style,
            )  # fmt: skip
        wide = blocks.mbconv if self.kind == "ir" else blocks.fused_mbconv
        return wide(
            shape, out, kernel, expand=expand, stride=stride, se_ratio=se_ratio, skip=skip,
            drop_path=drop_path, style=style,
        )  # fmt: skip


def parse_stage(text: str, style: Style = PLAIN) -> tuple[Layer, ...]:
    """The layers of a stage in timm's notation: ``"ir_r3_k5_s2_e3_c40_se0.25"``.

    Args:
        text: Kind, then in any order ``r`` repeats, ``k`` kernel, ``s`` stride of the first, ``e``
            expansion, ``c`` channels, ``se`` ratio, and ``skip``, ``noskip`` or ``poolskip``.
        style: Shared by the layers.

    Raises:
        UsageError: If the text is not of that form.
    """
    kind, *parts = text.split("_")
    skip: Skip = kind != "cn"
    found: dict[str, float] = {}
    for part in parts:
        match = _PART.fullmatch(part)
        if match:
            found[match.group(1)] = float(match.group(2))
        elif part in ("skip", "noskip", "poolskip"):
            skip = "pool" if part == "poolskip" else part == "skip"
        else:
            raise UsageError(f"{part!r} in {text!r} is not timm's notation for a stage.")
    if kind not in KINDS or "c" not in found:
        raise UsageError(f"{text!r} is no stage; write it like ir_r3_k5_s2_e6_c40_se0.25.")
    rest = Layer(
        kind=kind,  # type: ignore[arg-type]  # one of KINDS
        out=int(found["c"]),
        kernel=int(found.get("k", 3)),
        expand=found.get("e", 1),
        se_ratio=found.get("se", 0.0),
        skip=skip,
        style=style,
    )
    first = replace(rest, stride=int(found.get("s", 1)))
    return (first, *[rest] * (int(found.get("r", 1)) - 1))


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A staged network; ``architecture`` writes it under timm's names.

    Args:
        input_shape: ``(C, H, W)`` of one image.
        stem: The first convolution.
        stages: Layers by stage, placed at ``blocks.<stage>.<layer>``.
        head: The 1×1 convolution before the classifier.
        classes: Length of the logits.
        dropout: Rate before the classifier.
        drop_path: Rate at which the last branch is dropped; the rates of the others rise from 0 in
            equal steps (drop-connect).
        name: What a person calls it.
    """

    input_shape: Shape
    stem: Layer
    stages: tuple[tuple[Layer, ...], ...]
    head: Layer
    classes: int
    dropout: float = 0.0
    drop_path: float = 0.0
    name: str = ""

    @property
    def depth(self) -> int:
        """Number of layers in all stages."""
        return sum(len(s) for s in self.stages)

    def architecture(self) -> Architecture:
        """The network itself.

        Raises:
            ShapeError: If a layer leaves nothing of its map.
        """
        stem = _end(self.stem, self.input_shape, STEM_NAMES)
        placed = [("", stem)]
        shape, total = stem.out_shape, self.depth
        for s, layers in enumerate(self.stages):
            for i, layer in enumerate(layers):
                rate = self.drop_path * (len(placed) - 1) / total
                block = layer.block(shape, drop_path=rate)
                placed.append((f"blocks.{s}.{i}", block))
                shape = block.out_shape
        head = _end(self.head, shape, HEAD_NAMES)
        last = blocks.classifier(head.out_shape, self.classes, dropout=self.dropout)
        return chain(self.input_shape, [*placed, ("", head), ("", last)], name=self.name)


def _end(layer: Layer, shape: Shape, names: tuple[str, str, str]) -> Block:
    return blocks.conv_bn_act(
        shape, layer.out, layer.kernel, stride=layer.stride, style=layer.style, names=names
    )


def read_staged(arch: Architecture) -> Staged:
    """The stages of a network.

    Raises:
        UsageError: If it is not made of a stem, stages, a head and a classifier, with the name of
            the first block that does not fit.
    """
    places = list(arch.placed)
    if len(places) < 4 or not arch.is_chain:
        raise _not_staged(arch, "it is no chain of stem, stages, head and classifier")
    stem, *middle, head, last = places
    stages: list[list[Layer]] = []
    count, drop_path = len(middle), 0.0
    for number, place in enumerate(middle):
        match = _PLACE.fullmatch(place.prefix)
        if match is None or int(match.group(1)) not in (len(stages) - 1, len(stages)):
            raise _not_staged(arch, f"block {place.prefix or place.block.label!r} is in no stage")
        if int(match.group(1)) == len(stages):
            stages.append([])
        stages[-1].append(_read_layer(place))
        dropped = [n.op.rate for n in place.block.nodes if isinstance(n.op, DropPath)]
        if dropped and number:
            drop_path = round(dropped[0] * count / number, 9)
    staged = Staged(
        input_shape=arch.input_shape,
        stem=_read_layer(stem),
        stages=tuple(tuple(s) for s in stages),
        head=_read_layer(head),
        classes=arch.classes,
        dropout=next((n.op.rate for n in last.block.nodes if isinstance(n.op, Dropout)), 0.0),
        drop_path=drop_path,
        name=arch.name,
    )
    again = staged.architecture()
    for ours, theirs in zip(again.placed, places, strict=True):
        if ours.prefix != theirs.prefix or ours.block.nodes != theirs.block.nodes:
            where = theirs.prefix or theirs.block.label
            raise _not_staged(arch, f"block {where!r} is not what its label says")
    return staged


def _not_staged(arch: Architecture, why: str) -> UsageError:
    return UsageError(
        f"{arch.name or 'This network'} cannot be read as stages: {why}. Networks of the spaces "
        "mobile, mnasnet and efficientnet can."
    )


def _read_layer(place: Placed) -> Layer:
    block = place.block
    return parse_stage(block.label, _read_style(block))[0]


def _read_style(block: Block) -> Style:
    ops = {node.name: node.op for node in block.nodes}
    conv = next((op for op in ops.values() if isinstance(op, Conv)), None)
    norm = next((op for op in ops.values() if isinstance(op, BatchNorm)), None)
    act = next((op for op in ops.values() if isinstance(op, Activation)), None)
    if conv is None or norm is None or act is None:
        raise UsageError(f"Block {block.label!r} is no convolution with norm and activation.")
    inner = ops.get("se.act1")
    inside = inner.name if isinstance(inner, Activation) else act.name
    return Style(
        activation=act.name,
        padding=conv.padding,
        bn_eps=norm.eps,
        bn_momentum=norm.momentum,
        se_activation=None if inside == act.name else inside,
    )
