"""SNIP: how much the loss would feel the loss of each weight (Lee et al., ICLR 2019)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, require_batches, total
from netwright.proxies.sharing import Scene


def snip(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Sum over weights of ``|w * dL/dw|``, of convolutions and linear layers.

    Lee et al., "SNIP: Single-shot Network Pruning based on Connection Sensitivity", ICLR 2019,
    arXiv 1810.02340; as a score: Abdelfattah et al., ICLR 2021, arXiv 2101.08134.

    Args:
        module: Freshly initialised network.
        batches: The first (images (B, C, H, W), labels (B,)) is used.

    Raises:
        ScoreFailed: Where the network has no such layer.
    """
    require_batches(batches, 1, "snip")
    return read_alone(reader, module, batches)


def reader(scene: Scene) -> Reader:
    """SNIP as a reader of the batch pass."""
    terms: list[Tensor] = []

    def add(grads: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        terms.extend((weights[name].detach() * g).abs().sum() for name, g in grads.items())

    return Reader(value=lambda: total(terms), gradients=add)
