"""Gradient norm: how hard the loss pulls on the weights, in the two definitions in use."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from netwright.proxies import noise_pass
from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, norm, require_batches, total
from netwright.proxies.sharing import Scene, alone


def grad_norm(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Sum over convolutions and linear layers of the L2 norm of the loss's gradient.

    Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, arXiv 2101.08134.

    Args:
        module: Freshly initialised network.
        batches: The first (images (B, C, H, W), labels (B,)) is used.

    Raises:
        ScoreFailed: Where the network has no such layer.
    """
    require_batches(batches, 1, "grad_norm")
    return read_alone(reader, module, batches)


def reader(scene: Scene) -> Reader:
    """The layers' norms as a reader of the batch pass."""
    terms: list[Tensor] = []

    def add(grads: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        terms.extend(norm(g) for g in grads.values())

    return Reader(value=lambda: total(terms), gradients=add)


def grad_norm_zen(module: nn.Module, batches: Sequence[Batch], *, seed: int = 0) -> float:
    """L2 norm of the gradient of all parameters at once, on noise, as ZenNAS compares with it.

    Weights and images are drawn from N(0, 1) and labels uniformly, so neither the data nor the
    initialisation matters; not comparable with ``grad_norm``.

    Lin et al., "Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition", ICCV 2021,
    arXiv 2102.01063.

    Args:
        module: Any network; its values are not read.
        batches: Only the first images' shape (B, C, H, W) is read.
        seed: Of weights, images and labels.

    Raises:
        ScoreFailed: Where the network has no parameter.
    """
    return alone(noise_pass.read, zen_reader, module, batches, seed=seed)


def zen_reader(scene: Scene) -> noise_pass.Reader:
    """The norm of the whole gradient as a reader of the noise pass."""
    squares: list[Tensor] = []

    def add(grads: Sequence[Tensor]) -> None:
        squares.extend(norm(g).square() for g in grads)

    return noise_pass.Reader(value=lambda: math.sqrt(total(squares)), gradients=add)
