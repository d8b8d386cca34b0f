"""Gradients image by image, with normalisation held at the batch's statistics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from netwright.proxies.borrow import (
    View,
    borrowed,
    buffers,
    logits,
    output,
    placed,
    require_layers,
    to_weights,
)
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sharing import Circle, Scene
from netwright.proxies.taps import Pair, Take, Taps


def settled(module: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Buffers by name, with running statistics equal to those of one batch.

    With them as stored statistics an image's output depends on no other image, and yet maps are
    normalised, which the fresh statistics 0 and 1 would not do.

    Args:
        module: Any network; its own buffers are not written.
        images: (B, C, H, W).
    """
    with borrowed(module, settle=True) as view, torch.no_grad():
        output(view, images)
        return buffers(view)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What a proxy asks of every image."""

    value: Callable[[], float]
    objective: Callable[[Tensor, int], Tensor]
    """From logits (1, classes) and the image's index to the scalar to differentiate."""
    take: Take
    """Called with the number of an image, and its and later images' gradients by layer name."""
    pair: Pair | None = None
    """Called instead, for some layers, with products (B, B) of every two images' gradients."""


def read(circle: Circle[Reader], scene: Scene) -> None:
    """Hand over the gradients of every image, by layer name.

    The statistics are those of the batch pass, if there was one.  One forward pass serves all,
    and each reader has its backward pass, from which the gradients are taken apart (``taps.py``).
    Where a weight is used in a way that cannot be taken apart, the images are run one after the
    other.

    Args:
        circle: Who asks.
        scene: Any network; the first batch's images are taken.

    Raises:
        UsageError: Where the network returns no logits.
    """
    images = scene.batches[0][0]
    with circle.part(circle.who(bool)):
        statistics = scene.once("settled", lambda: settled(scene.module, images))
        with borrowed(scene.module, batch_statistics=False, replace=statistics) as view:
            require_layers(view)
            if not _at_once(circle, view, images):
                _one_by_one(circle, view, images)


def _at_once(circle: Circle[Reader], view: View, images: Tensor) -> bool:
    """Run all images at once, if their gradients can be taken apart."""
    inputs = placed(view, images).requires_grad_()
    taps = Taps(view, inputs)
    if not taps.sound:
        return False
    with taps.open():
        scores = _finite(logits(view, inputs))
    if not taps.cover(scores):
        return False
    names = circle.who(bool)
    for name in names:
        with circle.part([name]):
            objective = circle.readers[name].objective
            terms = [objective(scores[i : i + 1], i) for i in range(len(images))]
            take = partial(_hand, circle, name)
            pair = None if circle.readers[name].pair is None else partial(_pair, circle, name)
            taps.split(torch.stack(terms).sum(), take, keep=name != names[-1], pair=pair)
    return True


def _one_by_one(circle: Circle[Reader], view: View, images: Tensor) -> None:
    for i in range(len(images)):
        names = circle.who(bool)
        if not names:
            return
        scores = _finite(logits(view, images[i : i + 1]))
        for name in names:
            with circle.part([name]):
                value = circle.readers[name].objective(scores, i)
                grads = to_weights(view, value, keep=name != names[-1])
                _hand(circle, name, i, {layer: g[None] for layer, g in grads.items()})


def _finite(scores: Tensor) -> Tensor:
    """The logits; gradients of the last layer may be numbers where these are none."""
    if not bool(torch.isfinite(scores.detach()).all()):
        raise ScoreFailed("the network's output is not finite")
    return scores


def _pair(circle: Circle[Reader], name: str, products: Tensor) -> None:
    circle.tell([name], lambda reader: reader.pair and reader.pair(products))


def _hand(circle: Circle[Reader], name: str, first: int, grads: dict[str, Tensor]) -> None:
    circle.tell([name], lambda reader: reader.take(first, grads))
