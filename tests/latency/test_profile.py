"""Profiles with a made-up device and clock: what is measured, in which order, for how long."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from devices import SETTING, FakeGauge
from netwright.arch.cost import cost
from netwright.errors import UsageError
from netwright.latency.profile import Step, draws, profile
from netwright.latency.table import TableFile
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import first_row

SPACE = MobileSpace(classes=10, resolution=16)


class Ticking:
    """A clock that is a second further at each look."""

    def __init__(self) -> None:
        self.now = -1.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_it_ends_in_time_and_tells_of_every_network(tmp_path: Path) -> None:
    gauge, steps = FakeGauge(), list[Step]()
    file = TableFile(tmp_path / "t.json", SETTING, {})
    profile(SPACE, file, gauge=gauge, seconds=30, clock=Ticking(), on_step=steps.append)
    assert len(gauge.seen) == len(file.table.networks) == len(steps) > 3
    assert [s.networks for s in steps] == [*range(1, len(steps) + 1)]
    assert steps[-1].seconds <= 30 and steps[-1].parts == len(file.table.parts)


def test_it_measures_one_network_even_without_time(tmp_path: Path) -> None:
    gauge = FakeGauge()
    profile(
        SPACE, TableFile(tmp_path / "t.json", SETTING, {}), gauge=gauge, seconds=0.0,
        clock=Ticking(),
    )  # fmt: skip
    assert len(gauge.seen) == 1


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    whole, halves = FakeGauge(), [FakeGauge(), FakeGauge()]
    profile(SPACE, TableFile(tmp_path / "a", SETTING, {}), gauge=whole, seconds=1e9, most=10)
    for most, gauge in zip((4, 10), halves, strict=True):
        file = TableFile(tmp_path / "b", SETTING, {})
        profile(SPACE, file, gauge=gauge, seconds=1e9, most=most)
    assert halves[0].seen + halves[1].seen == whole.seen


def test_rows_of_ones_own(tmp_path: Path) -> None:
    gauge, file = FakeGauge(), TableFile(tmp_path / "t.json", SETTING, {})
    row = first_row(SPACE)
    profile(SPACE, file, gauge=gauge, seconds=1e9, rows=iter([row, row]))
    assert gauge.seen == [SPACE.decode(row).id]
    with pytest.raises(UsageError, match="Not one network"):
        empty = TableFile(tmp_path / "u.json", SETTING, {})
        profile(SPACE, empty, gauge=gauge, seconds=1e9, rows=iter([]))


def test_half_of_the_draws_are_small() -> None:
    rows = [*islice(draws(SPACE, seed=0), 80)]
    macs = [cost(SPACE.decode(row)).macs for row in rows]
    assert sum(macs[0::2]) > 2 * sum(macs[1::2])
    assert rows == [*islice(draws(SPACE, seed=0), 80)]
