"""The measuring scripts run, on next to nothing, and write what they should."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

SCRIPTS = {
    "bookkeeping": ["--trials", "20", "--repeats", "1"],
    "startup": ["--repeats", "1"],
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_writes_its_record(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / f"{name}.json"
    monkeypatch.setattr(sys, "argv", [name, *SCRIPTS[name], "--out", str(out)])
    import_module(name).main()
    found = json.loads(out.read_text())
    assert found["name"] == name and any(row["headline"] for row in found["measured"].values())
    assert not any(found["facts"].get("loads_torch", {}).values())


@pytest.mark.slow
def test_memory_is_seen_of_coordinator_and_workers(tmp_path: Path) -> None:
    words = ["search", "digits", "--max-macs", "100k", "--minutes", "0.02", "--workers", "1"]
    out = ["--objective", "params", "--out", str(tmp_path / "run")]
    own, worker, together = import_module("memory").peaks([*words, *out])
    assert 50 < own < 4000 and 50 < worker < 4000 and together >= max(own, worker)
