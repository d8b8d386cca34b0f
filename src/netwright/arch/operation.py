"""``Op``: what every primitive operation can say of itself, given the shapes that enter it."""

from __future__ import annotations

import dataclasses
import json
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from netwright.errors import ShapeError

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Op:
    """What every operation can say of itself, given the shapes that enter it."""

    kind: ClassVar[str]
    arity: ClassVar[int | None] = 1  # None: one or more
    elementwise: ClassVar[bool] = False  # output i depends on input i alone: may reuse its buffer
    alias: ClassVar[bool] = False  # at inference the output is the input: no buffer at all
    commutative: ClassVar[bool] = False

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output.

        Raises:
            ShapeError: Where the operation does not fit ``inputs``.
        """
        return inputs[0]

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        """Trainable tensors by torch's own names, as in ``{"weight": (32, 3, 3, 3)}``."""
        return {}

    def macs(self, inputs: Sequence[Shape]) -> int:
        """Multiply-adds for one image."""
        return 0

    def to_json(self) -> dict[str, Any]:
        """The kind and every field that differs from its default, as plain JSON types."""
        fields = {
            f.name: list(v) if isinstance(v := getattr(self, f.name), tuple) else v
            for f in dataclasses.fields(self)
            if getattr(self, f.name) != f.default
        }
        return {"op": self.kind, **fields}

    @cached_property
    def key(self) -> str:
        """``to_json`` as text: equal for equal operations, on every machine."""
        return json.dumps(self.to_json())

    def _whole(self, *names: str) -> None:
        for name in names:
            object.__setattr__(self, name, self._positive(name, getattr(self, name)))

    def _sizes(self, *names: str) -> None:
        """One whole number or two (height, width); two equal ones become one."""
        for name in names:
            value = getattr(self, name)
            both = value if isinstance(value, tuple | list) else (value, value)
            if len(both) != 2:
                raise ShapeError(f"{self.kind} cannot have {name} {value!r}; give one or two.")
            height, width = (self._positive(name, v) for v in both)
            object.__setattr__(self, name, height if height == width else (height, width))

    def _positive(self, name: str, value: Any) -> int:
        try:
            number = operator.index(value)
        except TypeError:
            number = 0
        if number < 1:
            raise ShapeError(f"{self.kind} cannot have {name} {value!r}; it must be 1, 2, ...")
        return number

    def _one_of(self, name: str, known: Sequence[str]) -> None:
        value = getattr(self, name)
        if value not in known:
            raise ShapeError(f"{self.kind} has no {name} {value!r}; there are {', '.join(known)}.")

    def _share(self, name: str) -> None:
        value = getattr(self, name)
        if not 0 <= value < 1:
            raise ShapeError(f"{self.kind} cannot have {name} {value}; give 0 or more, below 1.")


class Step(NamedTuple):
    """One value of a graph: what makes it (None for what enters) of which earlier values."""

    op: Op | None
    inputs: tuple[int, ...]
    shape: Shape


def feature_map(op: Op, shape: Shape) -> tuple[int, int, int]:
    """The shape as (C, H, W).

    Raises:
        ShapeError: If it is none.
    """
    if len(shape) != 3:
        raise ShapeError(f"{op.kind} needs a feature map (C, H, W); it was given {shape}.")
    return shape
