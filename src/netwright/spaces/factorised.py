"""The factorised hierarchical space: blocks of identical layers, six decisions each (MnasNet).

Tan et al., "MnasNet" (CVPR 2019), section 4.1.  What one network of the family fixes (how many
blocks, their strides, the lists to choose from) is a ``Plan``; the spaces of MnasNet and
EfficientNet are plans.  The functions here do the work of a space for any plan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from netwright.arch.blocks import PLAIN, Skip, Style, classifier, conv_bn_act
from netwright.arch.graph import Architecture, Block, chain
from netwright.arch.ops import Shape
from netwright.arch.rounding import Multipliers, round_filters
from netwright.arch.staged import HEAD_NAMES, STEM_NAMES, Kind, Layer, parse_stage, read_staged
from netwright.contracts import Choice, Space
from netwright.errors import TokenError, UsageError
from netwright.records import Tokens
from netwright.spaces.tokens import choice

OPS: dict[str, tuple[Kind, float]] = {  # name of an operation → kind and expansion
    "dconv": ("ds", 1),
    "mbconv1": ("ir", 1),
    "mbconv3": ("ir", 3),
    "mbconv4": ("ir", 4),
    "mbconv6": ("ir", 6),
    "conv": ("cn", 1),
    "fused1": ("er", 1),
    "fused4": ("er", 4),
    "fused6": ("er", 6),
}
SKIPS: dict[str, Skip] = {"none": False, "identity": True, "pool": "pool"}
PER_BLOCK = 6  # op, kernel, SE, skip, width, depth
SMALLEST_MAP = 4  # pixels a side that are left at the end, where the image is large enough


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is fixed, and what there is to choose from.

    Args:
        stem: Channels of the first 3×3 convolution.
        head: Channels of the 1×1 convolution before the classifier.
        strides: Of the first layer of every block, for large images.
        widths: Channels to choose from, for every block.
        depths: Numbers of layers to choose from, for every block.
        ops: Names of ``OPS``.
        kernels: Kernel sizes.
        se_ratios: Squeeze-and-excitation per channel that enters a layer; 0 is none.
        skips: Names of ``SKIPS``, beginning with ``none``.
        style: Activation, padding, batch norm.

    Raises:
        UsageError: If the lists do not belong together.
    """

    stem: int = 32
    head: int = 1280
    strides: tuple[int, ...] = (1, 2, 2, 2, 1, 2, 1)
    widths: tuple[tuple[int, ...], ...]
    depths: tuple[tuple[int, ...], ...]
    ops: tuple[str, ...] = ("dconv", "mbconv3", "mbconv6", "conv")
    kernels: tuple[int, ...] = (3, 5)
    se_ratios: tuple[float, ...] = (0.0, 0.25)
    skips: tuple[str, ...] = ("none", "identity", "pool")
    style: Style = PLAIN

    def __post_init__(self) -> None:
        if not len(self.strides) == len(self.widths) == len(self.depths) > 0:
            raise UsageError(
                f"A plan needs as many strides as width and depth lists; there are "
                f"{len(self.strides)}, {len(self.widths)} and {len(self.depths)}."
            )
        unknown = [o for o in self.ops if o not in OPS] + [s for s in self.skips if s not in SKIPS]
        if unknown:
            raise UsageError(
                f"No operation or skip is called {unknown[0]!r}; there are "
                f"{', '.join((*OPS, *SKIPS))}."
            )
        if self.skips[:1] != ("none",):
            raise UsageError("The skips of a plan must begin with 'none', the inactive one.")
        lists = (*self.widths, *self.depths, self.ops, self.kernels, self.se_ratios, self.skips)
        if any(len(set(options)) != len(options) or not options for options in lists):
            raise UsageError("The lists of a plan must not be empty nor name an option twice.")
        if min(min(d) for d in self.depths) < 1:
            raise UsageError("A block has at least one layer; a depth list names less.")

    def scaled(self, by: Multipliers) -> Plan:
        """The plan with stem, head and lists scaled; options that become equal are one."""
        last = len(self.strides) - 1
        deeper = [
            dict.fromkeys(by.repeats(n, end=i in (0, last)) for n in options)
            for i, options in enumerate(self.depths)
        ]
        return replace(
            self,
            stem=by.channels(self.stem, "stem"),
            head=by.channels(self.head, "head"),
            widths=tuple(tuple(dict.fromkeys(map(by.channels, w))) for w in self.widths),
            depths=tuple(tuple(options) for options in deeper),
        )


