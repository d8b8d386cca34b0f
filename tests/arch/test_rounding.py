"""The published rounding of channels and repeats."""

from __future__ import annotations

import pytest
from timm.models._efficientnet_builder import round_channels

from netwright.arch.rounding import Multipliers, round_filters, round_repeats
from netwright.errors import UsageError


@pytest.mark.parametrize(
    ("channels", "width", "expected"),
    [(40, 1.1, 48), (32, 1.1, 32), (16, 1.2, 24), (24, 1.4, 32), (112, 1.2, 136)],
)
def test_round_filters_gives_the_published_channels(
    channels: int, width: float, expected: int
) -> None:
    assert round_filters(channels, width) == expected


@pytest.mark.parametrize(("repeats", "depth", "expected"), [(1, 1.1, 2), (4, 3.1, 13), (3, 1, 3)])
def test_round_repeats_rounds_up(repeats: int, depth: float, expected: int) -> None:
    assert round_repeats(repeats, depth) == expected


@pytest.mark.parametrize("floor", [0.9, 0.0])
def test_round_filters_agrees_with_timm(floor: float) -> None:
    for channels in range(8, 400, 8):
        for width in (0.35, 0.5, 0.75, 1.1, 1.2, 1.4, 2.0, 4.3):
            theirs = round_channels(channels, width, round_limit=floor)  # type: ignore[no-untyped-call]
            assert round_filters(channels, width, floor=floor) == theirs


def test_a_width_of_one_changes_nothing() -> None:
    assert round_filters(13, 1.0) == 13


def test_what_is_fixed_stays() -> None:
    lite = Multipliers(width=1.4, depth=1.8, fixed=("stem", "head", "ends"))
    assert (lite.channels(32, "stem"), lite.channels(1280, "head"), lite.channels(32)) == (
        32,
        1280,
        48,
    )
    assert (lite.repeats(1, end=True), lite.repeats(1, end=False)) == (1, 2)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_coefficients_must_be_above_zero(bad: float) -> None:
    with pytest.raises(UsageError, match="width coefficient"):
        round_filters(16, bad)
    with pytest.raises(UsageError, match="depth coefficient"):
        round_repeats(2, bad)
