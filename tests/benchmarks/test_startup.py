"""Start-up is measured, and none of the commands loads torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import startup


def test_it_runs_and_writes_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "record.json"
    words = ["--repeats", "1"]
    monkeypatch.setattr(sys, "argv", ["startup", *words, "--out", str(out)])
    startup.main()
    found = json.loads(out.read_text())
    assert found["name"] == "startup"
    assert [row["headline"] for row in found["measured"].values()].count(True) == 1
    assert found["facts"]["loads_torch"] == dict.fromkeys(startup.COMMANDS, False)


def test_a_command_that_loads_torch_is_noticed() -> None:
    assert startup.loads_torch(["cost", "timm:resnet18"])


def test_a_command_that_fails_is_not_timed() -> None:
    with pytest.raises(RuntimeError, match="ended with 2"):
        startup.timed([sys.executable, "-c", "raise SystemExit(2)"])
