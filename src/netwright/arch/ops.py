"""Primitive operations: for each its shape rule, its parameters and its multiply-adds (MACs).

A shape is ``(C, H, W)`` for a feature map and ``(F,)`` for a vector, always without the batch.
MACs follow the usual convention of the field and of torch's own counter: convolutions and linear
layers count, everything else is free (one MAC is two FLOPs).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from netwright.errors import ShapeError

Shape = tuple[int, ...]
Size = int | tuple[int, int]
Padding = Literal["symmetric", "same", "valid"]
ActivationName = Literal[
    "relu", "relu6", "silu", "gelu", "hard_swish", "hard_sigmoid", "sigmoid", "tanh"
]
ACTIVATIONS: tuple[str, ...] = ActivationName.__args__  # type: ignore[attr-defined]


def pair(size: Size) -> tuple[int, int]:
    """``3`` → ``(3, 3)``: height and width of a kernel, stride or dilation."""
    return (size, size) if isinstance(size, int) else size


@dataclass(frozen=True, kw_only=True)
class Op:
    """What every operation can say of itself, given the shapes that enter it."""

    kind: ClassVar[str]
    arity: ClassVar[int | None] = 1  # None: any number from two up
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


def _feature_map(op: Op, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ShapeError(f"{op.kind} needs a feature map (C, H, W); it was given {shape}.")
    return shape


def window(
    length: int, kernel: int, stride: int, padding: Padding, dilation: int = 1
) -> tuple[int, int, int]:
    """Output length of a sliding window along one axis, and the padding before and after it.

    ``symmetric`` pads ``((stride - 1) + dilation * (kernel - 1)) // 2`` on both sides, as timm and
    torchvision do; ``same`` pads as TensorFlow does, to ``ceil(length / stride)`` with any odd
    pixel at the end; ``valid`` does not pad.
    """
    reach = dilation * (kernel - 1) + 1
    if padding == "same":
        out = math.ceil(length / stride)
        total = max(0, (out - 1) * stride + reach - length)
        return out, total // 2, total - total // 2
    pad = ((stride - 1) + dilation * (kernel - 1)) // 2 if padding == "symmetric" else 0
    return (length + 2 * pad - reach) // stride + 1, pad, pad


def _slide(
    op: Op, shape: Shape, kernel: Size, stride: Size, padding: Padding, dilation: int
) -> tuple[int, int]:
    _, height, width = _feature_map(op, shape)
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

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        channels = _feature_map(self, inputs[0])[0]
        if self.out < 1 or channels % self.groups or self.out % self.groups:
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
        if self.name not in ACTIVATIONS:
            raise ShapeError(
                f"No activation is called {self.name!r}; there are {', '.join(ACTIVATIONS)}."
            )


@dataclass(frozen=True, kw_only=True)
class Pool(Op):
    """Average or maximum over a window; an average ignores padded pixels unless told otherwise."""

    kind: ClassVar[str] = "pool"
    mode: Literal["avg", "max"] = "avg"
    kernel: Size = 3
    stride: Size = 1
    padding: Padding = "symmetric"
    count_include_pad: bool = False

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        size = _slide(self, inputs[0], self.kernel, self.stride, self.padding, 1)
        return (inputs[0][0], *size)


@dataclass(frozen=True, kw_only=True)
class GlobalPool(Op):
    """Mean over all pixels: to a vector, or to a 1x1 map where ``keep`` is set."""

    kind: ClassVar[str] = "global_pool"
    keep: bool = False

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        channels = _feature_map(self, inputs[0])[0]
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
        if gate not in (value, (value[0], 1, 1)):
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
        return _feature_map(self, inputs[0])


@dataclass(frozen=True, kw_only=True)
class Dropout(Op):
    """Zero single elements in training."""

    kind: ClassVar[str] = "dropout"
    alias: ClassVar[bool] = True
    rate: float = 0.2


@dataclass(frozen=True, kw_only=True)
class DropPath(Op):
    """Zero the whole branch of single images in training (stochastic depth, drop-connect)."""

    kind: ClassVar[str] = "drop_path"
    alias: ClassVar[bool] = True
    rate: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Identity(Op):
    """The input itself."""

    kind: ClassVar[str] = "identity"
    alias: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Zero(Op):
    """Zeros of the input's shape, halved ``stride`` times over: the ``none`` of cell spaces."""

    kind: ClassVar[str] = "zero"
    stride: int = 1

    def shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, height, width = _feature_map(self, inputs[0])
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
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "op"}
    try:
        return KINDS[data["op"]](**fields)
    except KeyError:
        raise ShapeError(
            f"No operation is called {data.get('op')!r}; there are {', '.join(KINDS)}."
        ) from None
    except TypeError as err:
        raise ShapeError(
            f"Operation {data['op']!r} cannot be read from {dict(data)}: {err}"
        ) from err
