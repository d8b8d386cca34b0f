"""One operation as a line of PyTorch source: what it constructs, and how it is called."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netwright.arch import ops
from netwright.arch.ops import Op, Shape
from netwright.arch.window import pair, window

Value = int | float | bool | tuple[int, int]

HELPERS: Mapping[str, str] = {
    "DropPath": '''class DropPath(nn.Module):
    """Zero the branch of single images in training, and scale the others up."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        return x * x.new_empty((x.shape[0], 1, 1, 1)).bernoulli_(keep) / keep
''',
    "same_pad": '''def same_pad(x, kernel, stride, dilation=(1, 1), value=0.0):
    """Pad as TensorFlow's "same" does."""
    pads = []
    for length, k, s, d in zip(x.shape[:1:-1], kernel[::-1], stride[::-1], dilation[::-1]):
        total = max(0, (-(-length // s) - 1) * s + d * (k - 1) + 1 - length)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)
''',
    "SameConv2d": '''class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's padding."""

    def forward(self, x):
        return super().forward(same_pad(x, self.kernel_size, self.stride, self.dilation))
''',
    "same_max_pool": '''def same_max_pool(x, kernel, stride):
    """Maximum over a window, with TensorFlow's padding."""
    return F.max_pool2d(same_pad(x, kernel, stride, value=float("-inf")), kernel, stride)
''',
    "same_avg_pool": '''def same_avg_pool(x, kernel, stride, count_padding=False):
    """Mean over a window, with TensorFlow's padding."""
    mean = F.avg_pool2d(same_pad(x, kernel, stride), kernel, stride)
    if count_padding:
        return mean
    inside = same_pad(torch.ones_like(x[:1, :1]), kernel, stride)
    return mean / F.avg_pool2d(inside, kernel, stride)
''',
}
NEEDS: Mapping[str, tuple[str, ...]] = {
    name: ("same_pad",) for name in ("SameConv2d", "same_max_pool", "same_avg_pool")
}
_ACTIVATIONS = {
    "relu": "F.relu", "relu6": "F.relu6", "silu": "F.silu", "gelu": "F.gelu",
    "hard_swish": "F.hardswish", "hard_sigmoid": "F.hardsigmoid", "sigmoid": "torch.sigmoid",
    "tanh": "torch.tanh",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What a module is constructed with; ``fixed`` arguments come first, without their names."""

    callee: str
    fixed: tuple[tuple[str, Value], ...]
    named: tuple[tuple[str, Value, Value | None], ...] = ()
    """Name, value, and the default that need not be written."""


def _flat(size: tuple[int, int]) -> Value:
    return size[0] if size[0] == size[1] else size


def _centred(kernel: ops.Size, stride: ops.Size) -> bool:
    return pair(stride) == (1, 1) and all(k % 2 == 1 for k in pair(kernel))


def layer_of(op: Op, shape: Shape) -> Layer | None:
    """The module of an operation that has weights, or a rate; None for the others."""
    match op:
        case ops.Conv():
            return _conv(op, shape)
        case ops.Linear():
            return Layer(
                callee="nn.Linear", fixed=(("in", shape[0]), ("out", op.out)),
                named=(("bias", op.bias, True),),
            )  # fmt: skip
        case ops.BatchNorm():
            return Layer(
                callee="nn.BatchNorm2d" if len(shape) == 3 else "nn.BatchNorm1d",
                fixed=(("channels", shape[0]),),
                named=(
                    ("eps", op.eps, 1e-5), ("momentum", op.momentum, 0.1),
                    ("affine", op.affine, True),
                ),
            )  # fmt: skip
        case ops.Dropout():
            return Layer(callee="nn.Dropout", fixed=(("rate", op.rate),))
        case ops.DropPath():
            return Layer(callee="DropPath", fixed=(("rate", op.rate),))
    return None


def _conv(op: ops.Conv, shape: Shape) -> Layer:
    kernel, stride = pair(op.kernel), pair(op.stride)
    same = op.padding == "same" and not _centred(op.kernel, op.stride)
    if same or op.padding == "valid":
        pads = (0, 0)
    else:
        sides = [
            window(1, k, s, "symmetric", op.dilation)[1]
            for k, s in zip(kernel, stride, strict=True)
        ]
        pads = (sides[0], sides[1])
    return Layer(
        callee="SameConv2d" if same else "nn.Conv2d",
        fixed=(("in", shape[0]), ("out", op.out), ("kernel", _flat(kernel))),
        named=(
            ("stride", _flat(stride), 1), ("padding", _flat(pads), 0),
            ("dilation", op.dilation, 1), ("groups", op.groups, 1), ("bias", op.bias, True),
        ),
    )  # fmt: skip


def expression(op: Op, at: Sequence[str]) -> str:
    """The source that computes an operation without weights from the named values."""
    x = at[0]
    match op:
        case ops.Activation():
            return f"{_ACTIVATIONS[op.name]}({x})"
        case ops.Pool():
            return _pool(op, x)
        case ops.GlobalPool():
            return f"{x}.mean((2, 3){', keepdim=True' if op.keep else ''})"
        case ops.Add():
            return " + ".join(at)
        case ops.Multiply():
            return " * ".join(at)
        case ops.Concat():
            return f"torch.cat([{', '.join(at)}], 1)"
        case ops.Slice():
            return f"{x}[:, {op.start}:{op.stop}]"
        case ops.Shift():
            return f"F.pad({x}, (0, 1, 0, 1))[:, :, 1:, 1:]"
        case ops.Zero():
            inner = x if op.stride == 1 else f"{x}[:, :, ::{op.stride}, ::{op.stride}]"
            return f"torch.zeros_like({inner})"
        case ops.Identity():
            return x
    raise TypeError(f"{op.kind} has no expression.")


def _pool(op: ops.Pool, x: str) -> str:
    kernel, stride = pair(op.kernel), pair(op.stride)
    count = op.count_include_pad
    if op.padding == "same" and not _centred(op.kernel, op.stride):
        if op.mode == "max":
            return f"same_max_pool({x}, {kernel}, {stride})"
        return f"same_avg_pool({x}, {kernel}, {stride}, {count})"
    pads = [window(k, k, s, op.padding)[1] for k, s in zip(kernel, stride, strict=True)]
    words = f"{x}, {_flat(kernel)}, {_flat(stride)}, {_flat((pads[0], pads[1]))}"
    if op.mode == "max":
        return f"F.max_pool2d({words})"
    return f"F.avg_pool2d({words}, count_include_pad={count})"


def reach(path: str) -> str:
    """``se.0.conv`` as source: ``self.se["0"].conv``."""
    parts = path.split(".")
    return "self" + "".join(f".{p}" if plain(p) else f'["{p}"]' for p in parts)


def plain(name: str) -> bool:
    """Whether a name can be an attribute in source."""
    return name.isidentifier() and not keyword.iskeyword(name)


def construct(tree: Mapping[str, object], indent: str) -> list[str]:
    """Lines that set the modules of a tree of names; a leaf is the source that makes it."""
    lines: list[str] = []
    for name, child in tree.items():
        text = _make(child, indent)
        lines.append(f"{indent}self.{name} = {text}" if plain(name) else
                     f'{indent}self.add_module("{name}", {text})')  # fmt: skip
    return lines


def _make(child: object, indent: str) -> str:
    if not isinstance(child, Mapping):
        return str(child)
    inner = indent + "    "
    if isinstance(child, Chain):
        items = [f"{inner}{_make(c, inner)},\n" for c in child.values()]
        return "nn.Sequential(\n" + "".join(items) + f"{indent})"
    if all(plain(name) for name in child):
        parts = [f"{inner}{name}={_make(c, inner)},\n" for name, c in child.items()]
        return "Parts(\n" + "".join(parts) + f"{indent})"
    parts = [f'{inner}"{name}": {_make(c, inner)},\n' for name, c in child.items()]
    return "nn.ModuleDict({\n" + "".join(parts) + f"{indent}}})"


class Chain(dict[str, object]):
    """A folder whose modules run one after another."""


def chained(tree: dict[str, object]) -> Chain:
    """The folder, and those in it, as chains."""
    return Chain({k: chained(c) if isinstance(c, dict) else c for k, c in tree.items()})


def numbered(tree: Mapping[str, object]) -> bool:
    """Whether the names are 0, 1, 2, ..., in this folder and in those in it."""
    names = [str(k) for k in range(len(tree))]
    return list(tree) == names and all(
        numbered(child) for child in tree.values() if isinstance(child, Mapping)
    )


def grow(tree: dict[str, object], path: str, leaf: str) -> None:
    """Put a leaf under its dotted name."""
    *folders, last = path.split(".")
    for folder in folders:
        below = tree.setdefault(folder, {})
        if not isinstance(below, dict):
            raise TypeError(f"{folder!r} in {path!r} is a module and a folder of modules.")
        tree = below
    tree[last] = leaf
