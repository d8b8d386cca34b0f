"""Workers for the time of a block, and a line of progress now and then."""

from __future__ import annotations

import pytest

from netwright.cli.crew import Watch, crew
from netwright.workers import Processes, Serial


def test_one_worker_is_this_process() -> None:
    with crew(1) as executor:
        assert isinstance(executor, Serial)
        assert executor.submit(abs, -1).result() == 1
    with crew(2) as executor:
        assert isinstance(executor, Processes) and executor.workers == 2


def test_the_first_and_the_last_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch("networks are scored")
    for done in range(1, 4):
        watch(done, 3)
    assert capsys.readouterr().err.splitlines() == [
        "1 of 3 networks are scored",
        "3 of 3 networks are scored",
    ]
