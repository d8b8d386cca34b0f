"""Zen-score by hand on one convolution and one batch norm."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.normal import normal_init, normal_like
from netwright.proxies.zen import zen
from netwright.rng import derive


@pytest.mark.parametrize("norm", [False, True])
def test_by_hand(norm: bool, batches: list[Batch]) -> None:
    layers = [nn.Conv2d(3, 5, 1), nn.BatchNorm2d(5, eps=1e-12)][: 2 if norm else 1]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)).double()
    own = 7
    w = normal_init(net, seed=own)["0.weight"].numpy()[:, :, 0, 0]
    like = batches[0][0]
    x, e = (
        normal_like(like, (6, 3, 8, 8), seed=derive(own, n)).numpy().astype(float) for n in "xe"
    )
    maps = [np.einsum("oc,nchw->nohw", w, z) for z in (x, x + 0.01 * e)]
    bonus = 0.0
    if norm:
        bonus = 0.5 * np.log(maps[0].var((0, 2, 3)).mean())
        maps = [
            (m - m.mean((0, 2, 3), keepdims=True)) / m.std((0, 2, 3), keepdims=True) for m in maps
        ]
    expected = np.log(np.abs(maps[0] - maps[1]).sum((1, 2, 3)).mean()) + bonus
    assert zen(net, batches, seed=7) == pytest.approx(expected, rel=1e-6)


def test_reads_neither_data_nor_weights_and_averages_draws(
    net: nn.Module, batches: list[Batch]
) -> None:
    first = zen(net, batches, seed=1)
    for p in net.parameters():
        p.data.zero_()
    assert zen(net, [(x * 5, y) for x, y in batches], seed=1) == first
    assert zen(net, batches, seed=2) != first
    singles = [zen(net, batches, seed=1, repeats=n) * n for n in (1, 2, 3)]
    assert singles[0] == first and len({round(s, 6) for s in np.diff(singles)}) == 2


def test_features_that_do_not_move_fail(batches: list[Batch]) -> None:
    class Still(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x * 0).mean((2, 3))

    with pytest.raises(ScoreFailed, match="do not move"):
        zen(Still(), batches)
