"""The noise pass reads neither the data nor the weights, and fails part by part."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.noise_pass import Reader, read
from netwright.proxies.normal import normal_init, normal_like
from netwright.proxies.sharing import Circle, Scene
from netwright.rng import derive


def test_what_is_seen_against_torch(batches: list[Batch]) -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 5, 1, bias=False), nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    normalised: list[Tensor] = []
    maps: list[Tensor] = []
    grads: list[Tensor] = []
    everything = Reader(
        value=float,
        normalised=normalised.append,
        features=lambda here, there: maps.extend((here, there)),
        gradients=grads.extend,
    )
    circle = Circle({"all": everything, "blind": Reader(value=float)})
    read(circle, Scene(module=net, batches=batches, seed=3))
    x, e = (normal_like(batches[0][0], (6, 3, 8, 8), seed=derive(3, n)) for n in "xe")
    weight = normal_init(net, seed=3)["0.weight"]
    inner = nn.functional.conv2d(x, weight)
    moved = nn.functional.conv2d(x + 0.01 * e, weight)
    assert torch.allclose(normalised[0], inner)
    norm = nn.BatchNorm2d(5)
    assert torch.allclose(maps[0], norm(inner), atol=1e-5)
    assert torch.allclose(maps[1], norm(moved), atol=1e-5)
    assert [g.shape for g in grads] == [(5, 3, 1, 1), (5,), (5,)]


def test_without_a_map_to_pool_the_gradient_is_still_had(batches: list[Batch]) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3, 2))

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = x[:, :, 0, 0] @ self.weight
            return result

    grads: list[Tensor] = []
    circle = Circle(
        {
            "maps": Reader(value=float, features=lambda here, there: None),
            "gradients": Reader(value=float, gradients=grads.extend),
        }
    )
    read(circle, Scene(module=Odd(), batches=batches, seed=3))
    assert [g.shape for g in grads] == [(3, 2)] and circle.who(bool) == ["gradients"]
    with pytest.raises(ScoreFailed, match="pools no feature map"):
        circle.value("maps")
    circle = Circle({"": Reader(value=float, gradients=grads.extend)})
    read(circle, Scene(module=nn.Flatten(), batches=batches, seed=3))
    with pytest.raises(ScoreFailed, match="no parameter"):
        circle.value("")
