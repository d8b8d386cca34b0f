"""The moving average, against timm's, and put in and out of a network."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from timm.utils.model_ema import ModelEmaV3
from torch import nn

from netwright.nn.seeding import seeded
from netwright.training.average import Average


def jolt(net: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in (*net.parameters(), *net.buffers()):
            if value.is_floating_point():
                value.add_(torch.randn(value.shape, generator=generator))


def test_like_timms_after_warm_up(make_net: Callable[..., nn.Sequential]) -> None:
    net = make_net()
    mine, theirs = Average(net, 0.9), ModelEmaV3(net, decay=0.9)
    for step in range(100, 110):  # past the warm-up, which timm shapes otherwise
        jolt(net, step)
        mine.update(step)
        theirs.update(net)
    expected = theirs.module.state_dict()
    for name, value in mine.tensors.items():
        torch.testing.assert_close(value, expected[name])
    assert "1.running_mean" in mine.tensors and "1.num_batches_tracked" not in mine.tensors


def test_warm_up_forgets_the_first_weights() -> None:
    with seeded(0):
        net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 0.0)
    average = Average(net, 0.999)
    nn.init.constant_(net.weight, 1.0)
    kept = 1.0
    for step in range(30):
        average.update(step)
        kept *= (1 + step) / (10 + step)
    assert float(average.tensors["weight"].detach()) == pytest.approx(1.0 - kept)
    assert kept < 1e-6


def test_applied_and_put_back(make_net: Callable[..., nn.Sequential]) -> None:
    net = make_net()
    average = Average(net, 0.5)
    jolt(net, 1)
    average.update(100)
    own = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(RuntimeError, match="stop"), average.applied():
        assert torch.equal(net.state_dict()["0.weight"], average.tensors["0.weight"])
        raise RuntimeError("stop")
    assert all(torch.equal(value, own[name]) for name, value in net.state_dict().items())
    average.copy_to_module()
    assert torch.equal(net.state_dict()["1.running_var"], average.tensors["1.running_var"])
