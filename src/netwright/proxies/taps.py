"""Taps: a batch's weight gradients taken apart by image, layer by layer, while they are computed.

A layer's weight gradient is a sum over images of what the image's input and the gradient at its
output make.  Both pass by in one forward and one backward pass of the whole batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn.modules.batchnorm import _NormBase

from netwright.proxies.borrow import View, listening, wide
from netwright.proxies.structure import ordered

Take = Callable[[int, dict[str, Tensor]], None]
"""From the number of the first image, and gradients (images, *weight) by layer name."""

Pair = Callable[[Tensor], None]
"""From products (B, B) of one layer's gradients of every two images."""

_Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Call:
    layer: str
    node: Node
    """Where the call stands in autograd's graph."""


class Taps:
    """The layers' calls in one forward pass of a batch.

    Args:
        view: The network.
        images: (B, C, H, W), asking for a gradient.
    """

    def __init__(self, view: View, images: Tensor) -> None:
        self.view, self.images = view, images
        self.name_of = {view.module.get_submodule(name): name for name in view.layers}
        self.calls: list[_Call] = []
        self.sound = all(map(_plain, self.name_of)) and not any(map(_mixes, view.module.modules()))
        self.several: Counter[str] = Counter()
        self.sums: dict[str, Tensor] = {}
        self.take: Take | None = None
        self.pair: Pair | None = None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Note the calls of a forward pass that runs inside the block."""
        with listening(self.name_of, self._note):
            yield

    def _note(self, layer: nn.Module, inputs: tuple[object, ...], result: object) -> None:
        given = inputs[0] if inputs else None
        if not isinstance(given, Tensor) or not isinstance(result, Tensor):
            self.sound = False
            return
        if result.grad_fn is None:
            return
        if given.dim() < 2 or given.shape[0] != len(self.images):
            self.sound = False
            return
        name, value = self.name_of[layer], given.detach()
        self.calls.append(_Call(layer=name, node=result.grad_fn))
        result.register_hook(lambda grad: self._split(name, layer, value, grad))  # type: ignore[no-untyped-call]

    def cover(self, scores: Tensor) -> bool:
        """Whether every use of every weight was noted, so that nothing would be missed.

        Args:
            scores: What the forward pass returned.
        """
        order = ordered(scores.grad_fn)
        uses: Counter[int] = Counter()
        moved: set[Node] = set()
        for node in order:
            for below, _ in node.next_functions:
                leaf = getattr(below, "variable", None)
                uses[id(leaf)] += leaf is not None
                if leaf is self.images or below in moved:
                    moved.add(node)
        reached = set(order)
        live = [call for call in self.calls if call.node in reached]
        self.several = Counter(call.layer for call in live)
        return (
            self.sound
            and all(call.node in moved for call in live)
            and all(uses[id(w)] == self.several[name] for name, w in self.view.layers.items())
        )

    def split(self, value: Tensor, take: Take, *, keep: bool, pair: Pair | None = None) -> None:
        """Differentiate a sum over images, and hand over its gradients by image.

        Args:
            value: A scalar made from the forward pass.
            take: Called once per layer, with all images.
            keep: Whether another backward pass will go through the same graph.
            pair: Called instead for a layer whose products are cheaper than its gradients.
        """
        self.take, self.pair, self.sums = take, pair, {}
        try:
            if value.requires_grad:
                torch.autograd.grad(value, self.images, allow_unused=True, retain_graph=keep)
            for name in list(self.sums):
                take(0, {name: self.sums.pop(name)})
        finally:
            self.take = self.pair = None

    def _split(self, name: str, layer: nn.Module, given: Tensor, grad: Tensor) -> None:
        if self.take is None:
            return
        with torch.no_grad():
            once = self.several[name] == 1
            if once and self.pair is not None:
                products = paired(layer, given, grad, self.view.layers[name])
                if products is not None:
                    self.pair(products)
                    return
            grads = by_image(layer, given, grad, self.view.layers[name])
            if once:
                self.take(0, {name: grads})
            else:
                self.sums[name] = self.sums[name] + grads if name in self.sums else grads


def by_image(layer: nn.Module, given: Tensor, grad: Tensor, weight: Tensor) -> Tensor:
    """A layer's weight gradient image by image, (B, *weight).

    Args:
        layer: A convolution or linear layer.
        given: Its input, the batch first.
        grad: The gradient at its output.
        weight: Its weight.
    """
    places = _places(layer, given, grad, weight)
    if places is not None:
        given, grad = places
        return (grad.transpose(1, 2) @ given).reshape(len(grad), *weight.shape)
    layer = cast(_Convolution, layer)
    if layer.groups == weight.shape[0] == given.shape[1]:  # depthwise: an image is more channels
        grad, given = (t.contiguous().flatten(0, 1)[None] for t in (grad, given))
        many = weight.repeat(grad.shape[1] // len(weight), *[1] * (weight.dim() - 1))
        return _to_weight(layer, given, grad, many).reshape(-1, *weight.shape)
    pairs = zip(torch.split(given, 1), torch.split(grad, 1), strict=True)
    return torch.stack([_to_weight(layer, x, g, weight) for x, g in pairs])


def paired(layer: nn.Module, given: Tensor, grad: Tensor, weight: Tensor) -> Tensor | None:
    """Products (B, B) of a layer's weight gradients of every two images, if that is cheaper so.

    A gradient that is a sum over places of (output) x (input) needs not be written out: a product
    of two sums over all pairs of places the products of their factors.  That pays where
    a wide layer has few places.

    Args:
        layer: A convolution or linear layer.
        given: Its input, the batch first.
        grad: The gradient at its output.
        weight: Its weight.
    """
    places = _places(layer, given, grad, weight)
    if places is None:
        return None
    images, count, wide_in = places[0].shape
    wide_out = places[1].shape[2]
    if count**2 * (wide_in + wide_out) > wide_in * wide_out:
        return None
    x, g = (t.flatten(0, 1).to(wide(t.device)) for t in places)
    return ((x @ x.T) * (g @ g.T)).view(images, count, images, count).sum((1, 3))


def _places(
    layer: nn.Module, given: Tensor, grad: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor] | None:
    """Inputs (B, places, C_in) and output gradients (B, places, C_out) that meet at one place.

    None where a weight is used on more than one place for one place of the output.
    """
    if not isinstance(layer, _CONVOLUTIONS):
        rows = (t.reshape(len(t), -1, t.shape[-1]) for t in (given, grad))
        return next(rows), next(rows)
    if weight[0, 0].numel() != 1 or layer.groups != 1 or any(layer.padding):
        return None
    steps = (slice(None), slice(None), *(slice(None, None, s) for s in layer.stride))
    return given[steps].flatten(2).transpose(1, 2), grad.flatten(2).transpose(1, 2)


def _to_weight(layer: _Convolution, given: Tensor, grad: Tensor, weight: Tensor) -> Tensor:
    """A convolution's weight gradient, for this weight in place of its own."""
    found: Tensor = torch.ops.aten.convolution_backward(
        grad,
        given,
        weight,
        None,
        layer.stride,
        layer.padding,
        layer.dilation,
        False,
        [0] * len(layer.stride),
        len(weight) * layer.groups // layer.out_channels,
        [False, True, False],
    )[1]
    return found


def _plain(layer: nn.Module) -> bool:
    """Whether a layer does what its class says, and so ``by_image`` can redo it."""
    if layer._forward_hooks or layer._forward_pre_hooks:
        return False
    if isinstance(layer, _CONVOLUTIONS):
        kind = next(kind for kind in _CONVOLUTIONS if isinstance(layer, kind))
        own = (
            type(layer).forward is kind.forward and type(layer)._conv_forward is kind._conv_forward
        )
        return own and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return type(layer).forward is nn.Linear.forward


def _mixes(module: nn.Module) -> bool:
    """Whether a normalisation has no stored statistics, so that images would see each other."""
    return isinstance(module, _NormBase) and module.running_mean is None
