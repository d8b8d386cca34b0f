"""The batch pass: the network as it is, run on the batches, watched by all who need no other run.

One forward pass of the first batch serves activations, feature maps, logits and both backward
passes: of the summed logits to the images, and of the loss to the weights.  Readers see tensors
as they come and keep what they make of them, so that a pass with many readers takes little more
memory than one with the greediest of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netwright.proxies.activations import watching
from netwright.proxies.again import formulas, rewritten
from netwright.proxies.borrow import (
    Batch,
    View,
    as_logits,
    borrowed,
    buffers,
    cross_entropy,
    listening,
    logits,
    loss,
    output,
    placed,
    require_layers,
    to_weights,
)
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sharing import Circle, Scene, alone


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What a proxy sees of the batch pass; what no reader asks for is not computed."""

    value: Callable[[], float]
    units: Callable[[Tensor], None] | None = None
    """Pre-activations (B, units) of every ReLU-like call, in order."""
    maps: Callable[[Tensor], None] | None = None
    """Output (B, C, H, W) of every innermost module that is no identity, in order."""
    output: Callable[[Tensor], None] | None = None
    """What the network returns for the first images."""
    jacobian: Callable[[Tensor, int], None] | None = None
    """Gradients (B, C, H, W) of the summed logits at the images, and the number of classes."""
    saliency: Callable[[nn.Module, Tensor, Tensor], None] | None = None
    """A layer, its output, and the gradient of the loss in that output."""
    gradients: Callable[[dict[str, Tensor], dict[str, Tensor]], None] | None = None
    """Gradients of the loss, and weights, by layer name; layers that get none are left out."""
    every_batch: bool = False
    """Whether ``gradients`` is called for every batch, not for the first alone."""
    again: Callable[[dict[str, Tensor], dict[str, Tensor]], None] | None = None
    """The same of the first batch, as gradients that can be differentiated in turn."""


def read(circle: Circle[Reader], scene: Scene) -> None:
    """Run the pass.

    Args:
        circle: Who watches.
        scene: Any network, which comes back as it was, and at least one batch.

    Raises:
        UsageError: Where a reader needs logits or classes that the network does not have.
    """
    with borrowed(scene.module, settle=True) as view:
        _first(circle, view, scene)
        for images, labels in scene.batches[1:]:
            names = circle.who(lambda r: r.gradients and r.every_batch)
            if names:
                with circle.part(names):
                    value = cross_entropy(logits(view, images), labels)
                    _weights(circle, names, view, value)


def read_alone(
    make: Callable[[Scene], Reader],
    module: nn.Module,
    batches: Sequence[Batch],
    *,
    seed: int = 0,
) -> float:
    """The value of the pass's only reader; arguments and failures as for ``sharing.alone``."""
    return alone(read, make, module, batches, seed=seed)


def _first(circle: Circle[Reader], view: View, scene: Scene) -> None:
    """The first batch: a forward pass, and the backward passes that are wanted."""
    batch = scene.batches[0]
    to_images = circle.who(lambda r: r.jacobian)
    learners = circle.who(_learns)
    with circle.part(learners):
        if learners:
            require_layers(view)
    images = placed(view, batch[0]).requires_grad_(bool(to_images))
    saliency = _Saliency(circle)
    with circle.part(circle.who(bool)):
        differentiate = bool(to_images or circle.who(_learns))
        with _watched(circle, view, len(images), saliency), torch.set_grad_enabled(differentiate):
            result = output(view, images)
    if not circle.who(bool):
        return
    scene.once("settled", lambda: buffers(view))
    circle.tell(circle.who(lambda r: r.output), lambda r: r.output and r.output(result.detach()))
    learners = circle.who(_learns)
    if to_images:
        with circle.part(to_images):
            _to_images(circle, as_logits(result, images), images, keep=bool(learners))
    if learners:
        with circle.part(learners):
            value = cross_entropy(as_logits(result, images), batch[1])
            del result
            _to_weights(circle, view, value, batch, saliency)


