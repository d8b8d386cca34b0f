"""Which layers count, and their logs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sum_log_n import sum_log_n


def test_by_hand(net: nn.Module, batches: list[Batch]) -> None:
    sizes = (6 * 3 * 9, 6 * 6 * 9, 6 * 6 * 9, 30, 20)
    assert sum_log_n(net, batches) == pytest.approx(sum(map(math.log, sizes)))


class Branches(nn.Module):
    """One live branch; others unused, dropped, detached or multiplied by nothing."""

    def __init__(self, dead: str) -> None:
        super().__init__()
        self.dead = dead
        self.live = nn.Conv2d(3, 4, 1)
        self.other = nn.Conv2d(3, 4, 1)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.live(x)
        if self.dead == "dropped":
            self.other(x)
        elif self.dead == "zeroed":
            y = y + self.other(x).mul(0.0)
        elif self.dead == "times":
            y = y + 0 * self.other(x)
        elif self.dead == "detached":
            y = y + self.other(x).detach()
        elif self.dead == "alive":
            y = y + self.other(x) * 0.5
        result: Tensor = self.head(y.mean((2, 3)))
        return result


@pytest.mark.parametrize("dead", ["unused", "dropped", "zeroed", "times", "detached", "alive"])
def test_only_live_layers_count(dead: str, batches: list[Batch]) -> None:
    expected = math.log(12) * (2 if dead == "alive" else 1) + math.log(8)
    assert sum_log_n(Branches(dead), batches) == pytest.approx(expected)


def test_shared_layers_count_once_and_frozen_ones_too(
    batches: list[Batch],
) -> None:
    shared = nn.Conv2d(3, 3, 1).requires_grad_(False)
    net = nn.Sequential(shared, nn.ReLU(), shared, nn.Flatten(), nn.Linear(192, 4))
    assert sum_log_n(net, batches) == pytest.approx(math.log(9) + math.log(192 * 4))


def test_network_without_layers_fails(batches: list[Batch]) -> None:
    with pytest.raises(ScoreFailed, match="no convolution or linear layer reaches"):
        sum_log_n(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), batches)


def test_no_memory_is_taken(batches: list[Batch]) -> None:
    with torch.device("meta"):
        net = nn.Sequential(nn.Flatten(), nn.Linear(192, 10**9))
    assert sum_log_n(net, batches) == pytest.approx(math.log(192e9))
