"""``Block``: a small graph of operations, checked once and shared by all networks that have it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, NamedTuple

from netwright.arch.identity import Reduced, reduce_block
from netwright.arch.memory import peak_elements
from netwright.arch.operation import Op, Shape, Step
from netwright.errors import ShapeError


class Node(NamedTuple):
    """One operation of a block.

    An input is the name of an earlier node of the same block, or the number of a block input.
    """

    name: str
    op: Op
    inputs: tuple[str | int, ...]


@dataclass(frozen=True)
class Block:
    """A small graph of operations, checked when made; its last node is its output.

    Args:
        label: What a person calls it, in timm's notation where there is one (``ir_k3_s2_e6_c24``).
        input_shapes: Shapes of the tensors that enter.
        nodes: In an order in which they can run.

    Raises:
        ShapeError: Where a node does not fit its inputs, with the node's name.
    """

    label: str
    input_shapes: tuple[Shape, ...]
    nodes: tuple[Node, ...]
    shapes: tuple[Shape, ...] = field(init=False, compare=False, repr=False)
    params: int = field(init=False, compare=False, repr=False)
    macs: int = field(init=False, compare=False, repr=False)
    peak_elements: int = field(init=False, compare=False, repr=False)
    out_shape: Shape = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        known: dict[str | int, Shape] = dict(enumerate(self.input_shapes))
        if not self.nodes:
            raise ShapeError(f"Block {self.label!r} is empty.")
        params = macs = 0
        for node in self.nodes:
            shapes = _input_shapes(node, known)
            try:
                known[node.name] = node.op.shape(shapes)
            except ShapeError as err:
                raise ShapeError(f"{node.name} in {self.label!r}: {err}") from err
            macs += node.op.macs(shapes)
            params += sum(math.prod(s) for s in node.op.parameters(shapes).values())
        shapes = [known[node.name] for node in self.nodes]
        object.__setattr__(self, "shapes", tuple(shapes))
        object.__setattr__(self, "params", params)
        object.__setattr__(self, "macs", macs)
        object.__setattr__(self, "out_shape", shapes[-1])
        steps = [Step(None, (), shape) for shape in self.input_shapes]
        object.__setattr__(self, "peak_elements", peak_elements([*steps, *self.steps]))

    @cached_property
    def _hash(self) -> int:
        return hash((self.label, self.input_shapes, self.nodes))

    def __hash__(self) -> int:
        return self._hash

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone; another process makes the rest anew (its string hashes differ)."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The nodes by number instead of name; the block's inputs are numbered before them."""
        number: dict[str | int, int] = {i: i for i in range(len(self.input_shapes))}
        steps = []
        for node, shape in zip(self.nodes, self.shapes, strict=True):
            steps.append(Step(node.op, tuple(number[i] for i in node.inputs), shape))
            number[node.name] = len(number)
        return tuple(steps)

    @cached_property
    def reduced(self) -> Reduced:
        """The block as its content id sees it."""
        return reduce_block(self)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of the nodes."""
        return frozenset(node.name for node in self.nodes)

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """What node names have before their dots: ``("se",)`` for ``se.conv_reduce``."""
        parts = (name.split(".") for name in self.names)
        return tuple({".".join(p[:i]) for p in parts for i in range(1, len(p))})


def _input_shapes(node: Node, known: Mapping[str | int, Shape]) -> list[Shape]:
    if node.name in known:
        raise ShapeError(f"Two nodes of one block are called {node.name!r}.")
    missing = [i for i in node.inputs if i not in known]
    if missing:
        raise ShapeError(f"{node.name!r} reads {missing[0]!r}, which does not come before it.")
    if len(node.inputs) != node.op.arity and (node.op.arity is not None or not node.inputs):
        raise ShapeError(f"{node.name!r} ({node.op.kind}) cannot take {len(node.inputs)} inputs.")
    return [known[i] for i in node.inputs]


class Draft:
    """Writes a block node by node: ``y = draft.add("conv", Conv(out=8), 0)``."""

    def __init__(self, label: str, *input_shapes: Shape) -> None:
        self.label, self.input_shapes = label, input_shapes
        self.nodes: list[Node] = []
        self._shapes: dict[str | int, Shape] = dict(enumerate(input_shapes))

    def add(self, name: str, op: Op, *inputs: str | int) -> str:
        """Append an operation and return its name, for later nodes to read."""
        node = Node(name, op, inputs)
        shapes = _input_shapes(node, self._shapes)
        try:
            self._shapes[name] = op.shape(shapes)
        except ShapeError as err:
            raise ShapeError(f"{name} in {self.label!r}: {err}") from err
        self.nodes.append(node)
        return name

    def shape(self, ref: str | int) -> Shape:
        """Shape of a node's output or of a block input."""
        return self._shapes[ref]

    def block(self) -> Block:
        """The finished block; its output is the node added last."""
        return Block(self.label, self.input_shapes, tuple(self.nodes))
