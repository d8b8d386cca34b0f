"""MadNAS of a module is that of its graph, and by hand on a small network."""

from __future__ import annotations

import math

import pytest
from torch import nn

from netwright import catalog
from netwright.arch import maxent
from netwright.nn.build import build
from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.madnas import madnas
from netwright.spaces.nasbench201 import NASBench201Space


def test_by_hand(net: nn.Module, batches: list[Batch]) -> None:
    terms = [math.log(27) / 2, math.log(54) / 2, math.log(54) / 2]  # one size of map, 8x8
    expected = 6 * (math.log(6) + sum(terms))
    assert madnas(net, batches) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["mnasnet_a1", "efficientnet_b0", "nasnet_a_mobile", "cell"])
def test_a_module_is_its_graph(name: str, batches: list[Batch]) -> None:
    if name == "cell":
        arch = NASBench201Space(cells=1).decode((3, 2, 1, 0, 4, 3))
    else:
        arch = catalog.architecture(name, classes=4, resolution=32)
    side = [(x.repeat(1, 1, 4, 4), y) for x, y in batches]
    expected = maxent.madnas(maxent.layers_of(arch))
    assert madnas(build(arch, seed=0), side) == pytest.approx(expected, rel=1e-12)


def test_weights_and_pixels_are_not_read(net: nn.Module, batches: list[Batch]) -> None:
    before = madnas(net, batches)
    for parameter in net.parameters():
        parameter.data.fill_(math.nan)
    assert madnas(net, [(x * math.nan, y) for x, y in batches]) == before


def test_a_network_without_convolutions_of_maps_is_refused(
    vector: nn.Module, batches: list[Batch]
) -> None:
    with pytest.raises(ScoreFailed, match="no convolution of a map"):
        madnas(vector, batches)
