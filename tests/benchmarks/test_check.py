"""The benchmark of a check says what the check found."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

import check

FOUND: dict[str, Any] = {
    "networks": 12, "epochs": 4.5, "pairs": 66, "pairs_apart": None, "best_by_luck": 0.75,
    "noise": None, "verdict": "Nothing.", "steps": 700, "probes": [], "seconds": {"total": 9.0},
    "scores": [
        {"name": "params", "spearman": {"value": 0.5}},
        {"name": "zico", "spearman": {"value": 0.25}},
        {"name": "swap", "spearman": None},
    ],
}  # fmt: skip


def test_figures_are_those_of_the_check() -> None:
    found = check.figures(FOUND)
    assert found["Spearman of params"] == (0.5, "")
    assert found["Spearman of the best score that is no count"] == (0.25, "")
    assert found["length of each training"] == (4.5, "epochs")
    assert "pairs told apart" not in found and "Spearman of consensus" not in found


def test_it_writes_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def checked(
        data: str, pixels: str, *, given: Namespace, seed: int, run: Path
    ) -> tuple[dict[str, Any], float]:
        assert (data, pixels, run.name) == ("some/where", "32", f"name-{seed}")
        return FOUND, 45.0

    monkeypatch.setattr(check, "check", checked)
    out = tmp_path / "record.json"
    words = ["name:some/where@32", "--minutes", "1", "--seeds", "0", "1", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["check", *words])
    check.main()
    found = json.loads(out.read_text())
    assert found["name"] == "check" and "some/where" not in found["command"]
    row = found["measured"]["name: wall time / time asked"]
    assert row["mean"] == 0.75 and row["repeats"] == 2 and row["headline"]
    assert [c["verdict"] for c in found["facts"]["checks"]] == ["Nothing.", "Nothing."]
