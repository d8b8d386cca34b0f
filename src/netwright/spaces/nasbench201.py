"""NAS-Bench-201: all 15,625 cells of five operations on six edges, in the benchmark's skeleton.

A cell has four nodes; every edge from an earlier to a later node carries one operation, and a
node sums what its edges bring (Dong & Yang, ICLR 2020).  Cells are read and written as the
benchmark's own strings, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``, and modules are called as its
modules are (``cells.0.layers.0.op.1``), except that a ReLU is shared by all that read it.

**Content ids and the benchmark's isomorphism classes.**  The benchmark counts 6,466 classes: cells
whose expression reads the same once skip connections are left out, sums are sorted and operations
on the word for zero are zero.  The 5,485 ids differ from them for four reasons.

1. *A sum within a sum* (ids merge).  A skip connection puts the sum of one node, as one word,
   into the sum of the next, where it is sorted as a word and not as its terms, so that one sum can
   be written in several ways.  The id flattens sums.
2. *Zeros within a sum* (ids merge).  In the benchmark zero plus x is not x, and zero plus zero is
   not zero.  Here they are, and so is what a pool or a skip connection makes of them.
3. *Convolved zeros* (ids split from the rest, and merge among themselves).  The benchmark says
   that a convolution of zero is zero.  But its batch norm adds a bias, which is learned, whatever
   the kernel in front of it.
4. *Shared or separate weights* (ids split).  An expression is a tree: ``conv(x)+conv(x)`` may be
   one layer that is read twice or two layers of their own, which have other parameters and train
   otherwise.  The benchmark calls them one; the id does not.

Neither knows that pooling is linear, so that the sum of two pools is the pool of the sum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from netwright.arch.blocks import PLAIN, Style
from netwright.arch.cells import CellWriter
from netwright.arch.graph import Architecture, Block, Draft, chain
from netwright.arch.ops import (
    Activation,
    Add,
    Conv,
    GlobalPool,
    Identity,
    Linear,
    Pool,
    Shape,
    Zero,
)
from netwright.contracts import Choice
from netwright.errors import TokenError, UsageError
from netwright.records import Tokens
from netwright.spaces.tokens import check

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_NONE, _SKIP, _CONV1, _CONV3, _POOL = range(5)
_CHOICES = tuple(Choice(f"edge {i} to {j}", OPERATIONS) for i, j in EDGES)


def to_string(tokens: Tokens) -> str:
    """The cell as the benchmark writes it."""
    words = [f"{OPERATIONS[t]}~{i}" for t, (i, _) in zip(tokens, EDGES, strict=True)]
    return f"|{words[0]}|+|{'|'.join(words[1:3])}|+|{'|'.join(words[3:])}|"


def from_string(text: str) -> Tokens:
    """The tokens of a cell that the benchmark wrote.

    Raises:
        UsageError: If the text is no such cell.
    """
    found = re.findall(r"(\w+)~(\d)", text)
    known = all(op in OPERATIONS for op, _ in found)
    tokens = tuple(OPERATIONS.index(op) for op, _ in found) if known else ()
    if len(tokens) != len(EDGES) or to_string(tokens) != text.strip():
        raise UsageError(
            f"{text!r} is no NAS-Bench-201 cell; write it as |op~0|+|op~0|op~1|+|op~0|op~1|op~2| "
            f"with operations among {', '.join(OPERATIONS)}."
        )
    return tokens


@lru_cache(maxsize=16384)
def _cell(shape: Shape, tokens: Tokens) -> Block:
    w = CellWriter(to_string(tokens), PLAIN, shape)
    values: list[str | int | None] = [0]  # None: a node that nothing reaches
    for node in (1, 2, 3):
        terms = []
        for layer, (token, (i, j)) in enumerate(zip(tokens, EDGES, strict=True)):
            if j == node and (y := _edge(w, layer, token, values[i])) is not None:
                terms.append(y)
        if not terms:
            values.append(None)
        else:
            values.append(w.add(f"node{node}", Add(), *terms) if len(terms) > 1 else terms[0])
    end = values[-1]
    if end is None:
        w.add("node3", Zero(), 0)
    elif not w.nodes or end != w.nodes[-1].name:
        w.add("node3", Identity(), end)
    return w.block()


def _edge(w: CellWriter, layer: int, token: int, x: str | int | None) -> str | int | None:
    at = f"layers.{layer}"
    if token == _NONE or (x is None and token in (_SKIP, _POOL)):
        return None
    if token == _SKIP:
        return x
    if token == _POOL:
        return w.add(f"{at}.op", Pool(mode="avg", kernel=3), x if x is not None else 0)
    if x is None:
        x = w.add(f"{at}.zero", Zero(), 0)
    kernel = 1 if token == _CONV1 else 3
    return w.conv_bn(f"{at}.op", w.relu(x), w.shape(x)[0], kernel, names=("1", "2"))


@lru_cache(maxsize=256)
def _reduction(shape: Shape, out: int) -> Block:
    w = CellWriter(f"residual_s2_c{out}", PLAIN, shape)
    y = w.conv_bn("conv_a.op", w.relu(0), out, 3, stride=2, names=("1", "2"))
    y = w.conv_bn("conv_b.op", w.relu(y), out, 3, names=("1", "2"))
    side = w.add("downsample.0", Pool(mode="avg", kernel=2, stride=2, padding="valid"), 0)
    side = w.add("downsample.1", Conv(out=out), side)
    w.add("add", Add(), side, y)
    return w.block()


@lru_cache(maxsize=256)
def _ends(image: Shape, width: int, last: Shape, classes: int) -> tuple[Block, Block]:
    stem = Draft(f"stem_k3_c{width}", image)
    stem.add("stem.1", Style().norm(), stem.add("stem.0", Conv(out=width, kernel=3), 0))
    head = Draft(f"classifier_{classes}", last)
    y = head.add("lastact.0", Style().norm(), 0)
    y = head.add("lastact.1", Activation(), y)
    head.add("classifier", Linear(out=classes), head.add("global_pooling", GlobalPool(), y))
    return stem.block(), head.block()


@lru_cache(maxsize=2**14)
def _without_idle(tokens: Tokens) -> Tokens:
    row = list(tokens)
    fed = {0}
    for node in (1, 2, 3):
        for k, (i, j) in enumerate(EDGES):
            if j == node and i not in fed and row[k] in (_SKIP, _POOL):
                row[k] = _NONE
        if any(row[k] for k, (_, j) in enumerate(EDGES) if j == node):
            fed.add(node)
    read = {3}
    for node in (3, 2, 1):
        for k, (i, j) in enumerate(EDGES):
            if j == node:
                row[k] = row[k] if node in read else _NONE
                if row[k]:
                    read.add(i)
    return tuple(row)


@dataclass(frozen=True, kw_only=True)
class NASBench201Space:
    """The cells of NAS-Bench-201; the defaults are the benchmark's networks on CIFAR-10.

    MACs count convolutions and the linear layer.  The FLOPs that the benchmark's tables carry
    also count batch norms, ReLUs and pools, so they are larger, by .160832M for the skeleton,
    .43008M for every convolution on an edge and 1.29024M for every pool (at 32 px).

    Args:
        classes: Number of classes.
        resolution: Height and width of the images, in pixels; a multiple of 4.
        channels: Channels of the images.
        cells: Cells per stage (N); there are three stages.
        width: Channels of the first stage (C); they double twice.
    """

    classes: int = 10
    resolution: int = 32
    channels: int = 3
    cells: int = 5
    width: int = 16

    def __post_init__(self) -> None:
        if self.resolution < 4 or self.resolution % 4:
            raise UsageError(
                f"NAS-Bench-201 halves the image twice; {self.resolution} px must be a multiple "
                "of 4, such as 32."
            )
        if min(self.cells, self.width, self.classes, self.channels) < 1:
            raise UsageError("cells, width, classes and channels of NAS-Bench-201 start at 1.")

    @property
    def name(self) -> str:
        """``nasbench201``."""
        return "nasbench201"

    @property
    def choices(self) -> tuple[Choice, ...]:
        """One operation per edge, in the order of the benchmark's strings."""
        return _CHOICES

    def canonical(self, tokens: Tokens) -> Tokens:
        """``none`` on every edge that no output depends on, or that only carries zeros."""
        return _without_idle(check(self, tokens))

    def decode(self, tokens: Tokens) -> Architecture:
        """The network as the benchmark trained it, layers that nothing reads included."""
        row = check(self, tokens)
        shape: Shape = (self.width, self.resolution, self.resolution)
        middle: list[tuple[str, Block]] = []
        for stage in range(3):
            if stage:
                block = _reduction(shape, 2 * shape[0])
                middle.append((f"cells.{len(middle)}", block))
                shape = block.out_shape
            for _ in range(self.cells):
                middle.append((f"cells.{len(middle)}", _cell(shape, row)))
        image = (self.channels, self.resolution, self.resolution)
        stem, head = _ends(image, self.width, shape, self.classes)
        return chain(image, [("", stem), *middle, ("", head)], name="nasbench201")

    def encode(self, arch: Architecture) -> Tokens:
        """The tokens that decode to this network.

        Raises:
            TokenError: If it is no network of this space.
        """
        for place in arch.placed:
            if place.block.label.startswith("|"):
                tokens = from_string(place.block.label)
                if self.decode(tokens).id == arch.id:
                    return tokens
                break
        raise TokenError(
            f"{arch.name or arch.id} is no network of {self.name} with {self.classes} classes at "
            f"{self.resolution} px; decode it from this space, or give the space its settings."
        )
