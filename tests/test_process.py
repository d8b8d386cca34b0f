"""A worker process by itself: how it starts, answers and dies."""

from __future__ import annotations

import os
import signal

import pytest

from netwright.process import WorkerProcess, cause


def environment() -> tuple[str | None, str | None, bool]:
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return os.environ.get("OMP_NUM_THREADS"), os.environ.get("MKL_NUM_THREADS"), ignored


def test_it_has_an_environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    worker = WorkerProcess()
    worker.hand((environment, (), {}))
    assert worker.answer() == (True, ("1", "1", True))
    assert worker.end() == 0
    assert environment()[:2] == ("7", None)


def test_an_error_is_an_answer_and_death_is_none() -> None:
    worker = WorkerProcess()
    worker.hand((divmod, (1, 0), {}))
    good, err = worker.answer()
    assert not good and isinstance(err, ZeroDivisionError)
    worker.hand((os._exit, (7,), {}))
    with pytest.raises(EOFError):
        worker.answer()
    assert worker.end() == 7


def test_a_cause_is_told_in_words() -> None:
    assert cause(3) == "exit code 3"
    assert cause(-int(signal.SIGKILL)) == "ended by SIGKILL, most likely for lack of memory"
    assert cause(-250) == "ended by signal 250"
    assert cause(None) == "it ended without an exit code"
