"""NASNet: a normal and a reduction cell, each of five blocks with five decisions: 50 tokens.

Zoph, Vasudevan, Shlens and Le, "Learning Transferable Architectures for Scalable Image
Recognition", CVPR 2018; what the paper leaves open follows the released TF-slim code.

The paper joins the states that no block has read into a cell's output.  Its own NASNet-A does
not: the normal cell also joins the previous input, which is read, and the reduction cell the
second block.  So a genotype carries explicit lists of joined states, and a space either follows
the paper's rule (``joined=None``) or fixes both lists.  ``home`` is the space of a published
network, in which it is a member.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from netwright.arch.blocks import Style
from netwright.arch.cells import COMBINERS, OPERATIONS, Cell, Pair
from netwright.arch.graph import Architecture
from netwright.arch.nasnet import Genotype, Macro, network
from netwright.contracts import Choice
from netwright.errors import TokenError, UnknownNameError, UsageError
from netwright.records import Tokens
from netwright.spaces.tokens import check

BLOCKS = 5
_PER_BLOCK = 5  # decisions
_HALF = BLOCKS * _PER_BLOCK
_IMAGENET = Style(padding="same", bn_eps=1e-3)

Joined = tuple[tuple[int, ...], tuple[int, ...]]


NASNET_A = Genotype(
    normal=Cell.parse(
        "sep5x5(0)+sep3x3(1) sep5x5(1)+sep3x3(1) avg3x3(0)+identity(1) avg3x3(1)+avg3x3(1) "
        "sep3x3(0)+identity(0) > 1 2 3 4 5 6"
    ),
    reduction=Cell.parse(
        "sep5x5(0)+sep7x7(1) max3x3(0)+sep7x7(1) avg3x3(0)+sep5x5(1) identity(3)+avg3x3(2) "
        "sep3x3(2)+max3x3(0) > 3 4 5 6"
    ),
)
"""The cells that the paper found, as its released code has them."""


SEARCH = Macro(cells=2, filters=32, stem=96)
"""The network in which the paper's search tried its cells (N = 2)."""

_LARGE = Macro(
    cells=6,
    filters=168,
    stem=96,
    imagenet=True,
    skip_reduction_input=True,
    resolution=331,
    dropout=0.5,
    drop_path=0.3,
    style=_IMAGENET,
)
PUBLISHED: Mapping[str, Macro] = {
    "nasnet_a_cifar": Macro(cells=6, filters=32, stem=96, drop_path=0.4),
    "nasnet_a_mobile": Macro(
        cells=4, filters=44, stem=32, imagenet=True, resolution=224, dropout=0.5, style=_IMAGENET
    ),
    "nasnet_a_large": _LARGE,
    "nasnetalarge": replace(_LARGE, count_padding=True),
}
"""NASNet-A 6@768, 4@1056 and 6@4032; ``nasnetalarge`` is the latter with the pools of timm's port.

All have the module names of timm's ``nasnetalarge``, so that a state dict of that one fits both.
"""


def _cell_choices(kind: str) -> list[Choice]:
    found = []
    for b in range(BLOCKS):
        states = ("current", "previous", *(f"block {i}" for i in range(b)))
        found += [Choice(f"{kind} {b} {side} input", states) for side in ("left", "right")]
        found += [Choice(f"{kind} {b} {side} operation", OPERATIONS) for side in ("left", "right")]
        found.append(Choice(f"{kind} {b} combiner", COMBINERS))
    return found


_CHOICES = tuple(_cell_choices("normal") + _cell_choices("reduction"))


def _cell(tokens: Tokens, joined: tuple[int, ...] | None) -> Cell:
    rows = [tokens[i : i + _PER_BLOCK] for i in range(0, _HALF, _PER_BLOCK)]
    pairs = tuple(Pair(a, b, OPERATIONS[c], OPERATIONS[d], COMBINERS[e]) for a, b, c, d, e in rows)
    every = tuple(range(BLOCKS + 2))
    cell = Cell(pairs, joined or every)
    return cell if joined else Cell(pairs, cell.unused)


def _tokens(cell: Cell) -> Tokens:
    return tuple(
        token
        for p in cell.pairs
        for token in (
            p.left, p.right, OPERATIONS.index(p.left_op), OPERATIONS.index(p.right_op),
            COMBINERS.index(p.combiner),
        )
    )  # fmt: skip


def _cell_size(joined: tuple[int, ...] | None) -> int:
    """Canonical rows of one cell; a block that does not reach the output counts once."""
    live = frozenset(range(2, BLOCKS + 2) if joined is None else joined)
    ways = Counter({live: 1})
    for state in range(BLOCKS + 1, 1, -1):
        after: Counter[frozenset[int]] = Counter()
        for reached, n in ways.items():
            if state not in reached:
                after[reached] += n
                continue
            for left in range(state):
                for right in range(state):
                    after[reached | {left, right}] += n * len(OPERATIONS) ** 2 * len(COMBINERS)
        ways = after
    return ways.total()


