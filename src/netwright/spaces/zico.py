"""ZiCo's IDW space: super-blocks of paired inverted bottlenecks, as official structure strings.

Li et al., "ZiCo: Zero-shot NAS via inverse coefficient of variation on gradients", ICLR 2023; the
space and the strings are those of ZenNAS (Lin et al., ICCV 2021).  A structure is a stem, a row of
super-blocks, and a 1x1 convolution to 2048 channels that is never changed.

A row of tokens describes four stages of up to ``slots`` super-blocks; the first of a stage
carries its stride, and the slots after one of zero layers are empty.  ``edit.mutate`` changes
tokens; ``ZiCoSpace.mutate`` changes the structure as the official search does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from netwright.arch.graph import Architecture
from netwright.contracts import Choice
from netwright.errors import TokenError, UnknownNameError, UsageError
from netwright.records import Tokens
from netwright.spaces.tokens import check, choice
from netwright.spaces.zennas import HEAD, INITIAL, SPLIT_AT, TYPES, Structure, SuperBlock, mutate

_TRIES = 64  # mutations before giving up on one that the space can hold
_LAYERS = SPLIT_AT - 1  # of one super-block
_PER_SLOT = 4
_STAGES = 4


PUBLISHED: Mapping[str, Structure] = {
    "zico_450m": Structure.parse(
        "SuperConvK3BNRELU(3,16,2,1)SuperResIDWE1K7(16,40,2,40,1)SuperResIDWE2K7(40,80,2,64,1)"
        "SuperResIDWE4K7(80,96,2,96,5)SuperResIDWE2K7(96,224,2,224,5)"
        "SuperConvK1BNRELU(224,2048,1,1)"
    ),
    "zico_600m": Structure.parse(
        "SuperConvK3BNRELU(3,24,2,1)SuperResIDWE1K7(24,48,2,48,1)SuperResIDWE2K7(48,72,2,72,1)"
        "SuperResIDWE6K5(72,160,2,96,1)SuperResIDWE6K7(160,200,2,112,5)"
        "SuperResIDWE6K7(200,168,1,168,4)SuperConvK1BNRELU(168,2048,1,1)"
    ),
    "zico_1g": Structure.parse(
        "SuperConvK3BNRELU(3,48,2,1)SuperResIDWE1K7(48,48,2,72,1)SuperResIDWE1K7(48,80,2,128,1)"
        "SuperResIDWE2K7(80,160,2,144,3)SuperResIDWE4K7(160,288,2,232,4)"
        "SuperResIDWE6K5(288,232,1,208,5)SuperConvK1BNRELU(232,2048,1,1)"
    ),
}
"""The networks that the paper found under 450M, 600M and 1G MACs, with residuals and SE."""


def strides_for(resolution: int) -> tuple[int, ...]:
    """Strides of the stem and the four stages: five halvings from 128 px, fewer below.

    The last map keeps at least 4 pixels a side where the image has them; it is the front of the
    network that stops halving.
    """
    halvings = min(5, max(0, (resolution // 4).bit_length() - 1))
    return (1,) * (5 - halvings) + (2,) * halvings


@lru_cache(maxsize=16)
def _choices(slots: int, max_width: int) -> tuple[Choice, ...]:
    widths = range(8, max_width + 1, 8)
    row = [choice("stem width", widths)]
    for stage in range(1, _STAGES + 1):
        for slot in range(1, slots + 1):
            at = f"stage {stage} block {slot}"
            row.append(choice(f"{at} type", [f"E{e}K{k}" for e, k in TYPES]))
            row.append(choice(f"{at} width", widths))
            row.append(choice(f"{at} bottleneck", widths))
            row.append(choice(f"{at} layers", range(1 if slot == 1 else 0, _LAYERS + 1)))
    return tuple(row)


def _stages(
    blocks: tuple[SuperBlock, ...], strides: tuple[int, ...], slots: int
) -> list[tuple[SuperBlock, ...]] | None:
    """The super-blocks by stage, early stages filled first; None if there is no room for them."""
    groups: list[tuple[SuperBlock, ...]] = []
    rest = blocks
    for stage, stride in enumerate(strides):
        if not rest or rest[0].stride != stride:
            return None
        needed = 0  # super-blocks that later stages without a stride must still find in this run
        for later in strides[stage + 1 :]:
            if later != 1:
                break
            needed += 1
        run = 1
        while run < len(rest) and rest[run].stride == 1:
            run += 1
        take = min(slots, run - needed)
        if take < 1:
            return None
        groups.append(rest[:take])
        rest = rest[take:]
    return None if rest else groups


@dataclass(frozen=True, kw_only=True)
class ZiCoSpace:
    """The IDW space on a fixed number of slots; the published networks are members.

    Args:
        classes: Length of the logits.
        resolution: Height and width of the images, in pixels.
        channels: 3 for colour, 1 for grey.
        strides: Of the stem and the four stages; None: ``strides_for(resolution)``.
        slots: Super-blocks that a stage may have; official structures get more than one by
            splitting those of six layers.
        max_width: Largest width and bottleneck, a multiple of 8; 1024 in the paper, no limit in
            the official code.
        max_depth: Depth cap of ``mutate``: layers of all super-blocks plus 2 (14 for 450M and
            600M, 16 for 1G); None: no cap.  All three published networks stand at their cap.
        residual: Whether bottlenecks add their inputs; the official search scores without.
        se: Whether they squeeze and excite; the official search scores without.
    """

    classes: int = 1000
    resolution: int = 224
    channels: int = 3
    strides: tuple[int, ...] | None = None
    slots: int = 3
    max_width: int = 1024
    max_depth: int | None = 14
    residual: bool = True
    se: bool = True

    def __post_init__(self) -> None:
        if min(self.classes, self.resolution, self.channels, self.slots) < 1:
            raise UsageError("classes, resolution, channels and slots of a space start at 1.")
        if len(self._strides) != _STAGES + 1 or not set(self._strides) <= {1, 2}:
            raise UsageError(
                f"strides are five of 1 or 2, for the stem and four stages; {self.strides} came."
            )
        if self.max_width < 8 or self.max_width % 8:
            raise UsageError(f"max_width must be a multiple of 8; {self.max_width} came.")

    @property
    def name(self) -> str:
        """``zico``."""
        return "zico"

    @property
    def _strides(self) -> tuple[int, ...]:
        return strides_for(self.resolution) if self.strides is None else self.strides

    @property
    def initial(self) -> Tokens:
        """Where the official search starts, with the strides of this space."""
        strides = self._strides
        blocks = zip(INITIAL.blocks, strides[1:], strict=True)
        structure = replace(
            INITIAL,
            channels=self.channels,
            stem_stride=strides[0],
            blocks=tuple(replace(b, stride=stride) for b, stride in blocks),
        )
        return self._tokens(structure)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The stem's width; then for every slot its type, width, bottleneck and layers."""
        return _choices(self.slots, self.max_width)

    @property
    def size(self) -> int:
        """Canonical rows, in closed form."""
        widths = self.max_width // 8
        filled = len(TYPES) * widths * widths * _LAYERS
        stage = sum(filled ** (n + 1) for n in range(self.slots))
        return int(widths * stage**_STAGES)

    def canonical(self, tokens: Tokens) -> Tokens:
        """The same, with 0 in every slot that is empty."""
        row = list(check(self, tokens))
        for start in range(1, len(row), self.slots * _PER_SLOT):
            for slot in range(1, self.slots):
                at = start + slot * _PER_SLOT
                if row[at + _PER_SLOT - 1] == 0:
                    end = start + self.slots * _PER_SLOT
                    row[at:end] = [0] * (end - at)
                    break
        return tuple(row)

    def structure(self, tokens: Tokens) -> Structure:
        """The structure that the tokens describe."""
        row = self.canonical(tokens)
        strides = self._strides
        blocks = []
        for i, at in enumerate(range(1, len(row), _PER_SLOT)):
            stage, slot = divmod(i, self.slots)
            kind, width, bottleneck, layers = row[at : at + _PER_SLOT]
            layers += 1 if slot == 0 else 0
            if layers:
                expand, kernel = TYPES[kind]
                block = SuperBlock(
                    expand=expand,
                    kernel=kernel,
                    out=8 * (width + 1),
                    stride=1 if slot else strides[stage + 1],
                    bottleneck=8 * (bottleneck + 1),
                    layers=layers,
                )
                blocks.append(block)
        stem = 8 * (row[0] + 1)
        return Structure(
            channels=self.channels, stem=stem, stem_stride=strides[0], blocks=tuple(blocks)
        )

    def to_string(self, tokens: Tokens) -> str:
        """The official structure string."""
        return str(self.structure(tokens))

    def from_string(self, text: str) -> Tokens:
        """The tokens of an official structure string.

        Raises:
            UsageError: If it is no structure of the IDW space.
            TokenError: If this space has no room for it.
        """
        return self._tokens(Structure.parse(text))

    def _tokens(self, structure: Structure) -> Tokens:
        strides = self._strides
        row: list[int] = [self._width(structure.stem)]
        groups = _stages(structure.blocks, strides[1:], self.slots)
        fits = (structure.stem_stride, structure.channels, structure.head) == (
            strides[0],
            self.channels,
            HEAD,
        )
        if groups is None or not fits:
            raise TokenError(
                f"This {self.name} space cannot hold {structure}: it has {_STAGES} stages of "
                f"1 to {self.slots} super-blocks, strides {strides} and {self.channels} channels."
            )
        for group in groups:
            for slot in range(self.slots):
                if slot >= len(group):
                    row += [0] * _PER_SLOT
                    continue
                b = group[slot]
                if not 1 <= b.layers <= _LAYERS or (b.expand, b.kernel) not in TYPES:
                    raise TokenError(f"A super-block has 1 to {_LAYERS} layers; {b} came.")
                kind = TYPES.index((b.expand, b.kernel))
                widths = (self._width(b.out), self._width(b.bottleneck))
                row += [kind, *widths, b.layers - 1 if slot == 0 else b.layers]
        return tuple(row)

    def _width(self, channels: int) -> int:
        if channels % 8 or not 8 <= channels <= self.max_width:
            raise TokenError(
                f"Widths are multiples of 8 up to {self.max_width} here; {channels} came."
            )
        return channels // 8 - 1

    def mutate(
        self, tokens: Tokens, *, rng: np.random.Generator, blocks: int = 2, skewed: bool = False
    ) -> Tokens:
        """Another candidate by the official mutation, within the depth cap and the slots.

        What does not fit is drawn again, at most 64 times; then the candidate itself comes back.

        Args:
            tokens: The candidate.
            rng: Where the draws come from.
            blocks: Number of draws.
            skewed: Whether types are drawn as unevenly as the official code draws them.
        """
        start = self.canonical(tokens)
        for _ in range(_TRIES):
            new = mutate(self.structure(start), rng=rng, blocks=blocks, skewed=skewed)
            if self.max_depth is not None and new.depth > self.max_depth:
                continue
            try:
                row = self._tokens(new)
            except TokenError:
                continue
            if row != start:
                return row
        return start

    def decode(self, tokens: Tokens) -> Architecture:
        """The network of the tokens."""
        return self.structure(tokens).architecture(
            resolution=self.resolution, classes=self.classes, residual=self.residual, se=self.se
        )

    def encode(self, arch: Architecture) -> Tokens:
        """The tokens of a network.

        Raises:
            TokenError: If it is no member of this space.
        """
        structure = Structure.of(arch)
        tokens = None if structure is None else self._tokens(structure)
        if tokens is None or self.decode(tokens).id != arch.id:
            raise TokenError(
                f"{arch.name or arch.id} is no member of this {self.name} space: it has other "
                "classes, another resolution, or other residual links or SE."
            )
        return tokens


def _structure(name: str) -> Structure:
    if name not in PUBLISHED:
        raise UnknownNameError("architecture", name, PUBLISHED)
    return PUBLISHED[name]


def published(
    name: str,
    *,
    classes: int = 1000,
    resolution: int | None = None,
    channels: int = 3,
    residual: bool = True,
    se: bool = True,
) -> Architecture:
    """A network that the paper found, as it was trained: with residual links and SE.

    Raises:
        UnknownNameError: If there is no network of that name in ``PUBLISHED``.
    """
    return replace(_structure(name), channels=channels).architecture(
        resolution=224 if resolution is None else resolution,
        classes=classes,
        residual=residual,
        se=se,
        name=name,
    )


def home(
    name: str, *, classes: int = 1000, resolution: int | None = None, channels: int = 3
) -> ZiCoSpace:
    """The space that a published network is a member of, at the depth cap of its search.

    Raises:
        UnknownNameError: If there is no network of that name in ``PUBLISHED``.
    """
    return ZiCoSpace(
        classes=classes,
        resolution=224 if resolution is None else resolution,
        channels=channels,
        strides=(2,) * 5,
        max_depth=_structure(name).depth,
    )
