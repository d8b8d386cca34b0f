"""Gradients image by image, with normalisation held at the batch's statistics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from netwright.proxies.borrow import borrowed, logits, output, require_layers, to_weights
from netwright.proxies.sharing import Circle, Scene


def settled(module: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Buffers by name, with running statistics equal to those of one batch.

    With them as stored statistics an image's output depends on no other image, and yet maps are
    normalised, which the fresh statistics 0 and 1 would not do.

    Args:
        module: Any network; its own buffers are not written.
        images: (B, C, H, W).
    """
    norms = [(m, m.momentum) for m in module.modules() if isinstance(m, _NormBase)]
    names = [name for name, _ in module.named_buffers()]
    try:
        for sub, _ in norms:
            sub.momentum = 1.0
        with borrowed(module) as view, torch.no_grad():
            output(view, images)
            return {name: view.tensors[name] for name in names}
    finally:
        for sub, momentum in norms:
            sub.momentum = momentum


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What a proxy asks of every image."""

    value: Callable[[], float]
    objective: Callable[[Tensor, int], Tensor]
    """From logits (1, classes) and the image's index to the scalar to differentiate."""
    take: Callable[[dict[str, Tensor]], None]
    """Called once per image with the gradients by layer name."""


def read(circle: Circle[Reader], scene: Scene) -> None:
    """Hand over the gradients by layer name of one image after the other.

    One image at a time takes the memory of one image, and needs no rule for batching the
    network's operations.

    Args:
        circle: Who asks; an image's forward pass serves all, then each has its backward pass.
        scene: Any network; the first batch's images are taken.

    Raises:
        UsageError: Where the network returns no logits.
    """
    images = scene.batches[0][0]
    with circle.part(circle.who(bool)):
        statistics = settled(scene.module, images)
        with borrowed(scene.module, batch_statistics=False, replace=statistics) as view:
            require_layers(view)
            for i in range(len(images)):
                names = circle.who(bool)
                if not names:
                    return
                scores = logits(view, images[i : i + 1])
                for name in names:
                    with circle.part([name]):
                        value = circle.readers[name].objective(scores, i)
                        grads = to_weights(view, value, keep=name != names[-1])
                        circle.tell([name], partial(_take, grads))


def _take(grads: dict[str, Tensor], reader: Reader) -> None:
    reader.take(grads)
