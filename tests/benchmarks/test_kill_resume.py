"""The command line killed in the middle, for real, and gone on with."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

import kill_resume
import searcher
from kill_resume import after_checkpoints, after_trials, kill_at, prefix, stored, timeless
from netwright.run_folder import RunFolder

WORDS = ("digits", "--max-macs", "100k", "--objective", "naswot", "--seed", "3")
LONG, SHORT = ("--minutes", "20"), ("--minutes", "0.05")


@pytest.mark.slow
def test_a_killed_search_is_the_same_search(tmp_path: Path) -> None:
    """Killed while it searches and in the finals, at moments that do not depend on luck."""
    run = RunFolder(tmp_path / "run")
    words = (*WORDS, *LONG, "--workers", "2")
    kills = {
        "search": kill_at(run, words, after_trials(20)),
        "finals": kill_at(run, words, after_checkpoints(1), resume_with=SHORT),
    }
    for phase, kill in kills.items():
        assert kill is not None and kill.phase == phase and kill.code == -signal.SIGKILL
        assert kill.sound == "ok" and kill.kept, kill
    plan = (run.finals / "plan.json").read_text()
    assert kill_at(run, words, lambda run: False) is None  # to its end
    assert (run.finals / "plan.json").read_text() == plan
    trials = stored(run)
    assert len(trials) >= 20 and kill_resume.evaluated_twice(trials) == 0
    assert kill_resume.sound(run) == "ok"
    begun = prefix(trials)
    whole = kill_resume.uninterrupted(run, tmp_path, trials=len(begun))
    assert timeless(whole) == timeless(begun)  # tokens, ids, costs, scores: to the last bit
    assert all(row["status"] == "ok" for row in run.read_result()["finals"])


@pytest.mark.slow
def test_ctrl_c_ends_it_politely(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "my run")
    kill = kill_at(run, (*WORDS, *LONG), after_trials(3), by=signal.SIGINT)
    assert kill is not None and kill.code == 130 and kill.stored >= 3
    assert "Traceback" not in kill.told
    assert f"netwright search --resume --out '{run.path}'" in kill.told


def test_what_was_in_flight_is_not_compared(tmp_path: Path) -> None:
    searcher.search(tmp_path, workers=0, trials=16)
    trials = stored(RunFolder(tmp_path))
    assert prefix(trials) == trials and kill_resume.evaluated_twice(trials) == 0
    assert [t.number for t in prefix([*trials[:3], *trials[5:]])] == [0, 1, 2]
    first = next(t for t in trials if t.duplicate_of is None and t.ok)
    assert kill_resume.evaluated_twice([*trials, replace(first, number=99)]) == 1


def test_a_folder_without_a_database_has_no_trials(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert stored(run) == [] and kill_resume.sound(run) == "ok"
    run.trials.touch()
    assert stored(run) == []
