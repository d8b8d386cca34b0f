"""Primitive operations: for each its shape rule, its parameters and its multiply-adds (MACs).

A shape is ``(C, H, W)`` for a feature map and ``(F,)`` for a vector, always without the batch.
MACs follow the usual convention of the field and of torch's own counter: convolutions and linear
layers count, everything else is free (one MAC is two FLOPs).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from netwright.arch.operation import Op as Op
from netwright.arch.operation import Shape as Shape
from netwright.arch.operation import feature_map
from netwright.arch.window import PADDINGS, pair, window
from netwright.arch.window import Padding as Padding
from netwright.arch.window import Size as Size
from netwright.errors import ShapeError

ActivationName = Literal[
    "relu", "relu6", "silu", "gelu", "hard_swish", "hard_sigmoid", "sigmoid", "tanh"
]
ACTIVATIONS: tuple[str, ...] = ActivationName.__args__  # type: ignore[attr-defined]


def _slide(
    op: Op, shape: Shape, kernel: Size, stride: Size, padding: Padding, dilation: int
) -> tuple[int, int]:
    _, height, width = feature_map(op, shape)
    (kh, kw), (sh, sw) = pair(kernel), pair(stride)
    out_h, out_w = (
        window(height, kh, sh, padding, dilation)[0],
        window(width, kw, sw, padding, dilation)[0],
    )
    if out_h < 1 or out_w < 1:
        raise ShapeError(
            f"{op.kind} with kernel {kernel} leaves nothing of a {height}x{width} map."
        )
    return out_h, out_w


@dataclass(frozen=True, kw_only=True)
class Conv(Op):
    """2-D convolution; depthwise where ``groups`` equals the channels that enter."""

    kind: ClassVar[str] = "conv"
    out: int
    kernel: Size = 1
    stride: Size = 1
    padding: Padding = "symmetric"
    dilation: int = 1
    groups: int = 1
    bias: bool = False

    def __post_init__(self) -> None:
        self._whole("out", "dilation", "groups")
        self._sizes("kernel", "stride")
        self._one_of("padding", PADDINGS)

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        channels = feature_map(self, inputs[0])[0]
        if channels % self.groups or self.out % self.groups:
            raise ShapeError(
                f"conv from {channels} to {self.out} channels cannot have {self.groups} groups."
            )
        args = (self.kernel, self.stride, self.padding, self.dilation)
        return (self.out, *_slide(self, inputs[0], *args))

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        weight = (self.out, inputs[0][0] // self.groups, *pair(self.kernel))
        return {"weight": weight, "bias": (self.out,)} if self.bias else {"weight": weight}

    def macs(self, inputs: Sequence[Shape]) -> int:
        out, height, width = self.shape(inputs)
        kh, kw = pair(self.kernel)
        return out * height * width * (inputs[0][0] // self.groups) * kh * kw


@dataclass(frozen=True, kw_only=True)
class Linear(Op):
    """Fully connected layer on a vector."""

    kind: ClassVar[str] = "linear"
    out: int
    bias: bool = True

    def __post_init__(self) -> None:
        self._whole("out")

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) != 1:
            raise ShapeError(f"linear needs a vector (F,); it was given {inputs[0]}.")
        return (self.out,)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        weight = (self.out, inputs[0][0])
        return {"weight": weight, "bias": (self.out,)} if self.bias else {"weight": weight}

    def macs(self, inputs: Sequence[Shape]) -> int:
        return self.out * inputs[0][0]


@dataclass(frozen=True, kw_only=True)
class BatchNorm(Op):
    """Batch normalisation over channels; ``momentum`` in torch's sense (weight of the new)."""

    kind: ClassVar[str] = "batch_norm"
    elementwise: ClassVar[bool] = True
    eps: float = 1e-5
    momentum: float = 0.1
    affine: bool = True

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        channels = (inputs[0][0],)
        return {"weight": channels, "bias": channels} if self.affine else {}


@dataclass(frozen=True, kw_only=True)
class Activation(Op):
    """A pointwise non-linearity."""

    kind: ClassVar[str] = "activation"
    elementwise: ClassVar[bool] = True
    name: ActivationName = "relu"

    def __post_init__(self) -> None:
        self._one_of("name", ACTIVATIONS)


@dataclass(frozen=True, kw_only=True)
class Pool(Op):
    """Average or maximum over a window; an average ignores padded pixels unless told otherwise."""

    kind: ClassVar[str] = "pool"
    mode: Literal["avg", "max"] = "avg"
    kernel: Size = 3
    stride: Size = 1
    padding: Padding = "symmetric"
    count_include_pad: bool = False

    def __post_init__(self) -> None:
        self._sizes("kernel", "stride")
        self._one_of("padding", PADDINGS)
        self._one_of("mode", ("avg", "max"))
        for kernel, stride in zip(pair(self.kernel), pair(self.stride), strict=True):
            if 2 * window(kernel, kernel, stride, self.padding)[1] > kernel:
                raise ShapeError(
                    f"pool with kernel {self.kernel} and stride {self.stride} would look at "
                    "padding only; use padding 'same' or 'valid', or a smaller stride."
                )

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        size = _slide(self, inputs[0], self.kernel, self.stride, self.padding, 1)
        return (inputs[0][0], *size)


