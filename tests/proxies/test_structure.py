"""What is traced of a built network equals what is counted on its graph."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netwright.arch import cost as counted
from netwright.nn.build import build
from netwright.proxies.borrow import output
from netwright.proxies.macs import macs
from netwright.proxies.params import params
from netwright.proxies.structure import sketched
from netwright.proxies.sum_log_n import sum_log_n
from netwright.rng import stream
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import sample


@pytest.mark.parametrize("index", range(3))
def test_counts_agree_with_the_graphs(index: int) -> None:
    space = MobileSpace(classes=10, resolution=32)
    arch = space.decode(sample(space, stream(0, "structure", index)))
    net = build(arch, seed=0, device="meta")
    batches = [(torch.empty(4, 3, 32, 32, device="meta"), torch.empty(4))]
    cost = counted.cost(arch)
    assert (params(net, batches), macs(net, batches)) == (cost.params, cost.macs)
    assert sum_log_n(net, batches) == pytest.approx(counted.sum_log_n(arch))


def test_a_sketch_takes_modules_of_any_dtype_and_place(net: nn.Module) -> None:
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        with sketched(net.to(dtype), (3, 8, 8)) as (view, image):
            result = output(view, image)
            assert result.is_meta and result.shape == (1, 4) and result.dtype == dtype
    assert not any(p.is_meta for p in net.parameters())
