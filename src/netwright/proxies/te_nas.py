"""TE-NAS: trainable by the tangent kernel, expressive by linear regions (Chen et al., 2021)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from netwright.proxies.activations import watching
from netwright.proxies.borrow import Batch, borrowed, image_shape, output, require_batches, wide
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.normal import normal_like
from netwright.proxies.per_sample import Reader, read
from netwright.proxies.sharing import Scene, alone
from netwright.rng import derive

_AT_ONCE = 32
_WEIGHTS_AT_ONCE = 2**15


def ntk_condition(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Condition number of the neural tangent kernel of a batch; lower is better.

    Entry (i, j) is the product of the gradients of two images' summed logits in the weights of
    convolutions and linear layers.  Normalisation is held at the batch's statistics, so that an
    image's gradient is its own.

    Chen et al., "Neural Architecture Search on ImageNet in Four GPU Hours: A Theoretically
    Inspired Perspective", ICLR 2021, arXiv 2102.11535.

    Args:
        module: Freshly initialised network.
        batches: Only the first images (B, C, H, W) are read.

    Raises:
        ScoreFailed: Where the kernel is singular or not finite.
    """
    require_batches(batches, 1, "ntk_condition")
    return alone(read, ntk_reader, module, batches)


def ntk_reader(scene: Scene) -> Reader:
    """The kernel as a reader of the gradients image by image; a layer's are kept till complete."""
    images = len(scene.batches[0][0])
    kernel = torch.zeros(images, images, dtype=torch.float64)
    rows: dict[str, list[tuple[int, Tensor]]] = {}

    def add(parts: list[tuple[int, Tensor]]) -> None:
        grads_nw = parts[0][1]
        if len(grads_nw) < images:
            grads_nw = grads_nw.new_zeros(images, grads_nw.shape[1])
            for first, part in parts:
                grads_nw[first : first + len(part)] = part
        for block in torch.split(grads_nw, _WEIGHTS_AT_ONCE, dim=1):
            rows_nw = block.to(wide(block.device))
            kernel.add_((rows_nw @ rows_nw.T).cpu())

    def pair(products: Tensor) -> None:
        kernel.add_(products.to("cpu", torch.float64))

    def take(first: int, grads: dict[str, Tensor]) -> None:
        for name, grad in grads.items():
            parts = rows.setdefault(name, [])
            parts.append((first, grad.flatten(1)))
            if sum(len(part) for _, part in parts) == images:
                add(rows.pop(name))

    def value() -> float:
        for parts in rows.values():  # some images did not use the layer
            add(parts)
        rows.clear()
        if not bool(torch.isfinite(kernel).all()):
            raise ScoreFailed("a gradient is not finite")
        values = torch.linalg.eigvalsh(kernel)
        if values[0] <= values[-1] * images * torch.finfo(torch.float32).eps:
            raise ScoreFailed("the tangent kernel is singular: gradients of images are dependent")
        return float(values[-1] / values[0])

    return Reader(value=value, objective=lambda scores, _: scores.sum(), take=take, pair=pair)


def linear_regions(
    module: nn.Module, batches: Sequence[Batch], *, seed: int = 0, images: int = 128
) -> float:
    """Number of linear regions that noise images fall into: different on/off codes.

    Any network of a few dozen units puts each image into a region of its own, so the count
    reaches ``images`` and tells wide networks apart no more; the paper counts on one-channel
    networks and images of 3x3.

    Chen et al., ICLR 2021, arXiv 2102.11535.

    Args:
        module: Freshly initialised network.
        batches: Only the first images' shape (B, C, H, W) is read.
        seed: Of the N(0, 1) images.
        images: How many are drawn.

    Raises:
        ScoreFailed: Where the network has no ReLU-like activation, or its output is not finite.
    """
    shape = image_shape(batches)
    noise = normal_like(batches[0][0], (images, *shape), seed=derive(seed, "linear_regions"))
    codes: set[bytes] = set()
    with borrowed(module, batch_statistics=False) as view, torch.no_grad():
        for part in torch.split(noise, _AT_ONCE):
            digests = [hashlib.blake2b(digest_size=16) for _ in part]
            seen: list[int] = []

            def update(
                x: Tensor, into: list[hashlib.blake2b] = digests, n: list[int] = seen
            ) -> None:
                n.append(x.shape[1])
                for digest, row in zip(
                    into, np.packbits((x > 0).cpu().numpy(), axis=1), strict=True
                ):
                    digest.update(row.tobytes())

            with watching(len(part), update):
                result = output(view, part)
            if not bool(torch.isfinite(result).all()):
                raise ScoreFailed("the network's output is not finite")
            if not seen:
                raise ScoreFailed("the network has no ReLU-like activation")
            codes.update(digest.digest() for digest in digests)
    return float(len(codes))
