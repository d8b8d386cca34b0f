"""A search carried out: whose clock it goes by, what a plan costs, what a bug looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import Command
from netwright.cli.searching import _seconds_so_far, planned
from netwright.config import search_config


def test_a_plan_measures_and_trains_nothing(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def measured(*args: object, **options: object) -> None:
        raise AssertionError("a plan measures nothing")

    monkeypatch.setattr("netwright.cli.searching.prepared", measured)
    settings = {"data": str(photos), "max_macs": 100_000, "max_latency_ms": 5.0, "minutes": 1.0}
    plan = planned(search_config(settings))
    assert plan.lines() and list(tmp_path.iterdir()) == []


def test_a_bug_keeps_its_traceback(
    command: Command, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*args: object, **options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("netwright.cli.searching.peek_data", bug)
    with pytest.raises(ZeroDivisionError):
        command("search", photos)


def test_a_jumping_clock_takes_no_time_from_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    for created, most in ((-1e9, 20.0), (1e12, 0.0)):
        monkeypatch.setattr("psutil.Process.create_time", lambda self, at=created: at)
        assert 0.0 <= _seconds_so_far() <= most
