"""Plain torch code as an ``Architecture``: a user's module is traced and read layer by layer.

Only what the graph can say is read: convolutions, batch norms, activations, pools, sums, products,
joins, linear layers, dropout.  Anything else is refused by name; nothing is guessed.  The names of
the layers stay, so a state dict of the module fits what ``build`` makes of the architecture; the
initial weights are those of ``build``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import fx, nn
from torch.nn import functional as F

from netwright.arch import ops
from netwright.arch.graph import Architecture, Draft, chain
from netwright.arch.ops import Op, Padding, Shape
from netwright.arch.window import pair, window
from netwright.errors import UsageError

_MODULES: dict[type[nn.Module], ops.ActivationName] = {
    nn.ReLU: "relu",
    nn.ReLU6: "relu6",
    nn.SiLU: "silu",
    nn.Hardswish: "hard_swish",
    nn.Hardsigmoid: "hard_sigmoid",
    nn.Sigmoid: "sigmoid",
    nn.Tanh: "tanh",
}
_FUNCTIONS: dict[object, ops.ActivationName] = {
    F.relu: "relu", torch.relu: "relu", "relu": "relu", F.relu6: "relu6", F.silu: "silu",
    F.hardswish: "hard_swish", F.hardsigmoid: "hard_sigmoid", torch.sigmoid: "sigmoid",
    "sigmoid": "sigmoid", torch.tanh: "tanh", "tanh": "tanh",
}  # fmt: skip
_ADDS = (operator.add, operator.iadd, torch.add, "add", "add_")
_IN_PLACE = (operator.iadd, operator.imul, "add_", "mul_")
_PRODUCTS = (operator.mul, operator.imul, torch.mul, "mul", "mul_")


def read_module(
    module: nn.Module | Callable[[], nn.Module], *, image: Shape, name: str = ""
) -> Architecture:
    """The architecture of a torch module.

    Args:
        module: The module, or a function that makes it; the function is called on the meta
            device, so that even a large network costs no memory.
        image: ``(C, H, W)`` of one image.
        name: What to call it; None: the module's class.

    Returns:
        The graph of its layers, with the module's own names.

    Raises:
        UsageError: Naming the layer or call that netwright has no word for.
    """
    if not isinstance(module, nn.Module):
        with torch.device("meta"):
            module = module()
    try:
        graph = fx.Tracer().trace(module)
    except Exception as err:
        raise UsageError(
            f"{type(module).__name__} cannot be traced by torch.fx, most likely for a branch "
            f"that depends on the data: {err}"
        ) from err
    return _Reader(module, graph, image, name or type(module).__name__).read()


class _Reader:
    def __init__(self, module: nn.Module, graph: fx.Graph, image: Shape, name: str) -> None:
        self.module, self.graph, self.image, self.name = module, graph, image, name
        self.draft = Draft(name, image)
        self.where: dict[fx.Node, str | int] = {}
        self.seen: set[str] = set()

    def read(self) -> Architecture:
        """Every node in order; the output must be one tensor."""
        for node in self.graph.nodes:
            if node.op == "placeholder":
                if self.where:
                    raise UsageError(f"{self.name} takes more than one tensor.")
                self.where[node] = 0
            elif node.op == "call_module":
                self._layer(node)
            elif node.op in ("call_function", "call_method"):
                self._call(node)
            elif node.op == "output":
                self._finish(node)
            else:
                raise UsageError(f"{self.name} reads {node.target!r} beside its layers.")
        block = self.draft.block()
        return chain(self.image, [("", block)], name=self.name)

    def _finish(self, node: fx.Node) -> None:
        end = node.args[0]
        if not isinstance(end, fx.Node):
            raise UsageError(f"{self.name} returns more than one tensor; it must return logits.")
        if len(self.draft.shape(self.where[end])) != 1:
            raise UsageError(f"{self.name} returns a map; it must return logits (B, classes).")
        if not self.draft.nodes or self.where[end] != self.draft.nodes[-1].name:
            self.draft.add("logits", ops.Identity(), self.where[end])

    def _alone(self, node: fx.Node, x: fx.Node) -> None:
        """Writing over what another layer reads has no place in a graph."""
        if len(x.users) > 1:
            raise UsageError(
                f"{self.name} writes {node.name} over {x.name}, which other layers read as well; "
                "make it not in place."
            )

    def _add(self, node: fx.Node, name: str, op: Op, inputs: list[fx.Node]) -> None:
        self.where[node] = self.draft.add(name, op, *(self.where[i] for i in inputs))

    def _layer(self, node: fx.Node) -> None:
        at = str(node.target)
        layer = self.module.get_submodule(at)
        inputs = [a for a in node.args if isinstance(a, fx.Node)]
        if at in self.seen and any(True for _ in layer.parameters()):
            raise UsageError(f"{self.name} calls {at} twice; a layer stands once in a graph.")
        name = f"{at}_{node.name}" if at in self.seen else at
        self.seen.add(at)
        if isinstance(layer, nn.Flatten):
            return self._flatten(node, inputs[0], layer.start_dim)
        if getattr(layer, "inplace", False):
            self._alone(node, inputs[0])
        self._add(node, name, _op_of(layer, f"{self.name}.{at}"), inputs)

    def _flatten(self, node: fx.Node, x: fx.Node, start: object) -> None:
        shape = self.draft.shape(self.where[x])
        if start != 1 or shape[1:] not in ((), (1, 1)):
            raise UsageError(
                f"{self.name} flattens a map of shape {shape}; pool it to one pixel first, as "
                "nn.AdaptiveAvgPool2d(1) does."
            )
        self._add(node, node.name, ops.GlobalPool() if len(shape) == 3 else ops.Identity(), [x])

    def _call(self, node: fx.Node) -> None:
        target: Any = node.target
        args = node.args
        inputs = [a for a in args if isinstance(a, fx.Node)]
        if target in _IN_PLACE or node.kwargs.get("inplace"):
            self._alone(node, inputs[0])
        whole = len(inputs) == len(args) == 2 and not node.kwargs
        if target in _FUNCTIONS:
            op: Op | None = ops.Activation(name=_FUNCTIONS[target])
        elif target in _ADDS and whole:
            op = ops.Add()
        elif target in _PRODUCTS and whole:
            op = ops.Multiply()
            if self._pixels(inputs[0]) < self._pixels(inputs[1]):
                inputs.reverse()
        elif target is torch.cat:
            op, inputs = _join(node, self.name)
        elif target in (torch.flatten, "flatten"):
            return self._flatten(node, inputs[0], node.kwargs.get("start_dim", (*args, 0)[1]))
        else:
            op = _pool_call(target, args, dict(node.kwargs))
        if op is None:
            raise UsageError(
                f"{self.name} calls {getattr(target, '__name__', target)}{tuple(args[1:])}, for "
                "which netwright has no operation. Write it with layers of torch.nn, or make the "
                "network of netwright.arch.blocks."
            )
        self._add(node, node.name, op, inputs)

    def _pixels(self, node: fx.Node) -> int:
        shape = self.draft.shape(self.where[node])
        return shape[1] * shape[2] if len(shape) == 3 else 1


def _join(node: fx.Node, name: str) -> tuple[Op, list[fx.Node]]:
    parts = node.args[0]
    dim = node.kwargs.get("dim", (*node.args, 0)[1])
    if dim != 1 or not isinstance(parts, list | tuple):
        raise UsageError(f"{name} joins tensors along dimension {dim}; only channels (1) can be.")
    return ops.Concat(), [p for p in parts if isinstance(p, fx.Node)]


def _pool_call(target: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Op | None:
    if target is F.adaptive_avg_pool2d and args[1] in (1, (1, 1)):
        return ops.GlobalPool(keep=True)
    if target in ("mean", torch.mean):
        dims = kwargs.get("dim", (*args, None)[1])
        if isinstance(dims, list | tuple) and sorted(d % 4 for d in dims) == [2, 3]:
            return ops.GlobalPool(keep=bool(kwargs.get("keepdim", (*args, None, False)[2])))
    return None


def _op_of(layer: nn.Module, at: str) -> Op:
    if type(layer) in _MODULES:
        return ops.Activation(name=_MODULES[type(layer)])
    match layer:
        case nn.GELU(approximate="none"):
            return ops.Activation(name="gelu")
        case nn.Conv2d(padding_mode="zeros"):
            return _conv(layer, at)
        case nn.Linear():
            return ops.Linear(out=layer.out_features, bias=layer.bias is not None)
        case nn.BatchNorm2d() | nn.BatchNorm1d() if layer.momentum and layer.track_running_stats:
            return ops.BatchNorm(eps=layer.eps, momentum=layer.momentum, affine=layer.affine)
        case nn.MaxPool2d(ceil_mode=False, dilation=1):
            return _pool("max", layer, at)
        case nn.AvgPool2d(ceil_mode=False, divisor_override=None):
            return _pool("avg", layer, at)
        case nn.AdaptiveAvgPool2d(output_size=(1 | (1, 1))):
            return ops.GlobalPool(keep=True)
        case nn.Dropout():
            return ops.Dropout(rate=layer.p)
        case nn.Identity():
            return ops.Identity()
    raise UsageError(
        f"{at} is {layer}, for which netwright has no operation. Write it with other layers of "
        "torch.nn, or make the network of netwright.arch.blocks."
    )


def _conv(layer: nn.Conv2d, at: str) -> Op:
    kernel = (layer.kernel_size[0], layer.kernel_size[1])
    stride = (layer.stride[0], layer.stride[1])
    if layer.dilation[0] != layer.dilation[1]:
        raise UsageError(f"{at} dilates {layer.dilation}; height and width must be alike.")
    return ops.Conv(
        out=layer.out_channels,
        kernel=kernel,
        stride=stride,
        padding=_padding(layer.padding, kernel, stride, layer.dilation[0], at),
        dilation=layer.dilation[0],
        groups=layer.groups,
        bias=layer.bias is not None,
    )


def _pool(mode: Literal["avg", "max"], layer: nn.MaxPool2d | nn.AvgPool2d, at: str) -> Op:
    kernel, stride = pair(layer.kernel_size), pair(layer.stride)
    padding = _padding(layer.padding, kernel, stride, 1, at)
    counted = padding != "valid" and isinstance(layer, nn.AvgPool2d) and layer.count_include_pad
    return ops.Pool(
        mode=mode, kernel=kernel, stride=stride, padding=padding, count_include_pad=counted
    )


def _padding(
    given: Any, kernel: tuple[int, int], stride: tuple[int, int], dilation: int, at: str
) -> Padding:
    """Our word for a padding; only the usual half a kernel, or none, has one."""
    usual = tuple(
        window(1, k, s, "symmetric", dilation)[1] for k, s in zip(kernel, stride, strict=True)
    )
    if given == "valid" or (given != "same" and pair(given) == (0, 0)):
        return "valid" if usual != (0, 0) else "symmetric"
    if given == "same" and all(k % 2 for k in kernel):
        return "symmetric"
    if given != "same" and pair(given) == usual:
        return "symmetric"
    raise UsageError(f"{at} pads by {given} around kernel {kernel}; {usual} or none can be read.")
