"""The folder of a run: made, claimed, given back, read, and said to be damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

import searcher
from netwright.errors import StoreError, UsageError
from netwright.fakes import TinySpace
from netwright.run_folder import RunFolder, next_run, read_architecture

ARCH = TinySpace().decode((0, 1, 2, 0))
RESULT = dict.fromkeys(
    ("search", "seconds", "finals", "best", "test", "verdict", "data", "objective")
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "a" / "run")
    run.create()
    run.create()
    run.write_text(run.best, ARCH.to_json())
    run.write_json(run.result, RESULT)
    assert run.read_best() == ARCH and run.read_result() == RESULT
    names = {path.name for path in run.path.iterdir()}
    assert names == {"finals", "best.json", "result.json"}  # no drafts, no probes


def test_a_reader_never_sees_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(tmp_path)
    run.write_json(run.result, RESULT)

    def killed(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        run.write_json(run.result, {**RESULT, "search": 2})
    assert run.read_result() == RESULT


def test_a_failed_start_leaves_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "runs" / "mine")
    with pytest.raises(UsageError), run.started():
        run.write_text(run.config, "data = 'x'")
        raise UsageError("no such thing")
    assert not any(tmp_path.iterdir())


def test_what_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "other").touch()
    mine = tmp_path / "runs" / "mine"
    mine.mkdir()
    with pytest.raises(UsageError), RunFolder(mine).started():
        raise UsageError("no such thing")
    assert mine.is_dir() and not any(mine.iterdir())  # it was there, and it was empty
    (mine / "notes").touch()
    with pytest.raises(UsageError), RunFolder(mine).started():
        raise UsageError("no such thing")
    assert (mine / "notes").exists() and (tmp_path / "runs" / "other").exists()


def test_trials_that_were_paid_for_are_kept(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with pytest.raises(StoreError), run.started():
        searcher.search(run.path, workers=0, trials=8)
        raise StoreError("the disk broke later")
    assert run.trials.is_file() and run.is_run()


def test_a_bug_or_ctrl_c_leaves_everything(tmp_path: Path) -> None:
    for number, error in enumerate((ZeroDivisionError, KeyboardInterrupt)):
        run = RunFolder(tmp_path / str(number))
        with pytest.raises(error), run.started():
            run.write_text(run.config, "data = 'x'")
            raise error
        assert run.config.is_file()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UsageError, match="choose another with --out"):
            RunFolder(path).create()


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"search": 1}', "\udcff"])
def test_a_damaged_result_is_named(tmp_path: Path, text: str) -> None:
    run = RunFolder(tmp_path)
    run.result.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UsageError, match=r"result\.json is damaged .*; remove it"):
        run.read_result()


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", "\udcff"])
def test_a_damaged_architecture_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "net.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UsageError, match=r"net\.json cannot be used as an architecture"):
        read_architecture(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_architecture(tmp_path / "none.json")


def test_what_is_missing_is_said_with_what_to_type(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with pytest.raises(UsageError, match="is not the folder of a run"):
        run.read_best()
    run.config.touch()
    for read in (run.read_best, run.read_result):
        with pytest.raises(UsageError, match=f"netwright search --resume --out {tmp_path}"):
            read()


def test_runs_are_numbered(tmp_path: Path) -> None:
    assert next_run(tmp_path, "x") == tmp_path / "x-1"
    (tmp_path / "x-1").mkdir()
    (tmp_path / "x-3").mkdir()
    assert next_run(tmp_path, "x") == tmp_path / "x-2"
