"""The family of the benchmark: four ways of growing, at MACs that are equal."""

from __future__ import annotations

import pytest

import scaling_family
from netwright.arch.cost import cost
from netwright.arch.staged import read_staged
from netwright.spaces.efficientnet import published


def test_all_ways_have_equal_macs() -> None:
    base = published("efficientnet_lite0", classes=10, resolution=64)
    made = scaling_family.family(base, [2.0])
    assert list(made) == ["base", "compound 2x", "depth 2x", "width 2x", "resolution 2x"]
    base_macs, *counts = [cost(arch).macs for arch in made.values()]
    assert max(counts) <= 2 * base_macs
    assert min(counts) >= (1 - scaling_family.TOLERANCE) * max(counts)
    assert len({arch.id for arch in made.values()}) == len(made)
    deep, wide = read_staged(made["depth 2x"]), read_staged(made["width 2x"])
    assert deep.input_shape == wide.input_shape == base.input_shape
    assert wide.depth == read_staged(base).depth < deep.depth
    assert made["resolution 2x"].input_shape > base.input_shape


def test_spread_is_a_share_of_the_most() -> None:
    names = ("efficientnet_b0", "efficientnet_b1")
    made = {name: published(name) for name in names}
    assert scaling_family.spread(made) == pytest.approx(1 - 385_814_752 / 686_802_832)
