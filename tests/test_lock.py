"""The lock file: one holder, freed by release and by death."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netwright.lock import FileLock, holder

HOLD = (
    "import sys, pathlib; from netwright.lock import FileLock\n"
    "lock = FileLock(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
)


def test_a_lock_is_free_again_when_released_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for _ in range(2):
        lock = FileLock(path)
        with pytest.raises(BlockingIOError):
            FileLock(path)
        lock.release()
        lock.release()
        assert not path.exists()


def test_it_tells_who_holds_it_and_is_free_when_the_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError, match=str(holder.pid)):
            FileLock(path)
        holder.kill()
    assert path.exists(), "a killed holder cannot clean up"
    FileLock(path).release()


def test_a_place_that_cannot_be_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "no folder" / "lock")


def test_who_holds_it_can_be_asked_without_taking_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert holder(path) is None
    lock = FileLock(path)
    assert holder(path) == str(os.getpid()) == holder(path)
    lock.release()
    path.write_text("123")  # left behind by a killed process
    assert holder(path) is None and path.read_text() == "123"
