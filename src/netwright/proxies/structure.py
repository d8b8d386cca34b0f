"""What a network looks like without weights: traced on the meta device, where nothing is computed.

A layer is live if the output depends on its weight: its leaf is reachable from the output in
autograd's graph.  Branches that are computed and then dropped, layers that are never called, and
branches multiplied by a literal zero (the ``none`` edges of cell spaces) are not reachable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn import functional as F  # noqa: N812 (torch's own spelling)
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from netwright.arch.maxent import Layer
from netwright.proxies.borrow import View, borrowed, image_shape, listening, output
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sharing import Circle, Scene

_aten = torch.ops.aten
_COUNTED = (_aten.convolution, _aten._convolution, _aten.addmm, _aten.mm)
_TIMES = frozenset({torch.mul, torch.multiply, Tensor.mul, Tensor.__mul__, Tensor.__rmul__})
_LAYER_NODES = frozenset(
    {"ConvolutionBackward0", "AddmmBackward0", "MmBackward0", "LinearBackward0"}
)


class _Shapes(TorchFunctionMode):
    """A product with a literal zero depends on nothing; a batch norm keeps the shape.

    On the meta device torch takes a batch norm apart in Python, which is most of a trace's time.
    """

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        if func is F.batch_norm and args and isinstance(args[0], Tensor):
            return args[0].clone()
        result = func(*args, **(kwargs or {}))
        if func in _TIMES and isinstance(result, Tensor):
            operands = (*args, *(kwargs or {}).values())
            if any(isinstance(x, int | float) and x == 0 for x in operands):
                return result.detach()
        return result


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the multiply-adds of convolutions and matrix products."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.macs = 0

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in _COUNTED:
            count = flop_registry[func.overloadpacket]
            self.macs += int(count(*args, **(kwargs or {}), out_val=result)) // 2
        return result


@contextmanager
def sketched(module: nn.Module, shape: tuple[int, int, int]) -> Iterator[tuple[View, Tensor]]:
    """The network on the meta device, and one image for it; neither takes memory or time.

    Args:
        module: Any network whose control flow does not depend on pixel values.
        shape: Channels, height and width of the image.
    """
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    blank = {name: torch.empty_like(t, device="meta") for name, t in tensors.items()}
    dtype = next((t.dtype for t in blank.values() if t.is_floating_point()), torch.float32)
    with (
        borrowed(module, batch_statistics=False, replace=blank) as view,
        torch.device("meta"),
    ):
        yield view, torch.empty((1, *shape), dtype=dtype)


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """What one traced pass tells."""

    macs: int
    """Multiply-adds of one image in convolutions and linear layers."""
    live: dict[str, int]
    """Number of weights of every convolution and linear layer that the output depends on."""
    longest: int
    """Most convolutions and linear layers met on one path from the image to the output."""
    sizes: dict[str, tuple[int, int]]
    """Positions and channels of every layer's output for one image, by the layer's name."""
    layers: tuple[Layer, ...]
    """Calls of live layers on maps of more than one position, in order."""


def sketch(module: nn.Module, shape: tuple[int, int, int]) -> Sketch:
    """Trace one image through the network.

    Args:
        module: Any network whose control flow does not depend on pixel values.
        shape: Channels, height and width of one image.
    """
    sizes: dict[str, tuple[int, int]] = {}
    calls: dict[Node, Layer] = {}
    counter = _Counter()
    with sketched(module, shape) as (view, image):
        name_of = {module.get_submodule(name): name for name in view.layers}

        def watch(layer: nn.Module, _: object, result: object) -> None:
            if isinstance(result, Tensor):
                name = name_of[layer]
                axis = result.dim() - 1 if isinstance(layer, nn.Linear) else 1
                channels = result.shape[axis]
                sizes[name] = result[0].numel() // channels, channels
                if result.grad_fn is not None and sizes[name][0] > 1:
                    called = f"{name} {len(calls)}" if calls else name
                    calls[result.grad_fn] = _layer(layer, called, view.layers[name], *sizes[name])

        with _Shapes(), listening(name_of, watch), counter:
            root = output(view, image).grad_fn
    order = ordered(root)
    reached = {id(getattr(node, "variable", None)) for node in order}
    length: dict[Node | None, int] = {}
    for node in order:
        below = max((length[n] for n, _ in node.next_functions if n is not None), default=0)
        length[node] = below + (node.name() in _LAYER_NODES)
    return Sketch(
        macs=counter.macs,
        live={name: w.numel() for name, w in view.layers.items() if id(w) in reached},
        longest=length.get(root, 0),
        sizes=sizes,
        layers=_linked(order, calls),
    )


def _layer(layer: nn.Module, name: str, weight: Tensor, positions: int, channels: int) -> Layer:
    groups = layer.groups if isinstance(layer, _ConvNd) else 1
    return Layer(
        name=name,
        inputs=layer.in_channels if isinstance(layer, _ConvNd) else weight.shape[1],
        groups=groups,
        kernel=weight[0, 0].numel(),
        channels=channels,
        positions=positions,
        before=(),
    )


def _linked(order: Sequence[Node], calls: Mapping[Node, Layer]) -> tuple[Layer, ...]:
    """The calls that are in autograd's graph, each with the calls right before it."""
    made_of: dict[Node, tuple[str, ...]] = {}
    linked: dict[str, Layer] = {}
    for node in order:
        below = (name for n, _ in node.next_functions if n is not None for name in made_of[n])
        made_of[node] = before = tuple(dict.fromkeys(below))
        if node in calls:
            linked[calls[node].name] = replace(calls[node], before=before)
            made_of[node] = (calls[node].name,)
    return tuple(linked[layer.name] for layer in calls.values() if layer.name in linked)


def shared_sketch(scene: Scene) -> Sketch:
    """The sketch of a scene's network, made once for all who read it."""
    shape = image_shape(scene.batches)
    return scene.once("sketch", lambda: sketch(scene.module, shape))


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A proxy that is read off the sketch."""

    value: Callable[[], float]


def of_layers(scene: Scene, count: Callable[[Sequence[Layer]], float]) -> Reader:
    """A proxy that is a function of the live layers on maps; it fails where there are none."""

    def value() -> float:
        layers = shared_sketch(scene).layers
        if not layers:
            raise ScoreFailed("no convolution of a map reaches the output")
        return count(layers)

    return Reader(value=value)


def read(circle: Circle[Reader], scene: Scene) -> None:
    """Trace the network, for all readers."""
    with circle.part(circle.who(bool)):
        shared_sketch(scene)


def ordered(root: Node | None) -> list[Node]:
    """Every node below the root, each after those it depends on."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [] if root is None else [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((n, False) for n, _ in node.next_functions if n is not None)
    return order
