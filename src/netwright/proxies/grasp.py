"""GraSP: how far a weight's removal would keep the gradient flowing (Wang et al., ICLR 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, require_batches, total
from netwright.proxies.sharing import Scene


def grasp(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Sum over weights of ``-w * (H g)``, of convolutions and linear layers, at temperature 1.

    ``H g`` is the Hessian's product with the gradient, by a second backward pass.  Higher is
    better: the sign is that of the zero-cost benchmark, opposite to the pruning paper's.  Noisy.

    Wang et al., "Picking Winning Tickets Before Training by Preserving Gradient Flow", ICLR 2020,
    arXiv 2002.07376; as a score: Abdelfattah et al., ICLR 2021, arXiv 2101.08134.

    Args:
        module: Freshly initialised network.
        batches: The first (images (B, C, H, W), labels (B,)) is used.

    Raises:
        ScoreFailed: Where the network has no such layer.
    """
    require_batches(batches, 1, "grasp")
    return read_alone(reader, module, batches)


def reader(scene: Scene) -> Reader:
    """GraSP as a reader of the batch pass; it keeps one number per layer."""
    terms: list[Tensor] = []

    def go_on(grads: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        with torch.enable_grad():
            product = sum(((g.detach() * g).sum() for g in grads.values()), torch.tensor(0.0))
        if product.requires_grad:
            leaves = list(weights.values())
            second = torch.autograd.grad(product, leaves, allow_unused=True)
            pairs = zip(leaves, second, strict=True)
            terms.extend(-(w.detach() * h).sum() for w, h in pairs if h is not None)

    return Reader(value=lambda: total(terms), again=go_on)
