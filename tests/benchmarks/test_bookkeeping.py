"""Bookkeeping is measured, and written down."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import bookkeeping


def test_it_runs_and_writes_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "record.json"
    words = ["--trials", "20", "--repeats", "1"]
    monkeypatch.setattr(sys, "argv", ["bookkeeping", *words, "--out", str(out)])
    bookkeeping.main()
    found = json.loads(out.read_text())
    assert found["name"] == "bookkeeping"
    assert [row["headline"] for row in found["measured"].values()].count(True) == 1