@dataclass(frozen=True, kw_only=True)
class NASNetSpace:
    """Cells of NASNet; by default in the small network that the paper searched with.

    Args:
        classes: Length of the logits.
        resolution: Height and width of the images, in pixels.
        channels: 3 for colour, 1 for grey.
        macro: What surrounds the cells.
        joined: States that the normal and the reduction cell join into their outputs; None: those
            that no block reads, the paper's rule.
        dropout: Rate before the classifier.
        drop_path: Rate of scheduled drop-path at the last cell.
        aux: Whether there is an auxiliary classifier.
    """

    classes: int = 10
    resolution: int = 32
    channels: int = 3
    macro: Macro = SEARCH
    joined: Joined | None = None
    dropout: float = 0.0
    drop_path: float = 0.0
    aux: bool = False

    def __post_init__(self) -> None:
        if min(self.classes, self.resolution, self.channels) < 1:
            raise UsageError("classes, resolution and channels of a space start at 1.")
        for joined in self.joined or ():
            if not joined or not set(joined) <= set(range(BLOCKS + 2)):
                raise UsageError(
                    f"A cell joins states 0 to {BLOCKS + 1}, at least one of them; {joined} came."
                )

    @property
    def name(self) -> str:
        """``nasnet``."""
        return "nasnet"

    @property
    def choices(self) -> tuple[Choice, ...]:
        """25 decisions for the normal cell, then 25 for the reduction cell."""
        return _CHOICES

    @property
    def size(self) -> int:
        """Canonical rows; 2286906949584691200 squared under the paper's rule."""
        joined = self.joined or (None, None)
        return _cell_size(joined[0]) * _cell_size(joined[1])

    def genotype(self, tokens: Tokens) -> Genotype:
        """The cells that the tokens describe."""
        row, joined = check(self, tokens), self.joined or (None, None)
        return Genotype(
            normal=_cell(row[:_HALF], joined[0]), reduction=_cell(row[_HALF:], joined[1])
        )

    def canonical(self, tokens: Tokens) -> Tokens:
        """The same, with 0 for every decision of a block that does not reach the output."""
        cells, row = self.genotype(tokens), list(tokens)
        for start, cell in ((0, cells.normal), (_HALF, cells.reduction)):
            for b in range(BLOCKS):
                if b + 2 not in cell.live:
                    at = start + b * _PER_BLOCK
                    row[at : at + _PER_BLOCK] = [0] * _PER_BLOCK
        return tuple(row)

    def decode(self, tokens: Tokens) -> Architecture:
        """The network of the two cells."""
        return network(
            self.genotype(tokens),
            self.macro,
            image=(self.channels, self.resolution, self.resolution),
            classes=self.classes,
            dropout=self.dropout,
            drop_path=self.drop_path,
            aux=self.aux,
        )

    def encode(self, arch: Architecture) -> Tokens:
        """The tokens of a network.

        Raises:
            TokenError: If it is no member of this space.
        """
        labels = [p.block.label.partition(" ") for p in arch.placed]
        cells = {kind: text for kind, _, text in labels if kind in ("normal", "reduction")}
        if len(cells) == 2:
            halves = [Cell.parse(cells[kind]) for kind in ("normal", "reduction")]
            if all(len(cell.pairs) == BLOCKS for cell in halves):
                tokens = self.canonical(tuple(t for cell in halves for t in _tokens(cell)))
                if self.decode(tokens).id == arch.id:
                    return tokens
        raise TokenError(
            f"{arch.name or arch.id} is no member of this {self.name} space; its macro "
            "architecture, its image size or the states that its cells join differ."
        )


def _macro(name: str) -> Macro:
    if name not in PUBLISHED:
        raise UnknownNameError("architecture", name, PUBLISHED)
    return PUBLISHED[name]


def published(
    name: str,
    *,
    classes: int | None = None,
    resolution: int | None = None,
    channels: int = 3,
    dropout: float | None = 0.0,
    drop_path: float | None = 0.0,
    aux: bool = False,
) -> Architecture:
    """NASNet-A at a published size; a None is the published value.

    Raises:
        UnknownNameError: If there is no network of that name in ``PUBLISHED``.
    """
    macro = _macro(name)
    side = macro.resolution if resolution is None else resolution
    return network(
        NASNET_A,
        macro,
        image=(channels, side, side),
        classes=_classes(macro) if classes is None else classes,
        dropout=macro.dropout if dropout is None else dropout,
        drop_path=macro.drop_path if drop_path is None else drop_path,
        aux=aux,
        name=name,
    )


def home(
    name: str, *, classes: int | None = None, resolution: int | None = None, channels: int = 3
) -> NASNetSpace:
    """The space that a published network is a member of.

    Raises:
        UnknownNameError: If there is no network of that name in ``PUBLISHED``.
    """
    macro = _macro(name)
    return NASNetSpace(
        classes=_classes(macro) if classes is None else classes,
        resolution=macro.resolution if resolution is None else resolution,
        channels=channels,
        macro=macro,
        joined=(NASNET_A.normal.concat, NASNET_A.reduction.concat),
    )


def _classes(macro: Macro) -> int:
    return 1000 if macro.imagenet else 10