def _to_weights(
    circle: Circle[Reader], view: View, value: Tensor, batch: Batch, saliency: _Saliency
) -> None:
    """One backward pass for gradients, and for those that go on if that changes no one's."""
    once, again = circle.who(lambda r: r.gradients or r.saliency), circle.who(lambda r: r.again)
    known = formulas(value.grad_fn) if again else "unknown"
    grads: dict[str, Tensor] = {}
    if once:
        with circle.part([*once, *again] if known == "one" else once), saliency.heard():
            grads = to_weights(view, value, keep=known == "two", again=known == "one")
            plain = {name: g.detach() for name, g in grads.items()}
            circle.tell(once, lambda r: r.gradients and r.gradients(plain, view.layers))
            del plain
    if again:
        with circle.part(again), rewritten():
            if known == "unknown":
                value = loss(view, batch)
            if known != "one" or not once:
                grads = to_weights(view, value, again=True)
            circle.tell(again, lambda r: r.again and r.again(grads, view.layers))


def _learns(reader: Reader) -> bool:
    return any(f is not None for f in (reader.gradients, reader.saliency, reader.again))


def _to_images(circle: Circle[Reader], scores: Tensor, images: Tensor, *, keep: bool) -> None:
    grad = None
    if not bool(torch.isfinite(scores.detach()).all()):
        raise ScoreFailed("the network's output is not finite")
    if scores.requires_grad:
        summed = scores.sum()
        (grad,) = torch.autograd.grad(summed, images, allow_unused=True, retain_graph=keep)
    if grad is None:
        raise ScoreFailed("the output does not depend on the image")
    rows, classes = grad, scores.shape[1]
    names = circle.who(lambda r: r.jacobian)
    circle.tell(names, lambda r: r.jacobian and r.jacobian(rows, classes))


def _weights(circle: Circle[Reader], names: Sequence[str], view: View, value: Tensor) -> None:
    grads = to_weights(view, value)
    circle.tell(names, lambda r: r.gradients and r.gradients(grads, view.layers))


@contextmanager
def _watched(
    circle: Circle[Reader], view: View, images: int, saliency: _Saliency
) -> Iterator[None]:
    """Listen at the points of a forward pass that some reader asks for."""
    units, maps = circle.who(lambda r: r.units), circle.who(lambda r: r.maps)

    def see_map(sub: nn.Module, inputs: tuple[object, ...], result: object) -> None:
        if not isinstance(result, Tensor) or result.dim() != 4:
            return
        if inputs and result is inputs[0] and not getattr(sub, "inplace", False):
            return  # an identity: the map was seen where it was made
        made = result.detach()
        circle.tell(maps, lambda r: r.maps and r.maps(made))

    with ExitStack() as stack:
        if maps:
            innermost = [m for m in view.module.modules() if next(m.children(), None) is None]
            stack.enter_context(listening(innermost, see_map))
        if circle.who(lambda r: r.saliency):
            layers = [view.module.get_submodule(name) for name in view.layers]
            stack.enter_context(listening(layers, saliency.watch))
        if units:
            tell = circle.tell
            stack.enter_context(
                watching(images, lambda x: tell(units, lambda r: r.units and r.units(x)))
            )
        yield


class _Saliency:
    """Hands over layers' outputs with their gradients, while the loss is differentiated."""

    def __init__(self, circle: Circle[Reader]) -> None:
        self.circle = circle
        self.on = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hand over inside this block alone: other backward passes go through the same graph."""
        self.on = True
        try:
            yield
        finally:
            self.on = False

    def watch(self, layer: nn.Module, _: object, result: object) -> None:
        """A forward hook for a layer."""
        if not isinstance(result, Tensor) or not result.requires_grad:
            return
        value = result.detach().clone()  # an activation may overwrite it in place

        def take(grad: Tensor) -> None:
            if self.on:
                names = self.circle.who(lambda r: r.saliency)
                self.circle.tell(names, lambda r: r.saliency and r.saliency(layer, value, grad))

        result.register_hook(take)  # type: ignore[no-untyped-call]
