"""AZ-NAS: blocks that spread, grow and pass on gradients, scored apart (Lee and Ham, CVPR 2024).

Its fourth part is ``macs``; ``rank.log_rank`` puts the four together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netwright.proxies.blocks import Tapped
from netwright.proxies.borrow import Batch, borrowed, image_shape, run
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.normal import normal_init, normal_like
from netwright.proxies.sharing import Circle, Scene, alone
from netwright.rng import derive

_ENTROPY_EPS = 1e-8
_TRAINABILITY_EPS = 1e-6


def expressivity(module: nn.Module, batches: Sequence[Batch], *, seed: int = 0) -> float:
    """Sum over blocks of the entropy, in nats, of their output's principal components.

    Weights are Kaiming-normal and images N(0, 1); the data is not read.

    Lee and Ham, "AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search", CVPR
    2024, arXiv 2403.19232.

    Args:
        module: Any network; its weights are not read.
        batches: Only the first images' shape (B, C, H, W) is read.
        seed: Of weights and images.

    Raises:
        ScoreFailed: Where the network has no blocks or an output is not finite.
    """
    return alone(read, expressivity_reader, module, batches, seed=seed)


def progressivity(module: nn.Module, batches: Sequence[Batch], *, seed: int = 0) -> float:
    """Smallest growth of that entropy, in nats, from one block to the next.

    Lee and Ham, CVPR 2024, arXiv 2403.19232.

    Args:
        module: Any network; its weights are not read.
        batches: Only the first images' shape (B, C, H, W) is read.
        seed: Of weights and images.

    Raises:
        ScoreFailed: Where the network has fewer than two blocks or an output is not finite.
    """
    return alone(read, progressivity_reader, module, batches, seed=seed)


def trainability(module: nn.Module, batches: Sequence[Batch], *, seed: int = 0) -> float:
    """Mean over blocks of ``2 - s - 1/(s + 1e-6)``, 0 where gradients keep their size.

    s is the top singular value of the block's ``g_in^T g_out / (BHW)``, for random signs g_out at
    its output and g_in what arrives at its input, folded into channels where it downsamples.

    Lee and Ham, CVPR 2024, arXiv 2403.19232.

    Args:
        module: Any network; its weights are not read.
        batches: Only the first images' shape (B, C, H, W) is read.
        seed: Of weights, images and signs.

    Raises:
        ScoreFailed: Where the network has fewer than two blocks, no gradient passes one, or one
            is the identity.
    """
    return alone(read, trainability_reader, module, batches, seed=seed)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What a proxy sees of the pass through the blocks."""

    value: Callable[[], float]
    see: Callable[[Sequence[Tensor]], None]
    """The blocks' outputs (B, C, H, W), in order."""
    fewest: int
    """How many there must be."""
    graph: bool = False
    """Whether it differentiates one output in another."""


def expressivity_reader(scene: Scene) -> Reader:
    """Expressivity as a reader of the pass through the blocks."""
    found: list[float] = []

    def see(features: Sequence[Tensor]) -> None:
        found.extend(_entropies(scene, features))

    return Reader(value=lambda: math.fsum(found), see=see, fewest=1)


def progressivity_reader(scene: Scene) -> Reader:
    """Progressivity as a reader of the pass through the blocks."""
    found: list[float] = []

    def see(features: Sequence[Tensor]) -> None:
        found.extend(_entropies(scene, features))

    return Reader(value=lambda: min(b - a for a, b in pairwise(found)), see=see, fewest=2)


def trainability_reader(scene: Scene) -> Reader:
    """Trainability as a reader of the pass through the blocks."""
    sigmas: list[float] = []

    def see(features: Sequence[Tensor]) -> None:
        for i, (before, after) in enumerate(pairwise(features)):
            seed = derive(scene.seed, "az_nas", "signs", i)
            sigmas.append(_passed(before, after, seed=seed))

    def value() -> float:
        return math.fsum(2 - s - 1 / (s + _TRAINABILITY_EPS) for s in sigmas) / len(sigmas)

    return Reader(value=value, see=see, fewest=2, graph=True)


