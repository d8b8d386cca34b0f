"""Costs against torch: parameters that exist, multiply-adds that torch's counter sees."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from graphs import Graph, assemble, graphs
from netwright.arch.cost import COST_NAMES, Cost, cost, sum_log_n
from netwright.arch.graph import Architecture
from netwright.nn.build import build
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import sample


def counted(arch: Architecture) -> tuple[int, int]:
    """Parameters and MACs of the built module, on the meta device."""
    module = build(arch, seed=0, device="meta").eval()
    image = torch.empty(1, *arch.input_shape, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(image)
    return sum(p.numel() for p in module.parameters()), counter.get_total_flops() // 2


@settings(max_examples=60, deadline=None)
@given(graph=graphs(), seed=st.integers(1, 100))
def test_random_graphs(graph: Graph, seed: int) -> None:
    arch = assemble(graph, seed=seed)
    got = cost(arch)
    assert (got.params, got.macs) == counted(arch)


@pytest.mark.parametrize("resolution", [8, 28, 32, 96, 224])
def test_mobile_candidates(resolution: int) -> None:
    space = MobileSpace(classes=10, resolution=resolution, channels=1 if resolution < 32 else 3)
    rng = np.random.Generator(np.random.Philox(key=resolution))
    for _ in range(2):
        arch = space.decode(sample(space, rng))
        got = cost(arch)
        assert (got.params, got.macs) == counted(arch)


def test_sum_log_n_is_the_sum_over_weights() -> None:
    space = MobileSpace(classes=10, resolution=32)
    arch = space.decode(space.canonical((1,) * len(space.choices)))
    module = build(arch, seed=0, device="meta")
    layers = [m for m in module.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert sum_log_n(arch) == pytest.approx(sum(math.log(m.weight.numel()) for m in layers))


def test_a_cost_reads_well() -> None:
    it = Cost(params=1_234_567, macs=20_000_000, peak_activation_bytes=4_000_000)
    assert str(it) == "1.23M params, 20.0M MACs, 4.00MB peak activations"
    assert tuple(COST_NAMES) == ("params", "macs", "peak_activation_bytes")