def around(
    stages: Sequence[str],
    *,
    stem: int,
    head: int,
    ops: tuple[str, ...],
    skips: tuple[str, ...],
    style: Style,
) -> Plan:
    """The plan with a network in its middle: widths × 0.75 to 1.25, one layer less or more.

    A width list holds three different multiples of 8; a block of one layer may have 1, 2 or 3.

    Args:
        stages: The network in timm's notation.
        stem: Its stem's channels.
        head: Its head's channels.
        ops: See ``Plan``.
        skips: See ``Plan``.
        style: See ``Plan``.
    """
    middle = [parse_stage(text, style) for text in stages]
    widths, depths = [], []
    for layers in middle:
        out, count = layers[0].out, len(layers)
        low = min(round_filters(out, 0.75), out - 8)
        high = max(round_filters(out, 1.25), out + 8)
        widths.append((low, out, high) if low >= 8 else (out, out + 8, out + 16))
        depths.append((count - 1, count, count + 1) if count > 1 else (1, 2, 3))
    return Plan(
        stem=stem,
        head=head,
        strides=tuple(layers[0].stride for layers in middle),
        widths=tuple(widths),
        depths=tuple(depths),
        ops=ops,
        skips=skips,
        style=style,
    )


def check_sizes(name: str, classes: int, resolution: int, channels: int) -> None:
    """Refuse a space that holds no classifier of images.

    Raises:
        UsageError: If there are no images, channels or too few classes.
    """
    if classes < 2 or resolution < 1 or channels < 1:
        raise UsageError(
            f"{name} needs two classes or more, and images; {classes} classes and images of "
            f"{channels}x{resolution}x{resolution} came."
        )


@lru_cache(maxsize=64)
def choices(plan: Plan) -> tuple[Choice, ...]:
    """Six decisions for every block; widths and depths from cheap to costly."""
    rows: list[Choice] = []
    for i, (widths, depths) in enumerate(zip(plan.widths, plan.depths, strict=True), start=1):
        rows += [
            choice(f"block {i} op", plan.ops),
            choice(f"block {i} kernel", plan.kernels),
            choice(f"block {i} SE", plan.se_ratios),
            choice(f"block {i} skip", plan.skips),
            choice(f"block {i} width", widths),
            choice(f"block {i} depth", depths),
        ]
    return tuple(rows)


@lru_cache(maxsize=256)
def fitted_strides(plan: Plan, resolution: int) -> tuple[int, ...]:
    """Strides of the stem and of the blocks for images of ``resolution`` pixels a side.

    The map is halved as often as leaves at least 4 pixels a side, and at most as often as
    published.  Where that is less often, the first strides become 1, the stem's before all: small
    images keep their detail, and the widest blocks keep their place at the end.
    """
    strides = (2, *plan.strides)
    count = min(sum(s == 2 for s in strides), max(0, int(math.log2(resolution / SMALLEST_MAP))))
    drop = sum(s == 2 for s in strides) - count
    fitted = []
    for stride in strides:
        skip = stride == 2 and drop > 0
        drop -= skip
        fitted.append(1 if skip else stride)
    return tuple(fitted)


def _active_skips(plan: Plan, depth: int, same_width: bool, stride: int) -> tuple[str, ...]:
    """The skips that make a difference in a block."""
    if depth > 1 or (same_width and stride == 1):
        return plan.skips
    return tuple(s for s in plan.skips if s == "none" or (s == "pool" and same_width))


def canonical(plan: Plan, strides: tuple[int, ...], row: Tokens) -> Tokens:
    """The tokens with skips that no layer of their block can have set to 0."""
    result, width = list(row), plan.stem
    for i, (widths, depths) in enumerate(zip(plan.widths, plan.depths, strict=True)):
        at = PER_BLOCK * i
        out, depth = widths[row[at + 4]], depths[row[at + 5]]
        if row[at + 3]:
            active = _active_skips(plan, depth, width == out, strides[i + 1])
            if plan.skips[row[at + 3]] not in active:
                result[at + 3] = 0
        width = out
    return tuple(result)


def size(plan: Plan, strides: tuple[int, ...]) -> int:
    """Number of canonical candidates: a sum over the widths that enter each block."""
    plain = len(plan.ops) * len(plan.kernels) * len(plan.se_ratios)
    ways = {plan.stem: 1}
    for widths, depths, stride in zip(plan.widths, plan.depths, strides[1:], strict=True):
        after = dict.fromkeys(widths, 0)
        for out in widths:
            for width, number in ways.items():
                skips = sum(
                    len(_active_skips(plan, depth, width == out, stride)) for depth in depths
                )
                after[out] += number * plain * skips
        ways = after
    return sum(ways.values())


