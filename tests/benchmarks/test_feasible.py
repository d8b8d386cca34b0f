"""A run counted again by torch: all of it, and a forged line is found."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import feasible
import netwright as nw
from netwright.workers import Serial

pytestmark = pytest.mark.usefixtures("quick_finals")


def test_a_run_is_counted_again(photos: Path, tmp_path: Path) -> None:
    space = nw.space("mobile", classes=3, resolution=8)
    run = nw.search(
        space, str(photos), budget=nw.Budget(macs=100_000), minutes=0.01, objective="params",
        executor=Serial(), out=tmp_path / "run",
    )  # fmt: skip
    rows = feasible.check(tmp_path / "run")
    own = [t for t in run.trials() if t.duplicate_of is None]
    assert [row.trial for row in rows] == own and rows
    assert all(row.exact and row.fits for row in rows)
    with closing(sqlite3.connect(run.folder.trials)) as db, db:
        cheap = '{"macs": 5, "params": 5, "peak_activation_bytes": 5}'
        db.execute("update trials set cost = ? where number = 0", (cheap,))
    assert [row.exact for row in feasible.check(tmp_path / "run")].count(False) == 1


def test_other_images_are_noticed(photos: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(photos, tmp_path / "data"))
    space = nw.space("mobile", classes=3, resolution=8)
    nw.search(
        space, str(data), budget=nw.Budget(macs=100_000), minutes=0.005, objective="params",
        executor=Serial(), out=tmp_path / "run",
    )  # fmt: skip
    shutil.rmtree(data / "red")
    with pytest.raises(ValueError, match="searched another space"):
        feasible.check(tmp_path / "run")
