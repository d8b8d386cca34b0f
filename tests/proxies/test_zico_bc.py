"""ZiCo-BC is ZiCo less a term read off the feature maps' sizes."""

from __future__ import annotations

import math

import pytest
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.zico import zico
from netwright.proxies.zico_bc import zico_bc


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_by_hand(net: nn.Module, batches: list[Batch], beta: float) -> None:
    sizes = [(64, 6), (64, 6), (64, 6), (1, 5), (1, 4)]
    bias = sum(math.log(places / math.sqrt(channels)) for places, channels in sizes)
    expected = zico(net, batches) - beta * bias
    assert zico_bc(net, batches, beta=beta) == pytest.approx(expected)


def test_layers_that_zico_drops_are_not_corrected(net: nn.Module, batches: list[Batch]) -> None:
    assert zico_bc(net, [batches[0], batches[0]]) == 0.0
