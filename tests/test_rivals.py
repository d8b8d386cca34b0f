"""The rivals of a search: published networks that suit the images, within every limit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from netwright.arch.cost import Cost, cost
from netwright.arch.graph import Architecture
from netwright.arch.ops import Conv
from netwright.nn.build import build
from netwright.records import Budget
from netwright.rivals import published_for, rivals
from netwright.spaces.efficientnet import published

BOTH = ["mobilenet_v2", "efficientnet_b0"]


@pytest.mark.parametrize(
    ("budget", "side"),
    [
        (Budget(macs=5e6), 32),
        (Budget(macs=20e6, params=150e3), 96),
        (Budget(macs=500e3, params=100e3), 8),
        (Budget(macs=5e6, peak_activation_bytes=200e3), 32),
    ],
)
def test_they_meet_every_limit_and_fill_one(budget: Budget, side: int) -> None:
    found = rivals((3, side, side), 10, budget=budget, macs=0)
    assert list(found.networks) == BOTH and not found.left_out
    for arch in found.networks.values():
        assert arch.input_shape == (3, side, side) and arch.classes == 10
        assert 0.85 < budget.excess(cost(arch)) <= 1


def test_without_a_limit_of_macs_they_have_as_many_as_the_winner() -> None:
    found = rivals((3, 32, 32), 10, budget=Budget(params=1e6), macs=8e6)
    assert all(0.95 * 8e6 < cost(a).macs <= 8e6 for a in found.networks.values())


def test_a_predicted_latency_is_a_limit_too() -> None:
    def costing(arch: Architecture) -> Cost:
        return replace(cost(arch), latency_ms=cost(arch).params / 50e3)

    budget = Budget(macs=5e6, latency_ms=1.5)
    found = rivals((3, 32, 32), 10, budget=budget, macs=0, costing=costing)
    assert all(cost(a).params <= 75e3 for a in found.networks.values()) and not found.left_out


def test_what_is_out_of_reach_is_left_out_and_why() -> None:
    found = rivals((3, 8, 8), 3, budget=Budget(params=3000), macs=1e6)
    assert not found.networks and list(found.left_out) == BOTH
    assert "Scaling mobilenet_v2" in found.left_out["mobilenet_v2"]
    assert "(wanted: 3.00k)" in found.left_out["mobilenet_v2"]


@pytest.mark.parametrize(("side", "strides"), [(8, 1), (16, 2), (32, 3), (64, 4), (224, 5)])
def test_strides_are_taken_off_from_the_first(side: int, strides: int) -> None:
    arch = published_for("mobilenet_v2", (3, side, side), 10).architecture()
    convs = [n.op for p in arch.placed for n in p.block.nodes if isinstance(n.op, Conv)]
    where = [i for i, conv in enumerate(convs) if conv.stride != 1]
    full = published_for("mobilenet_v2", (3, 224, 224), 10).architecture()
    every = [n.op for p in full.placed for n in p.block.nodes if isinstance(n.op, Conv)]
    assert where == [i for i, conv in enumerate(every) if conv.stride != 1][5 - strides :]
    assert len(where) == strides and side >> strides >= 4


def test_at_full_size_they_are_the_published_ones() -> None:
    """3.4M parameters and 300M MACs of the paper's table 4; B0 as it stands elsewhere here."""
    mobile = published_for("mobilenet_v2", (3, 224, 224), 1000).architecture()
    module = build(mobile, seed=0, device="meta")
    assert sum(p.numel() for p in module.parameters()) == cost(mobile).params == 3_504_872
    assert cost(mobile).macs == pytest.approx(300e6, rel=0.01)
    b0 = published_for("efficientnet_b0", (3, 224, 224), 1000).architecture()
    assert b0.id == published("efficientnet_b0").id


def test_they_run() -> None:
    for arch in rivals((3, 16, 16), 4, budget=Budget(macs=2e6), macs=0).networks.values():
        out = build(arch, seed=0).eval()(torch.zeros(2, 3, 16, 16))
        assert out.shape == (2, 4)
