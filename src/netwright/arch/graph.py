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

from netwright.arch.block import Block as Block
from netwright.arch.block import Draft as Draft
from netwright.arch.block import Node as Node
from netwright.arch.identity import content_id
from netwright.arch.operation import Op, Shape, Step
from netwright.arch.ops import op_from_json
from netwright.errors import ShapeError, UsageError

FORMAT = 1
INPUT = "input"


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

    ``is_chain`` tells whether every block reads the one before it and nothing else.

    Raises:
        ShapeError: Where a block does not fit what it reads, or two nodes share a name.
    """

    input_shape: Shape
    placed: tuple[Placed, ...]
    name: str = field(default="", compare=False)
    aux: int | None = None
    is_chain: bool = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.placed:
            raise ShapeError("An architecture needs at least one block.")
        shapes, chained = [self.input_shape], True
        for count, (prefix, block, inputs) in enumerate(self.placed):
            if inputs != (count,) or block.input_shapes != (shapes[-1],):
                self._check_inputs(prefix or block.label, block, inputs, shapes)
                chained = False
            shapes.append(block.out_shape)
        self._check_names()
        if self.aux is not None and not 0 < self.aux < len(shapes):
            raise ShapeError(f"aux is {self.aux}; it must be the number of a block, from 1.")
        object.__setattr__(self, "is_chain", chained and self.aux is None)

    @staticmethod
    def _check_inputs(
        what: str, block: Block, inputs: tuple[int, ...], shapes: list[Shape]
    ) -> None:
        if len(inputs) != len(block.input_shapes):
            raise ShapeError(
                f"Block {what!r} reads {len(block.input_shapes)} tensors; it was given "
                f"{len(inputs)}."
            )
        for number, expected in zip(inputs, block.input_shapes, strict=True):
            if not 0 <= number < len(shapes) or shapes[number] != expected:
                came = shapes[number] if 0 <= number < len(shapes) else "nothing"
                raise ShapeError(
                    f"Block {what!r} expects {expected}; input {number} gives {came}."
                )

    def _check_names(self) -> None:
        at: dict[str, frozenset[str]] = {}
        for prefix, block, _ in self.placed:
            known = at.get(prefix)
            if known is not None and not known.isdisjoint(block.names):
                raise ShapeError(f"Two blocks at {prefix!r} share a node name.")
            at[prefix] = block.names if known is None else known | block.names
        if INPUT in at.get("", ()):
            raise ShapeError(f"No node may be called {INPUT!r}; that is the image.")
        for prefix, block, _ in self.placed:
            for folder in block.folders:
                inner = at.get(f"{prefix}.{folder}" if prefix else folder, ())
                if inner and any(f"{folder}.{name}" in block.names for name in inner):
                    raise ShapeError(f"Blocks at {prefix!r} and in it share a node name.")

    @property
    def classes(self) -> int:
        """Number of classes: the length of the logits."""
        return self.placed[-1].block.shapes[-1][0]

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

    def steps(self) -> list[Step]:
        """The nodes by number, in the order of ``nodes``, after the image as number 0."""
        ends, steps = [0], [Step(None, (), self.input_shape)]
        for _, block, inputs in self.placed:
            number = [ends[k] for k in inputs]
            number += range(len(steps), len(steps) + len(block.steps))
            steps += [
                Step(op, tuple([number[i] for i in reads]), shape)
                for op, reads, shape in block.steps
            ]
            ends.append(len(steps) - 1)
        return steps

    @cached_property
    def id(self) -> str:
        """Content id: 16 hexadecimal digits, equal for isomorphic graphs of the same network."""
        count = len(self.placed)
        ends = [count] if self.aux is None else [count, self.aux]
        return content_id(self.input_shape, self.placed, ends)

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
    placed = tuple([Placed(prefix, block, (i,)) for i, (prefix, block) in enumerate(blocks)])
    return Architecture(input_shape, placed, name)
