"""GraSP: how far a weight's removal would keep the gradient flowing (Wang et al., ICLR 2020)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from netwright.proxies.borrow import Batch, borrowed, loss, require_batches, require_layers, total


class _Twice(TorchFunctionMode):
    """Calls whose derivative torch cannot differentiate again, written so that it can."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        if func is F.hardsigmoid and isinstance(args[0], Tensor):
            return (args[0] / 6 + 0.5).clamp(0, 1)
        return func(*args, **(kwargs or {}))


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
    with borrowed(module) as view, sdpa_kernel(SDPBackend.MATH), _Twice():
        weights = list(require_layers(view).values())
        value = loss(view, batches[0])
        first = torch.autograd.grad(value, weights, create_graph=True, allow_unused=True)
        product = sum(((g.detach() * g).sum() for g in first if g is not None), torch.tensor(0.0))
        if not product.requires_grad:
            return 0.0
        second = torch.autograd.grad(product, weights, allow_unused=True)
        pairs = zip(weights, second, strict=True)
        return total(-(w.detach() * h).sum() for w, h in pairs if h is not None)
