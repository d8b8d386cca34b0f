"""The map before the last pool is found whatever the pool is called."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netwright.proxies.borrow import Batch, borrowed
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.features import last_features

POOLS: list[Callable[[Tensor], Tensor]] = [
    nn.AdaptiveAvgPool2d(1),
    lambda x: x.mean((2, 3)),
    lambda x: x.mean([-1, -2], keepdim=True),
    lambda x: F.avg_pool2d(x, 8),
    lambda x: F.adaptive_max_pool2d(x, 1),
    lambda x: F.max_pool2d(x, x.shape[2:]),
    lambda x: x.amax((-2, -1)),
    nn.Flatten(),
]


class Squeezed(nn.Module):
    """A squeeze-and-excitation gate before the map, and a pool after it."""

    def __init__(self, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.pool, self.conv, self.gate = pool, nn.Conv2d(3, 5, 1), nn.Conv2d(5, 5, 1)
        self.kept: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        y = y * self.gate(y.mean((2, 3), keepdim=True)).sigmoid()
        self.kept.append(y)
        return self.pool(y).flatten(1)


@pytest.mark.parametrize("pool", POOLS)
def test_last_map_is_found(pool: Callable[[Tensor], Tensor], batches: list[Batch]) -> None:
    net = Squeezed(pool)
    with borrowed(net) as view:
        found = last_features(view, batches[0][0])
    flattened = isinstance(pool, nn.Flatten)  # then the gate's pool is the last
    assert torch.equal(found, net.kept[0]) or flattened
    assert found.shape == (6, 5, 8, 8)


def test_channels_last_maps_and_no_map(batches: list[Batch]) -> None:
    class Last(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.permute(0, 2, 3, 1).mean((1, 2))

    with borrowed(Last()) as view:
        assert last_features(view, batches[0][0]).shape == (6, 8, 8, 3)
    with borrowed(nn.Linear(8, 2)) as view, pytest.raises(ScoreFailed, match="pools no feature"):
        last_features(view, batches[0][0])
    with borrowed(nn.Sequential(nn.Conv2d(3, 2, 8), nn.Flatten())) as view:
        assert last_features(view, batches[0][0]).shape == (6, 2, 1, 1)
