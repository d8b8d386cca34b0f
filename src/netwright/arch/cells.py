"""Parts of cells: relu-conv-bn, NASNet's thirteen operations, factorised reduction, whole cells.

Names of the nodes are those of timm's NASNet, so that a NASNet-A built here has its state dict.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from netwright.arch.blocks import PLAIN, Style
from netwright.arch.graph import Block, Draft
from netwright.arch.ops import (
    Activation,
    Add,
    Concat,
    Conv,
    DropPath,
    Identity,
    Pool,
    Shape,
    Shift,
    Size,
)
from netwright.errors import UsageError

_CACHE = 16384

_PLAN: dict[str, tuple[str, int]] = {
    "identity": ("identity", 1),
    "conv1x3_3x1": ("pair", 3),
    "conv1x7_7x1": ("pair", 7),
    "dilated3x3": ("dilated", 3),
    "avg3x3": ("avg", 3),
    "max3x3": ("max", 3),
    "max5x5": ("max", 5),
    "max7x7": ("max", 7),
    "conv1x1": ("conv", 1),
    "conv3x3": ("conv", 3),
    "sep3x3": ("sep", 3),
    "sep5x5": ("sep", 5),
    "sep7x7": ("sep", 7),
}
OPERATIONS: tuple[str, ...] = tuple(_PLAN)
"""The thirteen operations of the NASNet search space, in the order of the paper."""

COMBINERS: tuple[str, ...] = ("add", "concat")


@dataclass(frozen=True)
class Pair:
    """One block of a NASNet cell: two earlier states, an operation on each, and what joins them.

    State 0 is the current cell input, 1 the previous one, 2 and up the blocks of the cell.
    """

    left: int
    right: int
    left_op: str
    right_op: str
    combiner: str = "add"

    def __str__(self) -> str:
        sign = {"add": "+", "concat": ","}[self.combiner]
        return f"{self.left_op}({self.left}){sign}{self.right_op}({self.right})"


@dataclass(frozen=True)
class Cell:
    """A NASNet cell as data: its blocks, and the states that are joined into its output.

    Prints as ``sep5x5(0)+sep3x3(1) .. > 1 2 3``; ``Cell.parse`` reads that.
    """

    pairs: tuple[Pair, ...]
    concat: tuple[int, ...]

    def __post_init__(self) -> None:
        for number, pair in enumerate(self.pairs):
            if not all(0 <= s < number + 2 for s in (pair.left, pair.right)):
                raise UsageError(
                    f"Block {number} ({pair}) may only read states 0 to {number + 1}."
                )
            for op in (pair.left_op, pair.right_op):
                if op not in OPERATIONS:
                    raise UsageError(f"No operation is called {op!r}: {', '.join(OPERATIONS)}.")
            if pair.combiner not in COMBINERS:
                raise UsageError(f"A combiner is 'add' or 'concat'; it was {pair.combiner!r}.")
        states = len(self.pairs) + 2
        if not self.concat or not all(0 <= s < states for s in self.concat):
            raise UsageError(f"A cell joins states 0 to {states - 1}; it was given {self.concat}.")

    def __str__(self) -> str:
        return f"{' '.join(map(str, self.pairs))} > {' '.join(map(str, self.concat))}"

    @staticmethod
    def parse(text: str) -> Cell:
        """Read what ``str`` wrote.

        Raises:
            UsageError: If the text is no cell.
        """
        body, _, tail = text.partition(" > ")
        pairs = []
        for word in body.split():
            found = re.fullmatch(r"(\w+)\((\d+)\)([+,])(\w+)\((\d+)\)", word)
            if found is None:
                raise UsageError(f"{word!r} is no block; write it as sep3x3(0)+max3x3(1).")
            op, state, sign, other, second = found.groups()
            how = "add" if sign == "+" else "concat"
            pairs.append(Pair(int(state), int(second), op, other, how))
        if not re.fullmatch(r"\d+( \d+)*", tail):
            raise UsageError(f"{text!r} is no cell; it must end in ' > ' and the joined states.")
        return Cell(tuple(pairs), tuple(int(s) for s in tail.split()))

    @property
    def unused(self) -> tuple[int, ...]:
        """The states that no block reads, in order: what the paper's rule would join."""
        read = {s for p in self.pairs for s in (p.left, p.right)}
        return tuple(s for s in range(len(self.pairs) + 2) if s not in read)

    @property
    def live(self) -> frozenset[int]:
        """The states that reach the output."""
        live = set(self.concat)
        for number, pair in reversed(list(enumerate(self.pairs, 2))):
            if number in live:
                live |= {pair.left, pair.right}
        return frozenset(live)


