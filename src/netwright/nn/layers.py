"""One torch layer or function for every primitive operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from netwright.arch import ops
from netwright.arch.ops import Op, Shape
from netwright.arch.window import pair, window

_THIN = 8  # channels, below which torch cannot be trusted with strided 1x1 convolutions

_ACTIVATIONS: dict[str, Callable[[bool], nn.Module]] = {
    "relu": lambda inplace: nn.ReLU(inplace=inplace),
    "relu6": lambda inplace: nn.ReLU6(inplace=inplace),
    "silu": lambda inplace: nn.SiLU(inplace=inplace),
    "gelu": lambda inplace: nn.GELU(),
    "hard_swish": lambda inplace: nn.Hardswish(inplace=inplace),
    "hard_sigmoid": lambda inplace: nn.Hardsigmoid(inplace=inplace),
    "sigmoid": lambda inplace: nn.Sigmoid(),
    "tanh": lambda inplace: nn.Tanh(),
}


class DropPath(nn.Module):
    """Zero the branch of single images in training, and scale the others up to keep the mean."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        mask = torch.empty((x.shape[0],) + (1,) * (x.ndim - 1), dtype=x.dtype, device=x.device)
        return x * mask.bernoulli_(keep).div_(keep)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


def _same(x: Tensor, kernel: ops.Size, stride: ops.Size, dilation: int, value: float) -> Tensor:
    """Pad as TensorFlow does for the size that ``x`` has."""
    (kh, kw), (sh, sw) = pair(kernel), pair(stride)
    _, top, bottom = window(x.shape[-2], kh, sh, "same", dilation)
    _, left, right = window(x.shape[-1], kw, sw, "same", dilation)
    return F.pad(x, (left, right, top, bottom), value=value)


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's padding, which depends on the input's size."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's own name)
        kernel = (self.kernel_size[0], self.kernel_size[1])
        stride = (self.stride[0], self.stride[1])
        return super().forward(_same(input, kernel, stride, self.dilation[0], 0.0))


class ThinPointwise2d(nn.Conv2d):
    """Strided 1x1 convolution of a thin map: take every n-th pixel, then convolve at stride 1.

    The values are those of ``nn.Conv2d``.  But on channels-last maps of 2 to 7 channels, torch
    2.14 on a CPU with AVX2 writes past its memory in the backward pass of a strided 1x1
    convolution, and the process dies.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's own name)
        sh, sw = self.stride
        return F.conv2d(input[..., ::sh, ::sw], self.weight, self.bias, groups=self.groups)


class SamePool2d(nn.Module):
    """Pooling with TensorFlow's padding; an average ignores what was padded."""

    def __init__(self, op: ops.Pool) -> None:
        super().__init__()
        self.op = op

    def forward(self, x: Tensor) -> Tensor:
        op = self.op
        if op.mode == "max":
            padded = _same(x, op.kernel, op.stride, 1, float("-inf"))
            return F.max_pool2d(padded, op.kernel, op.stride)
        mean = F.avg_pool2d(_same(x, op.kernel, op.stride, 1, 0.0), op.kernel, op.stride)
        if op.count_include_pad:
            return mean
        inside = _same(torch.ones_like(x[:1, :1]), op.kernel, op.stride, 1, 0.0)
        return mean / F.avg_pool2d(inside, op.kernel, op.stride)

    def extra_repr(self) -> str:
        return f"{self.op.mode}, kernel={self.op.kernel}, stride={self.op.stride}, same padding"


def shift(x: Tensor) -> Tensor:
    """Move the map (B, C, H, W) up and left by one pixel, zeros entering."""
    return F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]


def zero(x: Tensor, stride: int) -> Tensor:
    """Zeros of the shape of ``x`` (B, C, H, W), strided."""
    return torch.zeros_like(x[:, :, ::stride, ::stride])


