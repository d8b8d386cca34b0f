"""The folder of a check: its paths, and the sentences when something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from netwright.check_folder import CheckFolder, known
from netwright.errors import UsageError
from netwright.run_folder import RunFolder


def test_a_folder_without_settings_is_no_check(tmp_path: Path) -> None:
    folder = CheckFolder(tmp_path)
    assert not folder.is_check() and folder.read_plan() is None
    with pytest.raises(
        UsageError, match=r"is not the folder of a check: it has no settings\.json"
    ):
        folder.read_settings()
    with pytest.raises(UsageError, match="is not the folder of a check"):
        known(tmp_path)


def test_a_check_that_has_trained_nothing_says_how_to_go_on(tmp_path: Path) -> None:
    folder = CheckFolder(tmp_path)
    settings = {"data": "digits", "space": "tiny", "seed": 0, "resolution": 8, "budget": {}}
    RunFolder(tmp_path).write_json(folder.settings, settings)
    assert folder.is_check() and folder.read_settings() == settings
    with pytest.raises(UsageError, match=f"netwright check --resume --out {tmp_path}"):
        known(tmp_path)


def test_a_damaged_plan_is_named(tmp_path: Path) -> None:
    folder = CheckFolder(tmp_path)
    folder.plan.write_text('{"tokens": []}')
    with pytest.raises(UsageError, match=r"plan\.json is damaged"):
        folder.read_plan()
