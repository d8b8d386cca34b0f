"""Content ids: when two graphs are the same network.

Names, the order of nodes and how the graph is cut into blocks do not matter.  Neither does what
changes no output: the identity, zeros added or pooled, operations whose result nobody reads, the
order and nesting of sums, and a parameter-free operation done twice on one tensor.  Two layers
with weights of their own stay two, even where they read the same tensor.

The id is a Merkle hash of the graph so reduced, in which operations that follow one another
without a branch are one term.  Where several terms look alike from the input, their colours are
refined in both directions until they are stable (1-dimensional Weisfeiler-Leman).  Blocks are
reduced once, as far as can be done without knowing what stands around them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from netwright.arch.operation import Op, Shape
from netwright.arch.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    DropPath,
    GlobalPool,
    Identity,
    Linear,
    Multiply,
    Pool,
    Shift,
    Slice,
    Zero,
)

if TYPE_CHECKING:
    from netwright.arch.block import Block
    from netwright.arch.graph import Placed

_ZERO = 0  # number of the term that is zero everywhere; what enters is numbered from 1
_OWN_STATE = (Conv, Linear, BatchNorm, Dropout, DropPath)  # twice the operation, twice the thing
_KEEPS_ZERO = (Add, Concat, Pool, GlobalPool, Slice, Shift, Dropout, DropPath)
_ZERO_AT_ZERO = ("relu", "relu6", "silu", "gelu", "hard_swish", "tanh")


class Term(NamedTuple):
    """An operation, or several in a row, of a reduced graph.

    Args:
        key: The operation, or several joined by ``>``.
        inputs: Numbers of the terms it reads.
        sums: Whether it (or the first of several) is a sum, so that its inputs have no order.
        shared: Whether an equal term of equal inputs is this term.
    """

    key: str
    inputs: tuple[int, ...]
    sums: bool
    shared: bool


class Reduced(NamedTuple):
    """A reduced graph: its terms, numbered after what enters it, and the numbers of its ends."""

    terms: list[Term]
    ends: list[int]


def content_id(input_shape: Shape, placed: Sequence[Placed], ends: Sequence[int]) -> str:
    """16 hexadecimal digits that name the network.

    Args:
        input_shape: ``(C, H, W)`` of one image.
        placed: The blocks of the network.
        ends: Numbers of the blocks whose values leave the network, in their order.
    """
    whole, number = _Reduction(1), [1]
    for _, block, inputs in placed:
        reads = [number[i] for i in inputs]
        number.append(whole.put_block(block, reads))
    graph = _joined(whole.terms, [number[e] for e in ends], entering=1, context_known=True)
    image = _digest("input", repr(input_shape))
    colours = ["zero", image]
    for term in graph.terms:
        colours.append(_colour(term, colours))
    if len(set(colours)) < len(colours):
        colours = _refined(graph.terms, colours)
    tail = [
        f"zero{placed[block - 1].block.out_shape}" if e == _ZERO else colours[e]
        for block, e in zip(ends, graph.ends, strict=True)
    ]
    return _digest(image, *sorted(colours[2:]), "to", *tail)


def reduce_block(block: Block) -> Reduced:
    """The block without what changes nothing, wherever it stands, unless zeros enter it."""
    alone = _Reduction(len(block.input_shapes))
    out = alone.put_steps(block, list(range(1, len(block.input_shapes) + 1)))
    return _joined(alone.terms, [out], entering=len(block.input_shapes), context_known=False)


def _digest(*parts: str) -> str:
    return hashlib.blake2b("|".join(parts).encode(), digest_size=8).hexdigest()


def _colour(term: Term, colours: Sequence[str]) -> str:
    below = [colours[i] for i in term.inputs]
    return _digest(term.key, *(sorted(below) if term.sums else below))


class _Reduction:
    """Writes a reduced graph term by term."""

    def __init__(self, entering: int) -> None:
        self.terms = [Term("", (), False, False)] * (1 + entering)
        self._known: dict[tuple[str, tuple[int, ...]], int] = {}
        self._summed: dict[int, tuple[int, ...]] = {}  # a sum → what it sums

    def put(self, key: str, inputs: tuple[int, ...], sums: bool, shared: bool) -> int:
        """Number of a term, which may be one that stands already."""
        if not shared:
            self.terms.append(Term(key, inputs, sums, shared))
            return len(self.terms) - 1
        if sums:
            inputs = tuple(sorted([t for i in inputs for t in self._summed.get(i, (i,))]))
        found = self._known.get((key, inputs))
        if found is None:
            found = self._known[key, inputs] = len(self.terms)
            self.terms.append(Term(key, inputs, sums, shared))
            if sums:
                self._summed[found] = inputs
        return found

    def put_block(self, block: Block, reads: list[int]) -> int:
        """Number of the term that a block comes to; ``reads`` are the terms that enter it."""
        if _ZERO in reads:
            return self.put_steps(block, reads)
        number = [_ZERO, *reads]
        terms, ends = block.reduced
        for key, inputs, sums, shared in terms:
            number.append(self.put(key, tuple([number[i] for i in inputs]), sums, shared))
        return number[ends[0]]

    def put_steps(self, block: Block, reads: list[int]) -> int:
        """As ``put_block``, operation by operation, whatever enters."""
        number, shapes = list(reads), [*block.input_shapes, *block.shapes]
        for op, inputs, shape in block.steps:
            if op is not None:
                came = [shapes[i] for i in inputs]
                number.append(self._step(op, tuple([number[i] for i in inputs]), came, shape))
        return number[-1]

    def _step(self, op: Op, inputs: tuple[int, ...], came: list[Shape], shape: Shape) -> int:
        if isinstance(op, Add):
            inputs = tuple([i for i in inputs if i != _ZERO]) or (_ZERO,)
        if _passes(op, inputs, came[0] == shape):
            return inputs[0]
        key = op.key
        if _ZERO in inputs:
            if _is_zero(op, inputs):
                return _ZERO
            key += repr(came)  # a zero remembers its shape, since no term stands for it
        elif isinstance(op, Zero):
            return _ZERO
        return self.put(key, inputs, isinstance(op, Add), not isinstance(op, _OWN_STATE))


def _passes(op: Op, inputs: tuple[int, ...], same_shape: bool) -> bool:
    """Whether the output is the first input itself."""
    if isinstance(op, Add | Concat):
        return len(inputs) == 1
    if isinstance(op, Dropout | DropPath):
        return op.rate == 0
    return isinstance(op, Identity) or (isinstance(op, Slice) and same_shape)


def _is_zero(op: Op, inputs: tuple[int, ...]) -> bool:
    if isinstance(op, Zero | Multiply):
        return True
    if any(i != _ZERO for i in inputs):
        return False
    if isinstance(op, Conv | Linear):
        return not op.bias
    if isinstance(op, Activation):
        return op.name in _ZERO_AT_ZERO
    return isinstance(op, _KEEPS_ZERO)


def _joined(
    terms: Sequence[Term], ends: Sequence[int], *, entering: int, context_known: bool
) -> Reduced:
    """What the ends depend on, with every run of terms that has no branch as one term.

    While it is not known what stands around, a run may only begin where no term from outside
    could turn out to be the same: with state of its own, or on what only the inside can read.
    """
    readers = _readers(terms, ends)
    runs: dict[int, tuple[list[str], Term]] = {}
    for i in range(1 + entering, len(terms)):
        if not readers[i]:
            continue
        term = terms[i]
        before = term.inputs[0]
        if len(term.inputs) == 1 and before in runs and readers[before] == 1:
            keys, first = runs[before]
            if context_known or not first.shared or min(first.inputs) > entering:
                del runs[before]
                keys.append(term.key)
                runs[i] = keys, first
                continue
        runs[i] = [term.key], term
    number = dict(zip([*range(1 + entering), *runs], range(len(terms)), strict=False))
    joined = [
        Term(
            ">".join(keys) if len(keys) > 1 else first.key,
            tuple([number[j] for j in first.inputs]),
            first.sums,
            first.shared and len(keys) == 1,
        )
        for keys, first in runs.values()
    ]
    return Reduced(joined, [number[e] for e in ends])


def _readers(terms: Sequence[Term], ends: Sequence[int]) -> list[int]:
    """How many terms read each one; the outside counts as two, so that no run goes past an end."""
    readers = [0] * len(terms)
    for e in ends:
        readers[e] += 2
    for i in range(len(terms) - 1, 0, -1):
        if readers[i]:
            for j in terms[i].inputs:
                readers[j] += 1
    return readers


def _refined(terms: Sequence[Term], colours: list[str]) -> list[str]:
    readers: list[list[tuple[int, int]]] = [[] for _ in colours]
    for i, term in enumerate(terms, start=2):
        for slot, j in enumerate(term.inputs):
            readers[j].append((i, 0 if term.sums else slot))
    count = len(set(colours))
    while True:
        new = colours[:2]
        for i, term in enumerate(terms, start=2):
            above = sorted([f"{colours[r]}:{slot}" for r, slot in readers[i]])
            new.append(_digest(colours[i], _colour(term, colours), "<", *above))
        colours, before, count = new, count, len(set(new))
        if count == before:
            return colours
