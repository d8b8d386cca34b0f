"""Structures of ZenNAS and ZiCo: their strings, their networks, their official mutation.

A structure is a 3x3 stem, a row of super-blocks of paired inverted bottlenecks, and a 1x1
convolution in front of the classifier (Lin et al., "Zen-NAS", ICCV 2021).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from netwright.arch.blocks import Style, classifier, conv_bn_act
from netwright.arch.graph import Architecture, Block, chain
from netwright.arch.idw import idw_layer, round_to_8
from netwright.arch.ops import Shape
from netwright.errors import UsageError

TYPES: tuple[tuple[int, int], ...] = tuple((e, k) for k in (3, 5, 7) for e in (1, 2, 4, 6))
"""(expansion, kernel) of the twelve super-blocks, in the order of the official code."""

FACTORS = (2.5, 2, 1.5, 1.25, 1, 1 / 1.25, 1 / 1.5, 1 / 2, 1 / 2.5)
SKEW = (12, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)
"""How often the official code draws each of ``TYPES``, in 89ths: its candidate lists add up."""

HEAD = 2048
SPLIT_AT, SPLIT_TO = 6, 3
_STYLE = Style(bn_eps=1e-3)
_LABEL = re.compile(r"idw_k(\d+)_s(\d+)_e(\d+)_b(\d+)_c(\d+)")  # of arch.idw
_BLOCK = re.compile(r"Super(\w+?)\((\d+(?:,\d+)*)\)")


@dataclass(frozen=True, kw_only=True)
class SuperBlock:
    """``layers`` pairs of inverted bottlenecks of one kind; the first carries the stride."""

    expand: int
    kernel: int
    out: int
    stride: int
    bottleneck: int
    layers: int


@dataclass(frozen=True, kw_only=True)
class Structure:
    """A network of the space, as its official string has it.

    Args:
        channels: Of the images.
        stem: Channels of the 3x3 convolution in front.
        stem_stride: Its stride.
        blocks: The super-blocks.
        head: Channels of the last convolution.
    """

    channels: int = 3
    stem: int
    stem_stride: int = 2
    blocks: tuple[SuperBlock, ...]
    head: int = HEAD

    def __str__(self) -> str:
        text = f"SuperConvK3BNRELU({self.channels},{self.stem},{self.stem_stride},1)"
        entering = self.stem
        for b in self.blocks:
            numbers = f"{entering},{b.out},{b.stride},{b.bottleneck},{b.layers}"
            text += f"SuperResIDWE{b.expand}K{b.kernel}({numbers})"
            entering = b.out
        return f"{text}SuperConvK1BNRELU({entering},{self.head},1,1)"

    @staticmethod
    def parse(text: str) -> Structure:
        """Read an official structure string.

        Raises:
            UsageError: If it is none, or of another space.
        """
        words = _BLOCK.findall(text)
        numbers = [tuple(int(n) for n in tail.split(",")) for _, tail in words]
        kinds = [kind for kind, _ in words]
        mistake = UsageError(
            f"{text[:60]!r} is no structure of the IDW space; it must read "
            "SuperConvK3BNRELU(3,16,2,1)SuperResIDWE1K7(16,40,2,40,1)..SuperConvK1BNRELU(40,2048,1,1)."
        )
        ends = ("ConvK3BNRELU", "ConvK1BNRELU")
        if len(words) < 3 or (kinds[0], kinds[-1]) != ends:
            raise mistake
        if [len(n) for n in numbers] != [4, *[5] * (len(words) - 2), 4]:
            raise mistake
        blocks = []
        for kind, middle in zip(kinds[1:-1], numbers[1:-1], strict=True):
            _, out, stride, bottleneck, layers = middle
            found = re.fullmatch(r"ResIDWE([1246])K([357])", kind)
            if found is None:
                raise mistake
            expand, kernel = int(found[1]), int(found[2])
            blocks.append(
                SuperBlock(
                    expand=expand,
                    kernel=kernel,
                    out=out,
                    stride=stride,
                    bottleneck=bottleneck,
                    layers=layers,
                )
            )
        structure = Structure(
            channels=numbers[0][0],
            stem=numbers[0][1],
            stem_stride=numbers[0][2],
            blocks=tuple(blocks),
            head=numbers[-1][1],
        )
        if str(structure) != re.sub(r"\s", "", text):
            raise mistake
        return structure

    @property
    def depth(self) -> int:
        """Layers of all super-blocks, the stem and the last convolution: what the cap limits."""
        return sum(b.layers for b in self.blocks) + 2

    @staticmethod
    def of(arch: Architecture) -> Structure | None:
        """The structure of a network that ``architecture`` made; None if it is of another kind."""
        rows: dict[str, list[tuple[int, ...]]] = {}
        for place in arch.placed:
            found = _LABEL.fullmatch(place.block.label)
            if found:
                super_block = place.prefix.rpartition(".")[0]
                numbers = tuple(int(n) for n in found.groups())
                rows.setdefault(super_block, []).append(numbers)
        stem = arch.placed[0].block
        head = arch.placed[-2].block if len(arch.placed) > 2 else stem
        if not rows or len(stem.out_shape) != 3 or len(head.out_shape) != 3:
            return None
        blocks = []
        for layers in rows.values():
            kernel, stride, expand, bottleneck, out = layers[0]
            block = SuperBlock(
                expand=expand,
                kernel=kernel,
                out=out,
                stride=stride,
                bottleneck=bottleneck,
                layers=len(layers),
            )
            blocks.append(block)
        first = re.fullmatch(r"cn_k3_s(\d+)_c\d+", stem.label)
        return Structure(
            channels=arch.input_shape[0],
            stem=stem.out_shape[0],
            stem_stride=int(first[1]) if first else 1,
            blocks=tuple(blocks),
            head=head.out_shape[0],
        )

    def architecture(
        self,
        *,
        resolution: int,
        classes: int,
        residual: bool = True,
        se: bool = True,
        name: str = "zico",
    ) -> Architecture:
        """The network.

        Args:
            resolution: Height and width of the images, in pixels.
            classes: Length of the logits.
            residual: Whether bottlenecks add their inputs; the official search scores without.
            se: Whether they squeeze and excite; the official search scores without.
            name: What it is called.
        """
        image: Shape = (self.channels, resolution, resolution)
        block = conv_bn_act(image, self.stem, 3, stride=self.stem_stride, style=_STYLE)
        row: list[tuple[str, Block]] = [("stem", block)]
        for i, b in enumerate(self.blocks):
            for j in range(b.layers):
                block = idw_layer(
                    block.out_shape,
                    b.out,
                    bottleneck=b.bottleneck,
                    expand=b.expand,
                    kernel=b.kernel,
                    stride=1 if j else b.stride,
                    first=j == 0,
                    residual=residual,
                    se=se,
                    style=_STYLE,
                )
                row.append((f"blocks.{i}.{j}", block))
        head = conv_bn_act(block.out_shape, self.head, 1, style=_STYLE)
        row += [("head", head), ("", classifier(head.out_shape, classes))]
        return chain(image, row, name=name)


def split(structure: Structure) -> Structure:
    """The same with every super-block of six layers or more cut in two, three and the rest."""
    blocks: list[SuperBlock] = []
    for b in structure.blocks:
        if b.layers < SPLIT_AT:
            blocks.append(b)
        else:
            rest = replace(b, layers=b.layers - SPLIT_TO, stride=1)
            blocks += [replace(b, layers=SPLIT_TO), rest]
    return replace(structure, blocks=tuple(blocks))


def _width(channels: int, rng: np.random.Generator) -> int:
    options = sorted({round_to_8(channels * f) for f in FACTORS})
    return options[int(rng.integers(len(options)))]


def mutate(
    structure: Structure, *, rng: np.random.Generator, blocks: int = 2, skewed: bool = False
) -> Structure:
    """Redraw ``blocks`` blocks as the official search does, then split what grew too deep.

    Each draw picks the stem, which only changes its width, or a super-block, whose type is drawn
    anew, whose two widths are multiplied by one of ``FACTORS`` and whose layers change by at most
    two.  Widths stay multiples of 8 and layers at least 1.

    Args:
        structure: What to start from; it is not changed.
        rng: Where the draws come from.
        blocks: Number of draws; two may fall on one block.
        skewed: Whether types are drawn as unevenly as the official code draws them (``SKEW``).
    """
    for _ in range(blocks):
        place = int(rng.integers(len(structure.blocks) + 1)) - 1
        if place < 0:
            structure = replace(structure, stem=_width(structure.stem, rng))
            continue
        old = structure.blocks[place]
        odds = np.array(SKEW if skewed else [1] * len(TYPES), dtype=float)
        expand, kernel = TYPES[int(rng.choice(len(TYPES), p=odds / odds.sum()))]
        depths = sorted({max(1, old.layers + d) for d in (-2, -1, 0, 1, 2)})
        new = replace(
            old,
            expand=expand,
            kernel=kernel,
            out=_width(old.out, rng),
            bottleneck=_width(old.bottleneck, rng),
            layers=depths[int(rng.integers(len(depths)))],
        )
        row = (*structure.blocks[:place], new, *structure.blocks[place + 1 :])
        structure = replace(structure, blocks=row)
    return split(structure)


INITIAL = Structure.parse(
    "SuperConvK3BNRELU(3,8,2,1)SuperResIDWE6K3(8,32,2,8,1)SuperResIDWE6K3(32,48,2,32,1)"
    "SuperResIDWE6K3(48,96,2,48,1)SuperResIDWE6K3(96,128,2,96,1)SuperConvK1BNRELU(128,2048,1,1)"
)
"""Where the official search starts, whatever the budget."""
