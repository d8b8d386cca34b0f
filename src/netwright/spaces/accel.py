"""``accel``: the MnasNet-like space of Accel-NASBench, whose networks were trained on ImageNet.

Seven stages of fixed widths and strides, of which expansion, kernel, depth and squeeze-and-
excitation are free (Ahmad et al., "Accel-NASBench", DAC 2024).  The benchmark writes a network as
four strings of seven digits, ``e``, ``k``, ``l`` and ``se``; they are read and written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from netwright.arch.graph import Architecture
from netwright.arch.ops import Shape
from netwright.arch.staged import Layer, Staged, read_staged
from netwright.contracts import Choice
from netwright.errors import TokenError, UsageError
from netwright.records import Tokens
from netwright.spaces.tokens import check, choice

EXPANSIONS = (1, 4, 6)
KERNELS = (3, 5)
DEPTHS = (1, 2, 3, 4)
SE_RATIOS = (0.0, 0.25)
STRIDES = (1, 2, 2, 2, 1, 2, 1)
WIDTHS = (16, 24, 40, 80, 112, 192, 320)
STEM, HEAD = 32, 1280
PER_STAGE = 4  # expansion, kernel, depth, SE
_OPTIONS = (EXPANSIONS, KERNELS, DEPTHS, (0, 1))  # the benchmark's digits
_CHOICES = tuple(
    choice(f"stage {i} {what}", options)
    for i in range(len(WIDTHS))
    for what, options in (
        ("expansion", EXPANSIONS), ("kernel", KERNELS), ("depth", DEPTHS), ("SE", SE_RATIOS),
    )
)  # fmt: skip


def from_digits(e: str, k: str, l: str, se: str) -> Tokens:  # noqa: E741 (the benchmark's names)
    """The tokens of a network that the benchmark wrote: ``("1446664", "3335355", ...)``.

    Args:
        e: Expansion of every stage.
        k: Kernel of every stage.
        l: Depth of every stage.
        se: 1 for every stage with squeeze-and-excitation.

    Raises:
        UsageError: If they are not seven digits each, of those that the space has.
    """
    row: list[int] = []
    try:
        for digits in zip(e, k, l, se, strict=True):
            row += [o.index(int(d)) for o, d in zip(_OPTIONS, digits, strict=True)]
    except ValueError:
        row = []
    if len(row) != len(_CHOICES):
        raise UsageError(
            f"e={e!r}, k={k!r}, l={l!r}, se={se!r} is no network of Accel-NASBench; give seven "
            "digits each, among 1 4 6, 3 5, 1 2 3 4 and 0 1."
        )
    return tuple(row)


def to_digits(tokens: Tokens) -> tuple[str, str, str, str]:
    """The network as the benchmark writes it: e, k, l and se."""
    e, k, l, se = (  # noqa: E741
        "".join(str(options[t]) for t in tokens[place::PER_STAGE])
        for place, options in enumerate(_OPTIONS)
    )
    return e, k, l, se


@lru_cache(maxsize=1024)
def _stage(number: int, expansion: int, kernel: int, depth: int, se: int) -> tuple[Layer, ...]:
    return tuple(
        Layer(
            kind="ds" if expansion == 1 else "ir",
            out=WIDTHS[number],
            kernel=kernel,
            stride=1 if i else STRIDES[number],
            expand=expansion,
            se_ratio=SE_RATIOS[se],
        )
        for i in range(depth)
    )


@dataclass(frozen=True, kw_only=True)
class AccelSpace:
    """The 48^7 networks of Accel-NASBench; the defaults are those that were trained.

    Stages with expansion 1 are depthwise-separable blocks, the others inverted residuals.

    Args:
        classes: Length of the logits.
        resolution: Height and width of the images; halved five times, so at least 32.
        channels: 3 for colour, 1 for grey.

    Raises:
        UsageError: If the images are too small, or there are fewer than two classes.
    """

    classes: int = 1000
    resolution: int = 224
    channels: int = 3

    def __post_init__(self) -> None:
        if self.resolution < 32 or self.classes < 2 or self.channels < 1:
            raise UsageError(
                "The accel space needs images of at least 32 px and two classes or more; "
                f"{self.channels}x{self.resolution}x{self.resolution} and {self.classes} came."
            )

    @property
    def name(self) -> str:
        """``accel``."""
        return "accel"

    @property
    def choices(self) -> tuple[Choice, ...]:
        """28 decisions, four a stage."""
        return _CHOICES

    @property
    def size(self) -> int:
        """Number of candidates; every token says something."""
        return 587_068_342_272  # 48 ** 7

    def canonical(self, tokens: Tokens) -> Tokens:
        """The tokens themselves.

        Raises:
            TokenError: If they are no candidate of this space.
        """
        return check(self, tokens)

    def decode(self, tokens: Tokens) -> Architecture:
        """The network that the tokens describe, its nodes named as timm names them.

        Raises:
            TokenError: If the tokens are no candidate of this space.
        """
        row = check(self, tokens)
        image: Shape = (self.channels, self.resolution, self.resolution)
        stages = []
        for i in range(len(WIDTHS)):
            e, k, depth, se = row[PER_STAGE * i : PER_STAGE * (i + 1)]
            stages.append(_stage(i, EXPANSIONS[e], KERNELS[k], DEPTHS[depth], se))
        return Staged(
            input_shape=image,
            stem=Layer(kind="cn", out=STEM, stride=2, skip=False),
            stages=tuple(stages),
            head=Layer(kind="cn", out=HEAD, kernel=1, skip=False),
            classes=self.classes,
            name=self.name,
        ).architecture()

    def encode(self, arch: Architecture) -> Tokens:
        """The tokens of a network.

        Raises:
            TokenError: If it is no member of this space.
        """
        row: list[int] = []
        try:
            for layers in read_staged(arch).stages:
                last = layers[-1]
                row.append(EXPANSIONS.index(int(last.expand)))
                row.append(KERNELS.index(last.kernel))
                row.append(DEPTHS.index(len(layers)))
                row.append(SE_RATIOS.index(last.se_ratio))
            if self.decode(tuple(row)).id == arch.id:
                return tuple(row)
        except ValueError:  # also UsageError and TokenError: no such stage, option or network
            pass
        raise TokenError(
            f"{arch.name or arch.id} is no network of the accel space with {self.classes} classes "
            f"at {self.resolution} px; decode it from this space."
        )
