"""Recalibration: statistics are means over the images, and nothing else changes."""

from __future__ import annotations

import torch
from torch import nn

from netwright.nn.recalibration import recalibrate


def _network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten())


def test_statistics_are_those_of_the_images() -> None:
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randn(8, 3, 4, 4, generator=generator) * 2 + 1 for _ in range(3)]
    module = _network().eval()
    before = {name: tensor.clone() for name, tensor in module.named_parameters()}
    assert recalibrate(module, batches) == 24
    norm, conv = module[1], module[0]
    with torch.no_grad():
        maps = [conv(batch) for batch in batches]
    means = torch.stack([m.mean((0, 2, 3)) for m in maps]).mean(0)
    spreads = torch.stack([m.transpose(0, 1).flatten(1).var(1) for m in maps]).mean(0)
    torch.testing.assert_close(norm.running_mean, means)
    torch.testing.assert_close(norm.running_var, spreads)
    assert norm.momentum == 0.1 and not module.training and not norm.training
    assert all(torch.equal(before[n], p) for n, p in module.named_parameters())


def test_modes_stay_and_without_images_so_do_statistics() -> None:
    module = _network()
    module[2].eval()
    assert recalibrate(module, []) == 0
    assert torch.equal(module.state_dict()["1.running_var"], torch.ones(4))
    recalibrate(module, [torch.ones(2, 3, 4, 4)])
    assert module.training and module[1].training and not module[2].training