def _entropies(scene: Scene, features: Sequence[Tensor]) -> list[float]:
    return scene.once("az_nas entropies", lambda: [entropy(feature) for feature in features])


def _passed(before: Tensor, after: Tensor, *, seed: int) -> float:
    """Top singular value of the product of random signs at a block's output with their pull."""
    noise = normal_like(after, tuple(after.shape), seed=seed)
    g_out = torch.where(noise >= 0, 1.0, -1.0).to(after.dtype)
    g_in: Tensor | None = None
    if before.requires_grad and after.requires_grad:  # a block of zeros does not
        (g_in,) = torch.autograd.grad(after, before, g_out, retain_graph=True, allow_unused=True)
    if g_in is None:
        raise ScoreFailed("a block's output does not depend on the block before it")
    if g_in.shape == g_out.shape and torch.equal(g_in, g_out):
        raise ScoreFailed("a block is the identity")
    return top_singular_value(g_in, g_out)


def entropy(feature: Tensor) -> float:
    """Entropy, in nats, of the covariance's normalised eigenvalues over channels of (B, C, H, W).

    Raises:
        ScoreFailed: Where a value is not finite or all channels are constant.
    """
    rows = feature.detach().movedim(1, -1).flatten(0, -2)
    rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
    rows = rows - rows.mean(0)
    covariance = (rows.T @ rows / len(rows)).cpu().double()
    if not bool(torch.isfinite(covariance).all()) or not bool(covariance.any()):
        raise ScoreFailed("a block's output is constant or not finite")
    values = torch.linalg.eigvalsh(covariance).clamp(min=0)
    share = values / values.sum()
    return float(-(share * (share + _ENTROPY_EPS).log()).sum())


def top_singular_value(g_in: Tensor, g_out: Tensor) -> float:
    """Top singular value of ``g_in^T g_out / (BHW)`` between channels of two maps.

    Args:
        g_in: (B, C_in, H_in, W_in), at least as large as ``g_out``; padded with zeros to a whole
            multiple and folded to its size.
        g_out: (B, C_out, H, W).

    Raises:
        ScoreFailed: Where a gradient is not finite.
    """
    height, width = g_out.shape[2:]
    fold = max(math.ceil(g_in.shape[2] / height), math.ceil(g_in.shape[3] / width))
    g_in = F.pad(g_in, (0, fold * width - g_in.shape[3], 0, fold * height - g_in.shape[2]))
    g_in = F.pixel_unshuffle(g_in, fold)
    left, right = (g.movedim(1, -1).flatten(0, -2) for g in (g_in, g_out))
    wide = torch.promote_types(left.dtype, torch.float32)
    product = (left.to(wide).T @ right.to(wide) / len(left)).cpu()
    if not bool(torch.isfinite(product).all()):
        raise ScoreFailed("a block's gradient is not finite")
    return float(torch.linalg.matrix_norm(product, ord=2))


def read(circle: Circle[Reader], scene: Scene) -> None:
    """Send N(0, 1) images through the blocks of a Kaiming-normal copy.

    Args:
        circle: Who watches.
        scene: Any network, whose weights are not read; of the batches, only the first images'
            shape (B, C, H, W) is.
    """
    like, seed = scene.batches[0][0], scene.seed
    shape = (len(like), *image_shape(scene.batches))
    tapped = Tapped(scene.module)
    weights = normal_init(tapped, seed=derive(seed, "az_nas"), kaiming=True)
    graph = bool(circle.who(lambda r: r.graph))
    with circle.part(circle.who(bool)), borrowed(tapped, replace=weights) as view:
        images = normal_like(like, shape, seed=derive(seed, "az_nas", "images"))
        with torch.set_grad_enabled(graph):
            _, features = cast(tuple[object, list[Tensor]], run(view, images))
        circle.tell(circle.who(bool), partial(_see, features))


def _see(features: Sequence[Tensor], reader: Reader) -> None:
    if len(features) < reader.fewest:
        count = f"{reader.fewest} block{'s' if reader.fewest > 1 else ''} of feature maps"
        raise ScoreFailed(f"it needs {count}, found {len(features)}")
    reader.see(features)
