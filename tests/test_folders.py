"""Folders that are made, and the sentence for those that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from netwright.errors import UsageError
from netwright.folders import make_folder


def test_a_folder_is_made_with_those_above_it_and_left_empty(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    make_folder(path)
    make_folder(path)
    assert path.is_dir() and not any(path.iterdir())


def test_what_cannot_be_written_is_said_with_what_it_is_called(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UsageError, match=r"The folder .*file cannot be written .*--out"):
        make_folder(file)
    with pytest.raises(UsageError, match=r"The run folder .*inside cannot be written"):
        make_folder(file / "inside", called="run folder")
