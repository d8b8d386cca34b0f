"""The noise pass: N(0, 1) images through N(0, 1) weights, as the proxies of ZenNAS have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from netwright.proxies.borrow import (
    View,
    as_logits,
    borrowed,
    cross_entropy,
    image_shape,
    listening,
    output,
)
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.features import last_features, watched
from netwright.proxies.normal import normal_init, normal_like
from netwright.proxies.sharing import Circle, Scene
from netwright.rng import derive

_SHIFT = 0.01


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What a proxy sees of the noise pass; what no reader asks for is not computed."""

    value: Callable[[], float]
    normalised: Callable[[Tensor], None] | None = None
    """Input of every batch normalisation, in order."""
    features: Callable[[Tensor, Tensor], None] | None = None
    """The last feature maps before pooling, of images x and of x + 0.01 e, for noise e."""
    gradients: Callable[[Sequence[Tensor]], None] | None = None
    """Gradients of the loss under random labels, of all parameters that get one."""


def read(circle: Circle[Reader], scene: Scene) -> None:
    """Run the pass.

    Args:
        circle: Who watches.
        scene: Any network, whose values are not read; of the batches, only the first images'
            shape (B, C, H, W) is.

    Raises:
        UsageError: Where a reader needs logits that the network does not have.
    """
    like, seed = scene.batches[0][0], scene.seed
    shape = (len(like), *image_shape(scene.batches))
    with borrowed(scene.module, replace=normal_init(scene.module, seed=seed)) as view:
        images = normal_like(like, shape, seed=derive(seed, "x"))
        here: list[Tensor] = []
        with circle.part(circle.who(bool)):
            graph = bool(circle.who(lambda r: r.gradients))
            result = _forward(circle, view, images, into=here, graph=graph)
        if not circle.who(bool):
            return
        movers, learners = circle.who(lambda r: r.features), circle.who(lambda r: r.gradients)
        if learners:
            with circle.part(learners):
                grads = _to_parameters(view, as_logits(result, images), seed=seed)
                circle.tell(learners, lambda r: r.gradients and r.gradients(grads))
                del grads
        del result
        if movers:
            with circle.part(movers):
                moved = images + _SHIFT * normal_like(like, shape, seed=derive(seed, "e"))
                there = last_features(view, moved)
                circle.tell(movers, lambda r: r.features and r.features(here[0], there))


def _forward(
    circle: Circle[Reader], view: View, images: Tensor, *, into: list[Tensor], graph: bool
) -> Tensor:
    """The network's output; the last feature map goes ``into`` a list if a reader wants it."""
    norms = [m for m in view.module.modules() if isinstance(m, _BatchNorm)]
    names = circle.who(lambda r: r.normalised)
    movers = circle.who(lambda r: r.features)

    def watch(_: nn.Module, inputs: tuple[object, ...], __: object) -> None:
        given = inputs[0]
        if isinstance(given, Tensor):
            circle.tell(names, lambda r: r.normalised and r.normalised(given))

    with ExitStack() as stack:
        stack.enter_context(torch.set_grad_enabled(graph))
        if names:
            stack.enter_context(listening(norms, watch))
        pools = stack.enter_context(watched()) if movers else None
        result = output(view, images)
    if pools is not None:
        with circle.part(movers):
            into.append(pools.last())
    return result


def _to_parameters(view: View, scores: Tensor, *, seed: int) -> list[Tensor]:
    draw = torch.Generator().manual_seed(derive(seed, "labels"))
    labels = torch.randint(scores.shape[1], (len(scores),), generator=draw)
    leaves = [t for t in view.tensors.values() if t.requires_grad]
    if not leaves:
        raise ScoreFailed("the network has no parameter")
    value = cross_entropy(scores, labels)
    if not value.requires_grad:
        return []
    grads = torch.autograd.grad(value, leaves, allow_unused=True)
    return [g for g in grads if g is not None]
