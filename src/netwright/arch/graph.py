"""``Architecture``: a network as data, a frozen and shape-checked graph of named operations.

A network is a short list of *blocks*, each a small graph of primitive operations that is checked
once and then shared by every architecture that contains it.  That makes decoding a candidate a
handful of table look-ups, while ``Architecture.nodes`` still gives the whole graph, operation by
operation, under the names that timm gives its modules.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from netwright.arch.identity import content_id
from netwright.arch.memory import peak_bytes
from netwright.arch.ops import Op, Shape, op_from_json
from netwright.errors import ShapeError, UsageError

FORMAT = 1
INPUT = "input"


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
            params += sum(_elements(s) for s in node.op.parameters(shapes).values())
        shapes = [known[node.name] for node in self.nodes]
        object.__setattr__(self, "shapes", tuple(shapes))
        object.__setattr__(self, "params", params)
        object.__setattr__(self, "macs", macs)
        object.__setattr__(self, "_hash", hash((self.label, self.input_shapes, self.nodes)))
        sizes = [_elements(s) for s in (*self.input_shapes, *shapes)]
        object.__setattr__(self, "peak_elements", peak_bytes(self._steps(), sizes))

    def __hash__(self) -> int:
        value: int = self._hash  # type: ignore[attr-defined]
        return value

    @property
    def out_shape(self) -> Shape:
        """Shape of the output."""
        return self.shapes[-1]

    def _steps(self) -> list[tuple[Op | None, tuple[int, ...]]]:
        index: dict[str | int, int] = {i: i for i in range(len(self.input_shapes))}
        steps: list[tuple[Op | None, tuple[int, ...]]] = [(None, ())] * len(index)
        for node in self.nodes:
            steps.append((node.op, tuple(index[i] for i in node.inputs)))
            index[node.name] = len(index)
        return steps


def _elements(shape: Shape) -> int:
    count = 1
    for length in shape:
        count *= length
    return count


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


class Placed(NamedTuple):
    """A block in its place: where it stands and what it reads.

    ``inputs`` are numbers: 0 is the image, ``k`` the output of the k-th placed block (from 1).
    """

    prefix: str
    block: Block
    inputs: tuple[int, ...]


class FlatNode(NamedTuple):
    """One operation of the whole network, under its full name, with full input names."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: Shape


