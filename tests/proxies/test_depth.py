"""Chains and counts of layers on networks drawn by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch
from netwright.proxies.depth import depth, layer_count


def test_chain_with_a_skip(net: nn.Module, batches: list[Batch]) -> None:
    assert depth(net, batches) == layer_count(net, batches) == 5


class Fork(nn.Module):
    """A long and a short branch, and one that is multiplied away."""

    def __init__(self) -> None:
        super().__init__()
        self.long = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1))
        self.short = nn.Conv2d(3, 4, 1)
        self.gone = nn.Sequential(*[nn.Conv2d(4, 4, 1) for _ in range(5)])
        self.tokens = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.long(x) + self.short(x)
        y = y + self.gone(y) * 0
        result: Tensor = self.tokens(y.flatten(2).transpose(1, 2)).mean(1)
        return result


def test_longest_branch_decides_and_dead_ones_do_not_count(batches: list[Batch]) -> None:
    assert depth(Fork(), batches) == 3
    assert layer_count(Fork(), batches) == 4


def test_shared_layer_is_met_twice_but_counted_once() -> None:
    layer = nn.Linear(3, 3)
    net = nn.Sequential(nn.Flatten(), layer, nn.ReLU(), layer)
    batch = [(torch.zeros(2, 3, 1, 1), torch.zeros(2))]
    assert depth(net, batch) == 2 and layer_count(net, batch) == 1
    assert depth(nn.Flatten(), batch) == layer_count(nn.Flatten(), batch) == 0
