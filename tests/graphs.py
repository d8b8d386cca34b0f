"""Random legal graphs of all operations, and other ways of writing down the same graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from hypothesis import strategies as st

from netwright.arch import ops
from netwright.arch.block import Block, Node
from netwright.arch.graph import Architecture, Placed
from netwright.arch.operation import Op, Shape
from netwright.errors import ShapeError

Flat = list[tuple[Op, tuple[int, ...]]]
KINDS = tuple(ops.KINDS)
T = TypeVar("T")


@dataclass(frozen=True)
class Graph:
    """Operations by number: 0 is the image, ``k`` the output of the k-th operation (from 1)."""

    input_shape: Shape
    flat: Flat
    aux: int | None = None

    def shapes(self) -> list[Shape]:
        """Shape of every value."""
        shapes = [self.input_shape]
        for op, inputs in self.flat:
            shapes.append(op.shape([shapes[i] for i in inputs]))
        return shapes


@st.composite
def graphs(draw: st.DrawFn, *, max_nodes: int = 10, classes: int = 3) -> Graph:
    """Graphs with every kind of operation, dead ends, and sometimes auxiliary logits."""
    rng = np.random.Generator(np.random.Philox(key=draw(st.integers(0, 2**32 - 1))))
    size = draw(st.integers(1, max_nodes))
    image = (int(rng.integers(1, 5)), int(rng.integers(4, 10)), int(rng.integers(4, 10)))
    graph = Graph(image, [])
    for _ in range(size):
        graph = Graph(image, _grown(graph, rng))
    flat, aux = list(graph.flat), None
    if draw(st.booleans()):
        flat = _logits(graph, [int(rng.integers(len(flat) + 1))], classes)
        aux = len(flat)
    ends = rng.integers(len(graph.flat) + 1, size=2).tolist()
    return Graph(image, _logits(Graph(image, flat), [len(graph.flat), *ends], classes), aux)


def _logits(graph: Graph, ends: Sequence[int], classes: int) -> Flat:
    flat, shapes, vectors = list(graph.flat), graph.shapes(), []
    for end in ends:
        if len(shapes[end]) == 3:
            flat.append((ops.GlobalPool(), (end,)))
            vectors.append(len(flat))
        else:
            vectors.append(end)
    if len(vectors) > 1:
        flat.append((ops.Concat(), tuple(vectors)))
        vectors = [len(flat)]
    return [*flat, (ops.Linear(out=classes), (vectors[0],))]


def _grown(graph: Graph, rng: np.random.Generator) -> Flat:
    shapes = graph.shapes()
    at = int(rng.integers(len(shapes)))
    if rng.random() < 0.6:
        at = len(shapes) - 1
    kind = KINDS[int(rng.integers(len(KINDS)))]
    op, inputs, extra = _proposal(kind, at, shapes, rng)
    try:
        op.shape([[*shapes, *(s for _, s in extra)][i] for i in inputs])
    except ShapeError:
        op, inputs, extra = ops.Activation(name="silu"), (at,), []
    return [*graph.flat, *((o, (at,)) for o, _ in extra), (op, inputs)]


def _pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def _proposal(
    kind: str, at: int, shapes: list[Shape], rng: np.random.Generator
) -> tuple[Op, tuple[int, ...], list[tuple[Op, Shape]]]:
    shape = shapes[at]
    equal = [i for i, s in enumerate(shapes) if s == shape]
    beside = [i for i, s in enumerate(shapes) if s[1:] == shape[1:]]
    match kind:
        case "add":
            return ops.Add(), (at, *(_pick(rng, equal) for _ in range(rng.integers(3)))), []
        case "concat":
            return ops.Concat(), (at, *(_pick(rng, beside) for _ in range(rng.integers(3)))), []
        case "multiply":
            if len(shape) == 3 and rng.random() < 0.5:
                gate = ops.GlobalPool(keep=True)
                return ops.Multiply(), (at, len(shapes)), [(gate, (shape[0], 1, 1))]
            return ops.Multiply(), (at, _pick(rng, equal)), []
        case "conv":
            return _conv(shape, rng), (at,), []
        case "pool":
            return _pool(rng), (at,), []
    return _simple(kind, shape, rng), (at,), []


def _size(rng: np.random.Generator, options: Sequence[int]) -> int | tuple[int, int]:
    height, width = _pick(rng, options), _pick(rng, options)
    return height if rng.random() < 0.5 else (height, width)


def _conv(shape: Shape, rng: np.random.Generator) -> ops.Conv:
    groups = _pick(rng, [g for g in range(1, shape[0] + 1) if shape[0] % g == 0])
    return ops.Conv(
        out=groups * int(rng.integers(1, 4)),
        kernel=_size(rng, (1, 2, 3, 5, 7)),
        stride=_size(rng, (1, 1, 2, 3)),
        padding=_pick(rng, ("symmetric", "same", "valid")),
        dilation=_pick(rng, (1, 1, 2)),
        groups=groups,
        bias=bool(rng.integers(2)),
    )


def _pool(rng: np.random.Generator) -> Op:
    try:
        return ops.Pool(
            mode=_pick(rng, ("avg", "max")),
            kernel=_size(rng, (1, 2, 3, 5)),
            stride=_size(rng, (1, 1, 2, 3)),
            padding=_pick(rng, ("symmetric", "same", "valid")),
            count_include_pad=bool(rng.integers(2)),
        )
    except ShapeError:
        return ops.Pool()


def _simple(kind: str, shape: Shape, rng: np.random.Generator) -> Op:
    match kind:
        case "linear":
            return ops.Linear(out=int(rng.integers(1, 6)), bias=bool(rng.integers(2)))
        case "batch_norm":
            return ops.BatchNorm(eps=1e-3, momentum=0.01, affine=bool(rng.integers(2)))
        case "activation":
            return ops.Activation(name=_pick(rng, ops.ACTIVATIONS))  # type: ignore[arg-type]
        case "global_pool":
            return ops.GlobalPool(keep=bool(rng.integers(2)))
        case "slice":
            start = int(rng.integers(shape[0]))
            return ops.Slice(start=start, stop=int(rng.integers(start, shape[0])) + 1)
        case "zero":
            return ops.Zero(stride=int(rng.integers(1, 3)))
        case "dropout":
            return ops.Dropout(rate=_pick(rng, (0.0, 0.3)))
        case "drop_path":
            return ops.DropPath(rate=_pick(rng, (0.0, 0.3)))
    return ops.KINDS[kind]()


def assemble(graph: Graph, *, seed: int | None = None) -> Architecture:
    """The graph as an architecture: cut into blocks, named and ordered as ``seed`` has it.

    Without a seed every operation is a block of its own, in the given order.
    """
    rng = np.random.Generator(np.random.Philox(key=seed or 0))
    if seed is not None:
        graph = _reordered(graph, rng)
    flat, shapes = graph.flat, graph.shapes()
    placed: list[Placed] = []
    block_of = {0: 0}  # a value that is a block's output → the block's number
    first = 1
    while first <= len(flat):
        last = first
        if seed is not None:
            last = min(len(flat), first + int(rng.integers(5)))
            while not _closed(graph, first, last):
                last -= 1
        outside = sorted({i for _, ins in flat[first - 1 : last] for i in ins if i < first})
        local = {value: k for k, value in enumerate(outside)}
        names = {i: f"n{i}" if seed is None else f"x{rng.integers(10**9)}.{i}" for i in
                 range(first, last + 1)}  # fmt: skip
        nodes = tuple(
            Node(names[i], flat[i - 1][0], tuple(names.get(j, local.get(j, -1)) for j in
                 flat[i - 1][1]))
            for i in range(first, last + 1)
        )  # fmt: skip
        block = Block(f"b{first}", tuple(shapes[i] for i in outside), nodes)
        prefix = "" if seed is None else f"p{rng.integers(10**9)}"
        placed.append(Placed(prefix, block, tuple(block_of[i] for i in outside)))
        block_of[last] = len(placed)
        first = last + 1
    aux = None if graph.aux is None else block_of[graph.aux]
    return Architecture(graph.input_shape, tuple(placed), "random", aux)


def _closed(graph: Graph, first: int, last: int) -> bool:
    """Whether only the last of these operations is read from outside."""
    inside = set(range(first, last))
    later = {i for _, inputs in graph.flat[last:] for i in inputs} | {graph.aux}
    return inside.isdisjoint(later)


def _reordered(graph: Graph, rng: np.random.Generator) -> Graph:
    """Another order in which the operations can run; the logits stay last."""
    waiting, place = list(range(1, len(graph.flat))), {0: 0}
    flat: Flat = []
    while waiting:
        ready = [i for i in waiting if all(j in place for j in graph.flat[i - 1][1])]
        i = _pick(rng, ready)
        waiting.remove(i)
        op, inputs = graph.flat[i - 1]
        flat.append((op, tuple(place[j] for j in inputs)))
        place[i] = len(flat)
    op, inputs = graph.flat[-1]
    flat.append((op, tuple(place[j] for j in inputs)))
    return Graph(graph.input_shape, flat, None if graph.aux is None else place[graph.aux])