def _centred(kernel: ops.Size, stride: ops.Size) -> bool:
    """Whether TensorFlow's padding is symmetric at every size: odd kernels that do not stride."""
    return pair(stride) == (1, 1) and all(k % 2 == 1 for k in pair(kernel))


def _conv(op: ops.Conv, shape: Shape) -> nn.Module:
    (kh, kw), (sh, sw) = pair(op.kernel), pair(op.stride)
    args: dict[str, Any] = {
        "kernel_size": (kh, kw), "stride": (sh, sw), "dilation": op.dilation,
        "groups": op.groups, "bias": op.bias, "device": "meta",
    }  # fmt: skip
    if (kh, kw) == (1, 1) and max(sh, sw) == 2 and shape[0] < _THIN:
        return ThinPointwise2d(shape[0], op.out, **args)  # never padded: the stride is 2 at most
    if op.padding == "same" and not _centred(op.kernel, op.stride):
        return SameConv2d(shape[0], op.out, **args)
    pads = [window(1, k, s, "symmetric", op.dilation)[1] for k, s in ((kh, sh), (kw, sw))]
    padding = (0, 0) if op.padding == "valid" else (pads[0], pads[1])
    return nn.Conv2d(shape[0], op.out, padding=padding, **args)


def _pool(op: ops.Pool) -> nn.Module:
    (kh, kw), (sh, sw) = pair(op.kernel), pair(op.stride)
    if op.padding == "same" and not _centred(op.kernel, op.stride):
        return SamePool2d(op)
    pads = (window(kh, kh, sh, op.padding)[1], window(kw, kw, sw, op.padding)[1])
    if op.mode == "max":
        return nn.MaxPool2d(op.kernel, op.stride, pads)
    return nn.AvgPool2d(op.kernel, op.stride, pads, count_include_pad=op.count_include_pad)


def module_of(op: Op, inputs: tuple[Shape, ...], *, inplace: bool) -> nn.Module | None:
    """The torch module of an operation, its weights on the meta device; None for a function.

    Args:
        op: The operation.
        inputs: Shapes of what it reads, without the batch.
        inplace: Whether an activation may overwrite what it reads.
    """
    match op:
        case ops.Conv():
            return _conv(op, inputs[0])
        case ops.Linear():
            return nn.Linear(inputs[0][0], op.out, bias=op.bias, device="meta")
        case ops.BatchNorm():
            norm = nn.BatchNorm2d if len(inputs[0]) == 3 else nn.BatchNorm1d
            return norm(inputs[0][0], op.eps, op.momentum, op.affine, device="meta")
        case ops.Activation():
            return _ACTIVATIONS[op.name](inplace)
        case ops.Pool():
            return _pool(op)
        case ops.Dropout():
            return nn.Dropout(op.rate)
        case ops.DropPath():
            return DropPath(op.rate)
    return None


def function_node(graph: fx.Graph, op: Op, inputs: list[fx.Node]) -> fx.Node:
    """Write a parameter-free operation into a torch.fx graph as a call.

    Raises:
        TypeError: If the operation is one that has a module.
    """
    match op:
        case ops.GlobalPool():
            return graph.call_method("mean", (inputs[0], (2, 3)), {"keepdim": op.keep})
        case ops.Add():
            total = inputs[0]
            for term in inputs[1:]:
                total = graph.call_function(torch.add, (total, term))
            return total
        case ops.Multiply():
            return graph.call_function(torch.mul, (inputs[0], inputs[1]))
        case ops.Concat():
            return graph.call_function(torch.cat, (inputs,), {"dim": 1})
        case ops.Slice():
            return graph.call_method("narrow", (inputs[0], 1, op.start, op.stop - op.start))
        case ops.Shift():
            return graph.call_function(shift, (inputs[0],))
        case ops.Identity():
            return inputs[0]
        case ops.Zero():
            return graph.call_function(zero, (inputs[0], op.stride))
    raise TypeError(f"{op.kind} is not a function")
