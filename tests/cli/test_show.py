"""``netwright show``: a run in words, as JSON, unfinished, and damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from command_line import Command, Refused
from netwright.run_folder import RunFolder
from netwright.store import read_store


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> RunFolder:
    return RunFolder(Path(shutil.copytree(finished, tmp_path / "copy")))


def test_a_run_in_words(command: Command, finished: Path) -> None:
    answer = command("show", finished, "--top", "1")
    assert answer.code == 0 and answer.err == ""
    assert "objective naswot" in answer.out and "Best 1 of" in answer.out
    assert "most params" in answer.out and "val accuracy" in answer.out


def test_json_has_every_trial(command: Command, finished: Path) -> None:
    data = command("show", finished, "--json").data
    with read_store(finished / "trials.db") as store:
        assert data["trials"] == [t.to_dict() for t in store]
    assert data["result"] == RunFolder(finished).read_result()
    assert data["config"]["max_macs"] == 100_000


def test_a_run_without_its_end_says_how_to_go_on(command: Command, copy: RunFolder) -> None:
    copy.result.unlink()
    answer = command("show", copy.path)
    assert answer.code == 0
    assert f"netwright search --resume --out {copy.path}" in answer.out


def test_what_is_no_run_is_refused(refused: Refused, copy: RunFolder, tmp_path: Path) -> None:
    assert "nowhere is not the folder of a run" in refused("show", "nowhere")
    assert "--top 0 would show nothing" in refused("show", copy.path, "--top", "0")
    for text in ("{", "{}", "[]", '{"search": 1}'):
        copy.result.write_text(text)
        assert "result.json is damaged" in refused("show", copy.path)
    copy.result.unlink()
    for path in copy.path.glob("trials.db*"):
        path.unlink()
    assert "There is no store at" in refused("show", copy.path)
    copy.trials.write_bytes(b"no database at all" * 500)
    assert "is not a store of trials" in refused("show", copy.path)
    copy.config.write_text("data = ")
    assert "is not TOML" in refused("show", copy.path)
