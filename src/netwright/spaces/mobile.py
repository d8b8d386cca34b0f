"""``mobile``: a staged MBConv space for any resolution, from 8×8 digits to 224 px photos.

The skeleton is MobileNetV2's and EfficientNet's: a stem, seven stages of inverted residuals, a
1×1 head and a classifier.  What is free: widths of stem and head, the activation, and per stage
the depth, kernel, expansion, width and squeeze-and-excitation.  Three things adapt it to small
images and small budgets: the number of times the map is halved follows the resolution, stages that
do not halve may be absent, and the width lists start at 8 channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from operator import lt

from netwright.arch.blocks import (
    Style,
    classifier,
    conv_bn_act,
    depthwise_separable,
    mbconv,
)
from netwright.arch.graph import Architecture, Block, chain
from netwright.arch.ops import ActivationName, Shape
from netwright.contracts import Choice
from netwright.errors import UsageError
from netwright.records import Tokens
from netwright.spaces.tokens import check, choice

STEM = (8, 16, 24, 32)
WIDTHS = (
    (8, 16, 24),
    (8, 16, 24, 32),
    (16, 24, 32, 40, 48),
    (16, 24, 40, 56, 80, 96),
    (24, 32, 48, 64, 88, 112, 136),
    (32, 48, 64, 96, 128, 160, 192, 240),
    (48, 64, 96, 128, 192, 256, 320, 384),
)
HEAD = (64, 128, 256, 512, 960, 1280)
KERNELS = (3, 5, 7)
EXPANSIONS = (1, 3, 4, 6)
SE_RATIOS = (0.0, 0.25)
ACTIVATIONS: tuple[ActivationName, ...] = ("relu", "silu")
DEPTH = 4
PER_STAGE = 5  # depth, kernel, expansion, width, SE
_HEAD = 1 + PER_STAGE * len(WIDTHS)  # the place of its token; the activation's is the last
_ACTIVATION = _HEAD + 1

# Stages that halve the map, by how often it is to be halved beside the stem.  Three: late, as
# EfficientNet-B0 does where strides are taken off from the first; on CIFAR-10 under 5M MACs both
# published networks won two points by it.
_HALVING = {0: (), 1: (3,), 2: (2, 5), 3: (2, 3, 5), 4: (1, 2, 3, 5)}


def halvings(resolution: int) -> tuple[int, tuple[int, ...]]:
    """Stride of the stem and of the seven stages: 4 to 8 pixels a side are left up to 256 px.

    From 64 px up the stem halves too; from 128 px up this is EfficientNet's schedule.
    """
    count = min(5, int(math.log2(resolution / 4)))
    stem = 2 if resolution >= 64 else 1
    where = _HALVING[count - (stem - 1)]
    return stem, tuple(2 if i in where else 1 for i in range(len(WIDTHS)))


@lru_cache(maxsize=65536)
def _stage(
    number: int,
    shape: Shape,
    depth: int,
    kernel: int,
    expand: int,
    width: int,
    se_ratio: float,
    stride: int,
    activation: ActivationName,
) -> tuple[tuple[str, Block], ...]:
    """The stage's blocks with their places; stages are numbered as they occur in the network."""
    style = _style(activation)
    blocks: list[tuple[str, Block]] = []
    for i in range(depth):
        inside = blocks[-1][1].out_shape if blocks else shape
        step = stride if i == 0 else 1
        if expand == 1:
            make = depthwise_separable(
                inside, width, kernel, stride=step, se_ratio=se_ratio, style=style
            )
        else:
            make = mbconv(
                inside, width, kernel, expand=expand, stride=step, se_ratio=se_ratio, style=style
            )
        blocks.append((f"blocks.{number}.{i}", make))
    return tuple(blocks)


@lru_cache(maxsize=8)
def _style(activation: ActivationName) -> Style:
    return Style(activation=activation)


@lru_cache(maxsize=4096)
def _stem(shape: Shape, width: int, stride: int, activation: ActivationName) -> Block:
    names = ("conv_stem", "bn1", "act1")
    return conv_bn_act(shape, width, 3, stride=stride, style=_style(activation), names=names)


@lru_cache(maxsize=4096)
def _top(
    shape: Shape, width: int, classes: int, dropout: float, activation: ActivationName
) -> tuple[Block, Block]:
    names = ("conv_head", "bn2", "act2")
    head = conv_bn_act(shape, width, 1, style=_style(activation), names=names)
    return head, classifier(head.out_shape, classes, dropout=dropout)


