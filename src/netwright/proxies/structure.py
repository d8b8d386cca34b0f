"""What a network looks like without weights: traced on the meta device, where nothing is computed.

A layer is live if the output depends on its weight: its leaf is reachable from the output in
autograd's graph.  Branches that are computed and then dropped, layers that are never called, and
branches multiplied by a literal zero (the ``none`` edges of cell spaces) are not reachable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.overrides import TorchFunctionMode

from netwright.proxies.borrow import View, borrowed, output

_TIMES = frozenset({torch.mul, torch.multiply, Tensor.mul, Tensor.__mul__, Tensor.__rmul__})
_LAYER_NODES = frozenset(
    {"ConvolutionBackward0", "AddmmBackward0", "MmBackward0", "LinearBackward0"}
)


class _CutZeros(TorchFunctionMode):
    """A product with a literal zero depends on nothing."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        result = func(*args, **(kwargs or {}))
        if func in _TIMES and isinstance(result, Tensor):
            operands = (*args, *(kwargs or {}).values())
            if any(isinstance(x, int | float) and x == 0 for x in operands):
                return result.detach()
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


def live_layers(module: nn.Module, shape: tuple[int, int, int]) -> dict[str, int]:
    """Number of weights of every convolution and linear layer that the output depends on.

    Args:
        module: Any network.
        shape: Channels, height and width of one image.
    """
    with sketched(module, shape) as (view, image), _CutZeros():
        root = output(view, image).grad_fn
        reached = {id(getattr(node, "variable", None)) for node in _ordered(root)}
    return {name: w.numel() for name, w in view.layers.items() if id(w) in reached}


def longest_chain(module: nn.Module, shape: tuple[int, int, int]) -> int:
    """Most convolutions and linear layers met on one path from the image to the output.

    Args:
        module: Any network.
        shape: Channels, height and width of one image.
    """
    with sketched(module, shape) as (view, image), _CutZeros():
        root = output(view, image).grad_fn
        length: dict[Node | None, int] = {}
        for node in _ordered(root):
            below = max((length[n] for n, _ in node.next_functions if n is not None), default=0)
            length[node] = below + (node.name() in _LAYER_NODES)
    return length.get(root, 0)


def _ordered(root: Node | None) -> list[Node]:
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
