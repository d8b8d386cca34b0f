"""The account of sittings: kept, summed, begun anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from netwright.errors import UsageError
from netwright.run_folder import RunFolder
from netwright.sittings import Sittings


def test_sittings_are_summed_and_the_current_one_is_not_earlier(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    first = Sittings(folder, lambda: 5.0, resume=False)
    assert first.earlier == 0.0
    first.note()
    second = Sittings(folder, lambda: 7.5, resume=True)
    second.note(now=True)
    second.note(now=True)
    assert second.earlier == 5.0
    assert Sittings(folder, lambda: 0.0, resume=True).earlier == 12.5
    assert Sittings(folder, lambda: 0.0, resume=False).earlier == 0.0


def test_it_is_not_written_at_every_event(tmp_path: Path) -> None:
    seconds = iter(range(100))
    sittings = Sittings(RunFolder(tmp_path), lambda: float(next(seconds)), resume=False)
    for _ in range(50):
        sittings.note()
    assert next(seconds) == 1  # one look at the clock
    sittings.note(now=True)
    assert Sittings(RunFolder(tmp_path), lambda: 0.0, resume=True).earlier == 2.0


def test_a_damaged_account_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "sittings.json").write_text("{")
    with pytest.raises(UsageError, match=r"sittings\.json is damaged"):
        Sittings(RunFolder(tmp_path), lambda: 0.0, resume=True)