@dataclass(frozen=True, kw_only=True)
class GlobalPool(Op):
    """Mean over all pixels: to a vector, or to a 1x1 map where ``keep`` is set."""

    kind: ClassVar[str] = "global_pool"
    keep: bool = False

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        channels = feature_map(self, inputs[0])[0]
        return (channels, 1, 1) if self.keep else (channels,)


class _Equal(Op):
    """Shape rule of operations whose operands must agree."""

    arity: ClassVar[int | None] = None
    elementwise: ClassVar[bool] = True
    commutative: ClassVar[bool] = True

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        if any(shape != inputs[0] for shape in inputs[1:]):
            raise ShapeError(f"{self.kind} needs equal shapes; it was given {list(inputs)}.")
        return inputs[0]


@dataclass(frozen=True, kw_only=True)
class Add(_Equal):
    """Elementwise sum."""

    kind: ClassVar[str] = "add"


@dataclass(frozen=True, kw_only=True)
class Multiply(Op):
    """A map times a gate: equal shapes, or a gate of one pixel per channel as in SE."""

    kind: ClassVar[str] = "multiply"
    arity: ClassVar[int | None] = 2
    elementwise: ClassVar[bool] = True

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        value, gate = inputs
        if gate != value and (len(value) != 3 or gate != (value[0], 1, 1)):
            raise ShapeError(f"multiply cannot gate {value} with {gate}.")
        return value


@dataclass(frozen=True, kw_only=True)
class Concat(Op):
    """Join along channels."""

    kind: ClassVar[str] = "concat"
    arity: ClassVar[int | None] = None

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        if any(shape[1:] != inputs[0][1:] for shape in inputs[1:]):
            raise ShapeError(f"concat needs maps of one size; it was given {list(inputs)}.")
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])


@dataclass(frozen=True, kw_only=True)
class Slice(Op):
    """Channels ``start`` to ``stop`` (exclusive)."""

    kind: ClassVar[str] = "slice"
    start: int
    stop: int

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        if not 0 <= self.start < self.stop <= inputs[0][0]:
            raise ShapeError(f"slice {self.start}:{self.stop} leaves {inputs[0][0]} channels.")
        return (self.stop - self.start, *inputs[0][1:])


@dataclass(frozen=True, kw_only=True)
class Shift(Op):
    """Move the map up and left by one pixel, zeros entering: NASNet's factorised reduction."""

    kind: ClassVar[str] = "shift"

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        return feature_map(self, inputs[0])


@dataclass(frozen=True, kw_only=True)
class Dropout(Op):
    """Zero single elements in training."""

    kind: ClassVar[str] = "dropout"
    alias: ClassVar[bool] = True
    rate: float = 0.2

    def __post_init__(self) -> None:
        self._share("rate")


@dataclass(frozen=True, kw_only=True)
class DropPath(Op):
    """Zero the whole branch of single images in training (stochastic depth, drop-connect)."""

    kind: ClassVar[str] = "drop_path"
    alias: ClassVar[bool] = True
    rate: float = 0.2

    def __post_init__(self) -> None:
        self._share("rate")


@dataclass(frozen=True, kw_only=True)
class Identity(Op):
    """The input itself."""

    kind: ClassVar[str] = "identity"
    alias: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Zero(Op):
    """Zeros of the input's shape, its sides divided by ``stride``: the ``none`` of cell spaces."""

    kind: ClassVar[str] = "zero"
    stride: int = 1

    def __post_init__(self) -> None:
        self._whole("stride")

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, height, width = feature_map(self, inputs[0])
        return (channels, math.ceil(height / self.stride), math.ceil(width / self.stride))


KINDS: Mapping[str, type[Op]] = {
    op.kind: op
    for op in (
        Conv, Linear, BatchNorm, Activation, Pool, GlobalPool, Add, Multiply, Concat,
        Slice, Shift, Dropout, DropPath, Identity, Zero,
    )
}  # fmt: skip


def op_from_json(data: Mapping[str, Any]) -> Op:
    """The operation that ``Op.to_json`` described.

    Raises:
        ShapeError: For an unknown kind or field.
    """
    kind = data.get("op") if isinstance(data, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ShapeError(f"No operation is called {kind or data!r}; there are {', '.join(KINDS)}.")
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "op"}
    try:
        return KINDS[kind](**fields)
    except TypeError as err:
        raise ShapeError(f"Operation {kind!r} cannot be read from {dict(data)}: {err}") from err
