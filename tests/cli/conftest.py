"""The command line called in this process, and one small finished run to look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

import pytest

from command_line import QUICK, Answer, Command, Refused
from netwright.cli import main
from netwright.workers import Serial


@pytest.fixture(scope="package", autouse=True)
def one_process(quick_finals: None) -> Iterator[None]:
    """Searches evaluate in this process, and their clock starts with the command."""
    import_module("netwright.pipeline")  # torch, so that no test's clock waits for it
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netwright.cli.searching._seconds_so_far", lambda: 0.0)
        patch.setattr("netwright.pipeline._processes", lambda workers: nullcontext(Serial()))
        yield


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """``command("cost", "efficientnet_b0")`` in an empty folder, with what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: object) -> Answer:
        capsys.readouterr()
        code = 0
        try:
            main([str(word) for word in words])
        except SystemExit as err:
            code = int(err.code or 0)
        said = capsys.readouterr()
        return Answer(code=code, out=said.out, err=said.err)

    return call


@pytest.fixture
def refused(command: Command, tmp_path: Path) -> Refused:
    """The one sentence that a command is refused with; it must leave nothing behind."""

    def call(*words: object) -> str:
        before = sorted(tmp_path.rglob("*"))
        answer = command(*words)
        assert answer.code == 2, answer
        assert answer.out == ""
        *head, last = answer.err.splitlines()
        assert last.startswith("netwright: ") and "Traceback" not in answer.err
        assert not [line for line in head if line.startswith("netwright: ")]
        assert sorted(tmp_path.rglob("*")) == before
        return last.removeprefix("netwright: ")

    return call


@pytest.fixture(scope="package")
def finished(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has ended; not to be changed."""
    run = tmp_path_factory.mktemp("runs") / "done"
    main(["search", str(photos), *QUICK, "--out", str(run), "--json"])
    return run
