"""MnasNet: the space, exact counts of the networks found in it, and equality with timm."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.arch.ops import Dropout, DropPath
from netwright.contracts import Space
from netwright.errors import UnknownNameError, UsageError
from netwright.spaces.mnasnet import (
    NEVER_RELEASED,
    PLAN,
    PUBLISHED,
    MnasNetSpace,
    home,
    published,
)
from netwright.spaces.tokens import describe, raw_size
from netwright.testing import SpaceContract

COUNTS = {  # parameters as published, MACs at 224 px in millions
    "mnasnet_a1": (3_887_038, 311.6),
    "semnasnet_100": (3_887_038, 311.6),
    "mnasnet_b1": (4_383_312, 314.4),
    "mnasnet_100": (4_383_312, 314.4),
    "mnasnet_small": (2_030_264, 68.3),
    "semnasnet_075": (2_912_278, 223.4),
    "semnasnet_050": (2_082_006, 103.2),
    "semnasnet_140": (6_105_992, 586.3),
    "mnasnet_075": (3_170_208, 215.5),
    "mnasnet_050": (2_218_512, 104.5),
    "mnasnet_140": (7_115_728, 588.8),
}


class TestMnasNet(SpaceContract):
    def make(self) -> Space:
        return MnasNetSpace(classes=10, resolution=32)


def test_every_block_has_432_choices() -> None:
    space = MnasNetSpace()
    assert len(space.choices) == 42
    assert raw_size(space) == 432**7
    assert 0 < space.size < 432**7


def test_counts_cover_what_is_published() -> None:
    assert COUNTS.keys() == PUBLISHED.keys()


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_exact(name: str) -> None:
    params, millions = COUNTS[name]
    found = cost(published(name))
    assert found.params == params
    assert found.macs / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.parametrize(
    ("name", "macs"), [("mnasnet_a1", 311_579_072), ("mnasnet_b1", 314_415_872)]
)
def test_macs_are_exact(name: str, macs: int) -> None:
    assert cost(published(name)).macs == macs


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_are_members_and_survive_json(name: str) -> None:
    arch, space = published(name), home(name)
    tokens = space.encode(arch)
    assert space.canonical(tokens) == tokens
    assert space.decode(tokens).id == arch.id
    assert Architecture.from_json(arch.to_json()) == arch


def test_a1_and_b1_are_members_of_one_space() -> None:
    space = MnasNetSpace()
    a1, b1 = (describe(space, space.encode(published(n))) for n in ("mnasnet_a1", "mnasnet_b1"))
    assert (a1["block 5 width"], b1["block 6 width"]) == ("112", "192")
    assert (a1["block 3 op"], a1["block 3 SE"], b1["block 3 SE"]) == ("mbconv3", "0.25", "0.0")
    assert home("mnasnet_a1") == home("mnasnet_b1") == space


def test_one_row_is_a_network_of_every_size() -> None:
    row = MnasNetSpace().encode(published("mnasnet_a1"))
    small = MnasNetSpace(classes=10, resolution=32, channels=1).decode(row)
    assert small.input_shape == (1, 32, 32)
    assert small.placed[-2].block.out_shape == (1280, 4, 4)


FAST = ("mnasnet_100", "mnasnet_small", "semnasnet_075")
OTHERS = (
    "mnasnet_050", "mnasnet_075", "mnasnet_140", "semnasnet_050", "semnasnet_100", "semnasnet_140",
)  # fmt: skip


@pytest.mark.parametrize(
    "name", [*FAST, *(pytest.param(n, marks=pytest.mark.slow) for n in OTHERS)]
)
def test_timm_gives_the_same(name: str, same_as_timm: Callable[[Architecture, str], None]) -> None:
    same_as_timm(published(name, classes=7, resolution=64), name)


@pytest.mark.parametrize(
    "name",
    ["mnasnet_a1", *(pytest.param(n, marks=pytest.mark.slow) for n in COUNTS if "_a1" not in n)],
)
def test_forward_and_backward_at_native_size(
    name: str, runs_at_native_size: Callable[[Architecture], None]
) -> None:
    runs_at_native_size(published(name))


def test_rates_are_off_unless_asked_for() -> None:
    kinds = {type(n.op) for n in published("mnasnet_a1")}
    assert not kinds & {Dropout, DropPath}
    rates = [n.op.rate for n in published("mnasnet_a1", dropout=None) if isinstance(n.op, Dropout)]
    assert rates == [0.2]


@pytest.mark.parametrize("name", NEVER_RELEASED)
def test_a2_and_a3_were_never_released(name: str) -> None:
    assert name not in PUBLISHED
    with pytest.raises(UsageError, match="never released"):
        published(name)


def test_other_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'mnasnet_"):
        published("mnasnet_a4")
    with pytest.raises(UsageError, match="dropout is a rate"):
        published("mnasnet_a1", dropout=1.5)
    with pytest.raises(UsageError, match="at least one"):
        published("mnasnet_a1", resolution=0)


def test_the_plan_scales_with_the_network() -> None:
    half = home("semnasnet_050").plan
    assert (half.stem, half.head) == (16, 1280)
    assert half.widths[-1] == (120, 160, 200)
    assert half.depths == PLAN.depths
