"""Content ids: when two graphs are the same network.

Names, the order of nodes and how the graph is cut into blocks do not matter.  Neither does what
changes no output: the identity, zeros added or pooled, operations whose result nobody reads, the
order and nesting of sums, and a parameter-free operation done twice on one tensor.  Two layers
with weights of their own stay two, even where they read the same tensor.

The id is a Merkle hash of the graph so reduced; where several layers look alike from the input,
colours are refined in both directions until they are stable (1-dimensional Weisfeiler-Leman).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from netwright.arch.ops import (
    Activation,
    Add,
    BatchNorm,
    Conv,
    Dropout,
    DropPath,
    GlobalPool,
    Identity,
    Linear,
    Multiply,
    Op,
    Pool,
    Shape,
    Shift,
    Slice,
    Zero,
)

if TYPE_CHECKING:
    from netwright.arch.graph import FlatNode

_ZERO = -1
_OWN_STATE = (Conv, Linear, BatchNorm, Dropout, DropPath)  # twice the operation, twice the thing
_ZERO_AT_ZERO = ("relu", "relu6", "silu", "gelu", "hard_swish", "tanh")


def _digest(*parts: str) -> str:
    return hashlib.blake2b("|".join(parts).encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=8192)
def _op_key(op: Op) -> str:
    return repr(op)


def content_id(input_shape: Shape, nodes: Sequence[FlatNode], outputs: Sequence[str]) -> str:
    """16 hexadecimal digits that name the network.

    Args:
        input_shape: ``(C, H, W)`` of one image.
        nodes: The whole graph in running order.
        outputs: Names of the nodes whose values leave the network, in their order.
    """
    graph, ends, zero_shapes = _reduce(nodes, outputs)
    alive = _reachable(graph, ends)
    image = _digest("input", repr(input_shape))
    colours: list[str] = [""] * len(graph)
    for i in alive:
        colours[i] = image if i == 0 else _colour(graph[i], colours)
    if len({colours[i] for i in alive}) < len(alive):
        colours = _refine(graph, alive, colours)
    tail = [
        colours[e] if e != _ZERO else f"zero{s}" for e, s in zip(ends, zero_shapes, strict=True)
    ]
    return _digest(image, *sorted(colours[i] for i in alive), "to", *tail)


def _colour(node: tuple[str, bool, tuple[int, ...]], colours: Sequence[str]) -> str:
    key, sorts, inputs = node
    below = [colours[i] if i != _ZERO else "zero" for i in inputs]
    return _digest(key, *(sorted(below) if sorts else below))


def _reduce(
    nodes: Sequence[FlatNode], outputs: Sequence[str]
) -> tuple[list[tuple[str, bool, tuple[int, ...]]], list[int], list[Shape]]:
    """The graph without what changes nothing: (key, whether inputs are unordered, inputs) each."""
    graph: list[tuple[str, bool, tuple[int, ...]]] = [("input", False, ())]
    number: dict[str, int] = {}
    shape_of: dict[str, Shape] = {}
    made: dict[tuple[str, tuple[int, ...]], int] = {}
    terms: dict[int, tuple[int, ...]] = {}  # a sum → what it sums
    for node in nodes:
        inputs = tuple([number.get(i, 0) for i in node.inputs])
        shape_of[node.name] = node.shape
        op = node.op
        if isinstance(op, Identity):
            number[node.name] = inputs[0]
            continue
        if _is_zero(op, inputs):
            number[node.name] = _ZERO
            continue
        if isinstance(op, Add):
            summed = [t for i in inputs if i != _ZERO for t in terms.get(i, (i,))]
            inputs = tuple(sorted(summed))
            if len(inputs) == 1:
                number[node.name] = inputs[0]
                continue
        key = _op_key(op)
        if _ZERO in inputs:  # a zero remembers its shape, since no node stands for it
            key += repr([shape_of.get(i) for i in node.inputs])
        found = None if isinstance(op, _OWN_STATE) else made.get((key, inputs))
        if found is None:
            found = len(graph)
            graph.append((key, op.commutative, inputs))
            made[key, inputs] = found
            if isinstance(op, Add):
                terms[found] = inputs
        number[node.name] = found
    return graph, [number[o] for o in outputs], [shape_of[o] for o in outputs]


def _is_zero(op: Op, inputs: tuple[int, ...]) -> bool:
    if isinstance(op, Zero):
        return True
    if isinstance(op, Multiply):
        return _ZERO in inputs
    if any(i != _ZERO for i in inputs):
        return False
    if isinstance(op, Conv | Linear):
        return not op.bias
    if isinstance(op, Activation):
        return op.name in _ZERO_AT_ZERO
    return isinstance(op, Add | Pool | GlobalPool | Slice | Shift | Dropout | DropPath)


def _reachable(
    graph: Sequence[tuple[str, bool, tuple[int, ...]]], ends: Iterable[int]
) -> list[int]:
    seen: set[int] = set()
    stack = [e for e in ends if e != _ZERO]
    while stack:
        i = stack.pop()
        if i not in seen:
            seen.add(i)
            stack.extend(j for j in graph[i][2] if j != _ZERO)
    return sorted(seen)


def _refine(
    graph: Sequence[tuple[str, bool, tuple[int, ...]]], alive: Sequence[int], colours: list[str]
) -> list[str]:
    readers: dict[int, list[tuple[int, int]]] = {i: [] for i in alive}
    for i in alive:
        _, sorts, inputs = graph[i]
        for slot, j in enumerate(inputs):
            if j != _ZERO:
                readers[j].append((i, 0 if sorts else slot))
    count = len({colours[i] for i in alive})
    while True:
        new = list(colours)
        for i in alive:
            above = sorted(f"{colours[r]}:{slot}" for r, slot in readers[i])
            _, sorts, inputs = graph[i]
            below = [colours[j] if j != _ZERO else "zero" for j in inputs]
            new[i] = _digest(colours[i], *(sorted(below) if sorts else below), "<", *above)
        colours, before = new, count
        count = len({colours[i] for i in alive})
        if count == before:
            return colours