@dataclass(frozen=True)
class MobileSpace:
    """The default space.

    Args:
        classes: Length of the logits.
        resolution: Height and width of the images, at least 8.
        channels: 3 for colour, 1 for grey.
        activation: After every batch norm but a block's last; None: one of ``ACTIVATIONS``, a
            choice like any other.
        dropout: Rate before the classifier.

    Raises:
        UsageError: If the images are too small or empty, or there are fewer than two classes.
    """

    classes: int = 1000
    resolution: int = 224
    channels: int = 3
    activation: ActivationName | None = None
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.resolution < 8:
            raise UsageError(
                f"The mobile space needs images of at least 8x8; {self.resolution} came."
            )
        if self.channels < 1:
            raise UsageError(f"Images have one channel or more; {self.channels} came.")
        if self.classes < 2:
            raise UsageError(f"A classifier needs two classes or more; {self.classes} came.")

    @property
    def name(self) -> str:
        """Its name in the catalogue."""
        return "mobile"

    def with_activation(self, name: ActivationName) -> MobileSpace:
        """The same space with this activation alone."""
        return replace(self, activation=name)

    @cached_property
    def _strides(self) -> tuple[int, tuple[int, ...]]:
        return halvings(self.resolution)

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """The stem's width, five for each of seven stages, the head's width, the activation."""
        rows = [choice("stem width", STEM)]
        for i, (widths, stride) in enumerate(zip(WIDTHS, self._strides[1], strict=True)):
            rows += [
                choice(f"stage {i} depth", self._depths(stride)),
                choice(f"stage {i} kernel", KERNELS),
                choice(f"stage {i} expansion", EXPANSIONS),
                choice(f"stage {i} width", widths),
                choice(f"stage {i} SE", SE_RATIOS),
            ]
        rows.append(choice("head width", HEAD))
        return (*rows, choice("activation", ACTIVATIONS)) if self.activation is None else (*rows,)

    @staticmethod
    def _depths(stride: int) -> tuple[int, ...]:
        return tuple(range(1 if stride == 2 else 0, DEPTH + 1))

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        return tuple(len(c.options) for c in self.choices)

    @cached_property
    def size(self) -> int:
        """Number of canonical candidates."""
        total = len(STEM) * len(HEAD) * (len(ACTIVATIONS) if self.activation is None else 1)
        for widths, stride in zip(WIDTHS, self._strides[1], strict=True):
            present = DEPTH * len(KERNELS) * len(EXPANSIONS) * len(widths) * len(SE_RATIOS)
            total *= present + (stride == 1)
        return total

    def canonical(self, tokens: Tokens) -> Tokens:
        """Tokens of absent stages set to 0.

        Raises:
            TokenError: If the tokens are no candidate of this space.
        """
        row = list(self._checked(tokens))
        for i, stride in enumerate(self._strides[1]):
            at = 1 + PER_STAGE * i
            if stride == 1 and row[at] == 0:
                row[at : at + PER_STAGE] = [0] * PER_STAGE
        return tuple(row)

    def decode(self, tokens: Tokens) -> Architecture:
        """The network that the tokens describe, its nodes named as timm names them.

        Raises:
            TokenError: If the tokens are no candidate of this space.
        """
        row = self._checked(tokens)
        stem_stride, strides = self._strides
        act = self.activation or ACTIVATIONS[row[_ACTIVATION]]
        image = (self.channels, self.resolution, self.resolution)
        stem = _stem(image, STEM[row[0]], stem_stride, act)
        blocks = [("", stem)]
        shape, present = stem.out_shape, 0
        for i, stride in enumerate(strides):
            at = 1 + PER_STAGE * i
            depth = row[at] + (stride == 2)
            if depth == 0:
                continue
            stage = _stage(
                present,
                shape,
                depth,
                KERNELS[row[at + 1]],
                EXPANSIONS[row[at + 2]],
                WIDTHS[i][row[at + 3]],
                SE_RATIOS[row[at + 4]],
                stride,
                act,
            )
            blocks += stage
            shape, present = stage[-1][1].out_shape, present + 1
        top = _top(shape, HEAD[row[_HEAD]], self.classes, self.dropout, act)
        blocks += (("", top[0]), ("", top[1]))
        return chain(image, blocks, name="mobile")

    def _checked(self, tokens: Tokens) -> Tokens:
        sizes = self._sizes
        if len(tokens) != len(sizes) or min(tokens) < 0 or not all(map(lt, tokens, sizes)):
            return check(self, tokens)  # raises, and says where
        return tokens