class CellWriter(Draft):
    """A draft that writes whole operations; every tensor is rectified once, however often read."""

    def __init__(self, label: str, style: Style, *input_shapes: Shape) -> None:
        super().__init__(label, *input_shapes)
        self.style = style
        self.count_padding = False  # in strided average pools
        self._rectified: dict[str | int, str] = {}

    def relu(self, x: str | int) -> str:
        """The activation of ``x``; the same node each time."""
        if x not in self._rectified:
            name = f"act_in{x}" if isinstance(x, int) else f"act_{x.replace('.', '_')}"
            self._rectified[x] = self.add(name, Activation(name=self.style.activation), x)
        return self._rectified[x]

    def conv_bn(
        self,
        at: str,
        x: str | int,
        out: int,
        kernel: Size = 1,
        *,
        stride: Size = 1,
        dilation: int = 1,
        names: tuple[str, str] = ("conv", "bn"),
    ) -> str:
        """Convolution and batch norm, called ``at.conv`` and ``at.bn``."""
        conv = Conv(
            out=out, kernel=kernel, stride=stride, padding=self.style.padding, dilation=dilation
        )
        y = self.add(f"{at}.{names[0]}", conv, x)
        return self.add(f"{at}.{names[1]}", self.style.norm(), y)

    def separable_twice(
        self, at: str, x: str | int, out: int, kernel: int, *, stride: int = 1
    ) -> str:
        """ReLU, depthwise, pointwise, batch norm, and the same again at stride 1 (NASNet, A.4)."""
        y: str | int = x
        for turn in (1, 2):
            channels = self.shape(y)[0]
            depthwise = Conv(
                out=channels,
                kernel=kernel,
                stride=stride if turn == 1 else 1,
                padding=self.style.padding,
                groups=channels,
            )
            y = self.add(f"{at}.separable_{turn}.depthwise_conv2d", depthwise, self.relu(y))
            y = self.add(f"{at}.separable_{turn}.pointwise_conv2d", Conv(out=out), y)
            y = self.add(f"{at}.bn_sep_{turn}", self.style.norm(), y)
        return str(y)

    def factorised_reduction(self, at: str, x: str | int, out: int) -> str:
        """Halve a map without loss: every second pixel, and every second of the shifted map.

        An odd channel goes to the shifted half, as in TF-slim.
        """
        halves = []
        shifted = self.add(f"{at}path_2.pad", Shift(), x)
        for part, value, channels in ((1, x, out // 2), (2, shifted, out - out // 2)):
            conv = Conv(out=channels, stride=2, padding="valid")
            halves.append(self.add(f"{at}path_{part}.conv", conv, value))
        y = self.add(f"{at}path_join", Concat(), *halves)
        return self.add(f"{at}final_path_bn", self.style.norm(), y)

    def _pool(self, at: str, x: str | int, mode: str, kernel: int, stride: int, out: int) -> str:
        kind: Literal["avg", "max"] = "avg" if mode == "avg" else "max"
        pool = Pool(
            mode=kind,
            kernel=kernel,
            stride=stride,
            padding=self.style.padding,
            count_include_pad=self.count_padding and kind == "avg" and stride > 1,
        )
        y = self.add(f"{at}.pool", pool, x)
        return y if self.shape(y)[0] == out else self.conv_bn(at, y, out)

    def operation(
        self, at: str, name: str, x: str | int, out: int, *, stride: int = 1
    ) -> str | int:
        """One of ``OPERATIONS`` on ``x``, to ``out`` channels.

        The identity becomes ReLU, 1x1 convolution and batch norm where the stride is above 1 or
        the channels differ; a pool is followed by 1x1 and batch norm where the channels differ.
        """
        kind, kernel = _PLAN[name]
        if kind == "identity" and stride == 1 and self.shape(x)[0] == out:
            return x
        if kind == "sep":
            return self.separable_twice(at, x, out, kernel, stride=stride)
        if kind in ("avg", "max"):
            return self._pool(at, x, kind, kernel, stride, out)
        if kind == "pair":
            row, column = ("conv_1", "bn_1"), ("conv_2", "bn_2")
            y = self.relu(x)
            y = self.conv_bn(at, y, out, (1, kernel), stride=(1, stride), names=row)
            y = self.relu(y)
            return self.conv_bn(at, y, out, (kernel, 1), stride=(stride, 1), names=column)
        dilation = 2 if kind == "dilated" else 1
        return self.conv_bn(at, self.relu(x), out, kernel, stride=stride, dilation=dilation)

    def previous(self, out: int, current: Shape) -> str | int:
        """State 1 of a cell: the previous cell output in the size and channels of the current."""
        if len(self.input_shapes) == 1:
            return 0
        if self.shape(1)[1:] != current[1:]:
            return self.factorised_reduction("", self.relu(1), out)
        return 1 if self.shape(1)[0] == out else self.conv_bn("conv_prev_1x1", self.relu(1), out)

    def branch(
        self,
        at: str,
        name: str,
        states: Mapping[int, str | int],
        state: int,
        out: int,
        reduction: bool,
        drop_path: float,
    ) -> str | int:
        """One operation of a block, with the cell's stride and its scheduled drop-path."""
        stride = 2 if reduction and state < 2 else 1
        y = self.operation(at, name, states[state], out, stride=stride)
        if drop_path and name != "identity":
            return self.add(f"{at}.drop_path", DropPath(rate=drop_path), y)
        return y

    def output(self, x: str | int, state: int, out: int, size: tuple[int, ...]) -> str | int:
        """A state as the cell's output takes it: a cell input in the size and channels of F."""
        shape = self.shape(x)
        if shape[1:] != size:
            return self.factorised_reduction(f"concat_{state}.", x, out)
        if state < 2 and shape[0] != out:
            return self.conv_bn(f"concat_{state}", x, out)
        return x


@lru_cache(maxsize=_CACHE)
def cell_block(
    cell: Cell,
    current: Shape,
    previous: Shape | None,
    out: int,
    *,
    reduction: bool = False,
    drop_path: float = 0.0,
    count_padding: bool = False,
    style: Style = PLAIN,
) -> Block:
    """A whole NASNet cell: reads the current and the previous cell output.

    Args:
        cell: What it does.
        current: Shape of ``h_i``.
        previous: Shape of ``h_(i-1)``; None in the first cell, which reads ``h_i`` as both, its
            previous state unprojected (as TF-slim does).
        out: Channels of every state (F).
        reduction: Whether operations on the two cell inputs have stride 2.
        drop_path: Rate at which the result of an operation other than the identity is dropped.
        count_padding: Whether strided average pools take padded pixels for zeros (timm) and do not
            leave them out (TensorFlow).
        style: Padding, batch norm and activation of the family.
    """
    shapes = (current,) if previous is None else (current, previous)
    w = CellWriter(f"{'reduction' if reduction else 'normal'} {cell}", style, *shapes)
    w.count_padding = count_padding
    states: dict[int, str | int] = {}
    if 0 in cell.live:
        states[0] = w.conv_bn("conv_1x1", w.relu(0), out)
    if 1 in cell.live:
        states[1] = w.previous(out, current)
    for number, pair in enumerate(cell.pairs):
        if number + 2 in cell.live:
            ends = [
                w.branch(
                    f"comb_iter_{number}_{side}", op, states, state, out, reduction, drop_path
                )
                for side, state, op in (
                    ("left", pair.left, pair.left_op),
                    ("right", pair.right, pair.right_op),
                )
            ]
            join = Add() if pair.combiner == "add" else Concat()
            states[number + 2] = w.add(f"comb_iter_{number}", join, *ends)
    size = tuple(math.ceil(n / (2 if reduction else 1)) for n in current[1:])
    parts = [w.output(states[s], s, out, size) for s in cell.concat]
    if len(parts) > 1:
        w.add("cat", Concat(), *parts)
    elif parts[0] != w.nodes[-1].name:
        w.add("cat", Identity(), parts[0])
    return w.block()
