"""Tangent kernel and linear regions by hand and against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.te_nas import linear_regions, ntk_condition


def test_condition_against_numpy(plain_net: nn.Module, batches: list[Batch]) -> None:
    rows = []
    for image in batches[0][0].double():
        plain_net.zero_grad()
        plain_net(image[None]).sum().backward()
        weights = [plain_net.get_parameter(f"{i}.weight").grad for i in (0, 4)]
        rows.append(np.concatenate([w.flatten().numpy() for w in weights if w is not None]))
    expected = np.linalg.cond(np.stack(rows)) ** 2
    assert ntk_condition(plain_net, batches) == pytest.approx(expected, rel=1e-8)


def test_condition_of_orthogonal_images_is_the_ratio_of_their_norms() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    images = torch.diag(torch.tensor([1.0, 2.0, 3.0])).view(3, 3, 1, 1)
    assert ntk_condition(net, [(images, torch.zeros(3))]) == pytest.approx(9.0, rel=1e-5)


def test_two_equal_images_are_singular(plain_net: nn.Module, batches: list[Batch]) -> None:
    images = batches[0][0].clone()
    images[3] = images[0]
    with pytest.raises(ScoreFailed, match="singular"):
        ntk_condition(plain_net, [(images, batches[0][1])])


def test_regions_of_few_units_can_be_counted() -> None:
    """Hyperplanes x = 0 and y = 0 and two that no image of noise crosses: four regions."""
    linear = nn.Linear(2, 4)
    linear.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 1.0]]))
    linear.bias.data.copy_(torch.tensor([0.0, 0.0, 1.0, 99.0]))
    net = nn.Sequential(nn.Flatten(), linear, nn.ReLU())
    batch = [(torch.zeros(7, 2, 1, 1), torch.zeros(7))]
    assert linear_regions(net, batch, seed=1, images=60) == 4
    assert linear_regions(net, batch, seed=1, images=1) == 1


def test_regions_saturate_and_need_switches(net: nn.Module, batches: list[Batch]) -> None:
    assert linear_regions(net, batches, images=20) == 20
    with pytest.raises(ScoreFailed, match="no ReLU-like"):
        linear_regions(nn.Flatten(), batches)