@lru_cache(maxsize=65536)
def _block(
    number: int, shape: Shape, op: str, kernel: int, se_ratio: float, skip: str, out: int,
    depth: int, stride: int, style: Style,
) -> tuple[tuple[str, Block], ...]:  # fmt: skip
    kind, expand = OPS[op]
    layer = Layer(
        kind=kind,
        out=out,
        kernel=kernel,
        expand=expand,
        se_ratio=se_ratio,
        skip=SKIPS[skip],
        style=style,
    )
    made = []
    for i in range(depth):
        block = (layer if i else replace(layer, stride=stride)).block(shape)
        made.append((f"blocks.{number}.{i}", block))
        shape = block.out_shape
    return tuple(made)


@lru_cache(maxsize=4096)
def _stem(shape: Shape, out: int, stride: int, style: Style) -> Block:
    return conv_bn_act(shape, out, 3, stride=stride, style=style, names=STEM_NAMES)


@lru_cache(maxsize=4096)
def _top(
    shape: Shape, out: int, classes: int, style: Style
) -> tuple[tuple[str, Block], tuple[str, Block]]:
    head = conv_bn_act(shape, out, 1, style=style, names=HEAD_NAMES)
    return ("", head), ("", classifier(head.out_shape, classes))


def decode(
    plan: Plan, strides: tuple[int, ...], row: Tokens, *, image: Shape, classes: int, name: str
) -> Architecture:
    """The network that tokens in range describe, its nodes named as timm names them.

    Args:
        plan: The plan.
        strides: From ``fitted_strides``.
        row: The tokens, checked.
        image: ``(C, H, W)``.
        classes: Length of the logits.
        name: Name of the network.
    """
    style = plan.style
    stem = _stem(image, plan.stem, strides[0], style)
    placed, shape = [("", stem)], stem.out_shape
    for i, (widths, depths) in enumerate(zip(plan.widths, plan.depths, strict=True)):
        op, kernel, se, skip, width, depth = row[PER_BLOCK * i : PER_BLOCK * (i + 1)]
        layers = _block(
            i, shape, plan.ops[op], plan.kernels[kernel], plan.se_ratios[se], plan.skips[skip],
            widths[width], depths[depth], strides[i + 1], style,
        )  # fmt: skip
        placed += layers
        shape = layers[-1][1].out_shape
    placed += _top(shape, plan.head, classes, style)
    return chain(image, placed, name=name)


def encode(space: Space, plan: Plan, arch: Architecture) -> Tokens:
    """The tokens of a network, canonical.

    Raises:
        TokenError: If the network is no member of the space, with what does not fit.
    """
    name = arch.name or "The network"
    try:
        stages = read_staged(arch).stages
    except UsageError as err:
        raise TokenError(f"{name} is not in {space.name}: {err}") from err
    if len(stages) != len(plan.widths):
        raise TokenError(
            f"{name} is not in {space.name}: it has {len(stages)} blocks, not {len(plan.widths)}."
        )
    row: list[int] = []
    for i, layers in enumerate(stages):
        row += _encode_block(plan, i, layers, f"{name} is not in {space.name}: block {i + 1}")
    tokens = space.canonical(tuple(row))
    if space.decode(tokens).id != arch.id:
        raise TokenError(
            f"{name} is not in {space.name}: it differs in what no token describes (image size, "
            "classes, stem, head, strides, activation, padding, batch norm or dropout)."
        )
    return tokens


def _encode_block(plan: Plan, i: int, layers: Sequence[Layer], where: str) -> list[int]:
    last = layers[-1]
    if any(replace(layer, stride=last.stride) != last for layer in layers):
        raise TokenError(f"{where} has layers that are not alike.")
    ops = {OPS[op]: op for op in plan.ops}
    skips = {SKIPS[skip]: skip for skip in plan.skips}
    row = []
    for what, value, options in (
        ("operation", ops.get((last.kind, last.expand)), plan.ops),
        ("kernel", last.kernel, plan.kernels),
        ("SE", last.se_ratio, plan.se_ratios),
        ("skip", skips.get(last.skip), plan.skips),
        ("width", last.out, plan.widths[i]),
        ("depth", len(layers), plan.depths[i]),
    ):
        if value not in options:
            listed = ", ".join(map(str, options))
            raise TokenError(f"{where} has {what} {value}; the space has {listed}.")
        row.append(options.index(value))
    return row
