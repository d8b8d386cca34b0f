"""Landmarks: published networks as candidates, as large as the budget allows."""

from __future__ import annotations

import pytest

from netwright import catalog
from netwright.arch.cost import cost
from netwright.arch.staged import read_staged
from netwright.contracts import Space
from netwright.fakes import TinySpace
from netwright.records import Budget
from netwright.spaces.landmarks import landmarks
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.nasbench201 import NASBench201Space
from netwright.spaces.within import Within


@pytest.mark.parametrize(("resolution", "macs"), [(16, 2e6), (32, 5e6), (96, 30e6), (224, 300e6)])
def test_they_fill_the_budget(resolution: int, macs: float) -> None:
    space = MobileSpace(resolution=resolution, classes=10)
    within = Within.of(space, Budget(macs=macs))
    found = landmarks(within)
    assert len(found) == 2
    for row in found:
        assert space.canonical(row) == row
        assert 0.9 * macs < cost(space.decode(row)).macs <= macs


def test_at_their_own_size_they_have_the_stages_of_the_papers() -> None:
    """EfficientNet-B0: table 1 of the paper; MobileNetV2: table 2; widths as the space has."""
    space = MobileSpace()
    b0, v2 = (
        read_staged(space.decode(row))
        for row in landmarks(Within.of(space, Budget(params=5.3e6, macs=390e6)))
    )
    assert [s[-1].kernel for s in b0.stages] == [3, 3, 5, 3, 5, 5, 3]
    assert all(layer.se_ratio == 0.25 for stage in b0.stages for layer in stage)
    assert [s[-1].kernel for s in v2.stages] == [3] * 7
    assert not any(layer.se_ratio for stage in v2.stages for layer in stage)
    assert {s[-1].style.activation for s in b0.stages} == {"silu"}
    assert {s[-1].style.activation for s in v2.stages} == {"relu"}
    for staged in (b0, v2):
        assert [s[-1].kind for s in staged.stages] == ["ds", *["ir"] * 6]
        assert {layer.expand for stage in staged.stages[1:] for layer in stage} == {6}


def test_every_limit_holds_and_none_at_all_leaves_the_largest() -> None:
    space = MobileSpace(resolution=32, classes=10)
    narrow = Budget(macs=5e6, params=60e3, peak_activation_bytes=200e3)
    assert all(
        narrow.excess(cost(space.decode(r))) <= 1 for r in landmarks(Within.of(space, narrow))
    )
    free = landmarks(Within.of(space, Budget()))
    assert cost(space.decode(free[0])).macs > 20e6


def test_a_limited_space_has_them_with_what_it_allows() -> None:
    space = catalog.space("mobile+lite", classes=10, resolution=32)
    for row in landmarks(Within.of(space, Budget(macs=5e6))):
        staged = read_staged(space.decode(row))
        assert not any(layer.se_ratio for stage in staged.stages for layer in stage)


@pytest.mark.parametrize("space", [TinySpace(), NASBench201Space(cells=1)])
def test_other_spaces_have_none(space: Space) -> None:
    within = Within(
        space=space, budget=Budget(), anchor=(0,) * len(space.choices),
        survey=Within.of(TinySpace(), Budget()).survey,
    )  # fmt: skip
    assert landmarks(within) == ()


def test_below_their_smallest_size_they_are_repaired() -> None:
    space = MobileSpace(resolution=32, classes=10)
    least = Within.of(space, Budget()).survey.ranges["macs"].least
    for macs in (1.001 * least, 2 * least):
        within = Within.of(space, Budget(macs=macs))
        rows = landmarks(within)
        assert rows == landmarks(within) and all(within.fits(row) for row in rows)