@dataclass(frozen=True)
class Architecture:
    """A network as data.

    Two architectures are equal when their graphs are; they have the same ``id`` when they compute
    the same family of functions (see :mod:`netwright.arch.identity`).

    Args:
        input_shape: ``(C, H, W)`` of one image.
        placed: Blocks in an order in which they can run; the last one gives the logits.
        name: What a person calls the network; not part of its identity.
        aux: Number of the placed block that gives auxiliary logits in training, if any.

    Raises:
        ShapeError: Where a block does not fit what it reads, or two nodes share a name.
    """

    input_shape: Shape
    placed: tuple[Placed, ...]
    name: str = field(default="", compare=False)
    aux: int | None = None

    def __post_init__(self) -> None:
        shapes = [self.input_shape]
        names: dict[str, set[str]] = {}
        for place in self.placed:
            block = place.block
            for number, expected in zip(place.inputs, block.input_shapes, strict=True):
                if not 0 <= number < len(shapes) or shapes[number] != expected:
                    came = shapes[number] if 0 <= number < len(shapes) else "nothing"
                    raise ShapeError(
                        f"Block {place.prefix or block.label!r} expects {expected}; "
                        f"input {number} gives {came}."
                    )
            shapes.append(block.shapes[-1])
            if place.prefix in names:
                local = names[place.prefix] or self._local_names(place.prefix)
                if not local.isdisjoint(n.name for n in block.nodes):
                    raise ShapeError(f"Two blocks at {place.prefix!r} share a node name.")
                names[place.prefix] = local | {n.name for n in block.nodes}
            else:
                names[place.prefix] = set()
        if not self.placed:
            raise ShapeError("An architecture needs at least one block.")

    def _local_names(self, prefix: str) -> set[str]:
        first = next(p for p in self.placed if p.prefix == prefix)
        return {node.name for node in first.block.nodes}

    @property
    def classes(self) -> int:
        """Number of classes: the length of the logits."""
        return self.placed[-1].block.shapes[-1][0]

    @property
    def is_chain(self) -> bool:
        """Whether every block reads the one before it and nothing else."""
        return self.aux is None and all(p.inputs == (i,) for i, p in enumerate(self.placed))

    @cached_property
    def nodes(self) -> tuple[FlatNode, ...]:
        """The whole graph, operation by operation, in an order in which it can run."""
        outputs, flat = [INPUT], []
        for place in self.placed:
            local: dict[str | int, str] = {i: outputs[k] for i, k in enumerate(place.inputs)}
            for node, shape in zip(place.block.nodes, place.block.shapes, strict=True):
                local[node.name] = f"{place.prefix}.{node.name}" if place.prefix else node.name
                inputs = tuple([local[i] for i in node.inputs])
                flat.append(FlatNode(local[node.name], node.op, inputs, shape))
            outputs.append(local[place.block.nodes[-1].name])
        return tuple(flat)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the nodes that give the logits, and the auxiliary logits if there are any."""
        ends = [len(self.placed)] if self.aux is None else [len(self.placed), self.aux]
        return tuple(self._output_name(k) for k in ends)

    def _output_name(self, number: int) -> str:
        place = self.placed[number - 1]
        last = place.block.nodes[-1].name
        return f"{place.prefix}.{last}" if place.prefix else last

    @cached_property
    def id(self) -> str:
        """Content id: 16 hexadecimal digits, equal for isomorphic graphs of the same network."""
        return content_id(self.input_shape, self.nodes, self.outputs)

    def __iter__(self) -> Iterator[FlatNode]:
        return iter(self.nodes)

    def to_json(self) -> str:
        """Exact JSON: ``Architecture.from_json(a.to_json()) == a``."""
        blocks = [
            {
                "at": p.prefix,
                "label": p.block.label,
                "reads": list(p.inputs),
                "shapes": [list(s) for s in p.block.input_shapes],
                "nodes": [[n.name, n.op.to_json(), list(n.inputs)] for n in p.block.nodes],
            }
            for p in self.placed
        ]
        head = {"netwright_architecture": FORMAT, "name": self.name, "id": self.id}
        lines = ",\n    ".join(json.dumps(b, separators=(", ", ": ")) for b in blocks)
        top = json.dumps({**head, "input": list(self.input_shape), "aux": self.aux})
        return f'{top[:-1]},\n  "blocks": [\n    {lines}\n  ]}}\n'

    @staticmethod
    def from_json(text: str) -> Architecture:
        """Read what ``to_json`` wrote.

        Raises:
            UsageError: If the text is no architecture, or of a newer format.
            ShapeError: If the graph in it does not fit together.
        """
        try:
            data: Any = json.loads(text)
        except ValueError as err:
            raise UsageError(f"This is not an architecture file: {err}.") from err
        if not isinstance(data, dict) or "netwright_architecture" not in data:
            raise UsageError(
                "This JSON is not an architecture; expected a file written by "
                "`Architecture.to_json()`, such as the best.json of a run."
            )
        if data["netwright_architecture"] != FORMAT:
            raise UsageError(
                f"This architecture has format {data['netwright_architecture']!r}; this netwright "
                f"reads format {FORMAT}. Install a newer netwright."
            )
        try:
            placed = tuple(_placed_from_json(b) for b in data["blocks"])
            return Architecture(tuple(data["input"]), placed, data["name"], data["aux"])
        except (KeyError, TypeError, IndexError) as err:
            raise UsageError(f"This architecture file is damaged: {err!r}.") from err
        except ValueError as err:
            if isinstance(err, ShapeError):
                raise
            raise UsageError(f"This architecture file is damaged: {err}.") from err


def _placed_from_json(data: Mapping[str, Any]) -> Placed:
    nodes = tuple(Node(n, op_from_json(op), tuple(i)) for n, op, i in data["nodes"])
    shapes = tuple(tuple(s) for s in data["shapes"])
    return Placed(data["at"], Block(data["label"], shapes, nodes), tuple(data["reads"]))


def chain(
    input_shape: Shape, blocks: Sequence[tuple[str, Block]], *, name: str = ""
) -> Architecture:
    """The architecture in which every block reads the one before it."""
    placed = tuple(Placed(prefix, block, (i,)) for i, (prefix, block) in enumerate(blocks))
    return Architecture(input_shape, placed, name)
