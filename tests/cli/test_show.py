"""``netwright show``: a run in words, as JSON, unfinished, and damaged."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from command_line import QUICK, Command, Refused
from netwright.arch.graph import Architecture
from netwright.cli import main
from netwright.cli.candidates import front_of
from netwright.config import read_toml
from netwright.lock import FileLock
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


def test_a_run_without_its_end_says_how_far_it_is(command: Command, copy: RunFolder) -> None:
    with read_store(copy.trials) as store:
        trials, goal = list(store), store.run.objective
    best = max((t for t in trials if t.ok), key=lambda t: (t.value(goal), -t.number))
    copy.result.unlink()
    answer = command("show", copy.path)
    assert answer.code == 0
    assert f"The search has no result yet. Done: {len(trials)} candidates" in answer.out
    assert f"Best so far: #{best.number}, network {best.arch_id[:8]}, naswot" in answer.out
    assert f"Go on with: netwright search --resume --out {copy.path}" in answer.out
    assert "their final trainings are not over" in answer.out


def test_a_running_search_is_told_from_a_killed_one(command: Command, copy: RunFolder) -> None:
    copy.result.unlink()
    lock = FileLock(copy.trials.with_name("trials.db.lock"))
    try:
        said = command("show", copy.path).out
    finally:
        lock.release()
    assert f"The search is running (process {os.getpid()})" in said and "Go on with" not in said


@pytest.fixture(scope="module")
def traded(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search with two goals; not to be changed."""
    run = tmp_path_factory.mktemp("runs") / "traded"
    main(["search", str(photos), *QUICK, "--strategy", "nsga2", "--out", str(run), "--json"])
    return run


def test_a_search_with_two_goals_shows_its_front(command: Command, traded: Path) -> None:
    data = command("show", traded, "--json").data
    with read_store(traded / "trials.db") as store:
        edge = front_of(list(store), store.run.objective, costs=("macs",))
    assert data["front"] == [t.number for t in edge]
    said = command("show", traded).out
    assert f"Front of naswot and little macs: {len(edge)} networks" in said
    assert f"Take one with: netwright show {traded} --pick {edge[0].number}" in said


def test_any_run_can_be_asked_for_a_front(command: Command, finished: Path) -> None:
    assert "Front of" not in command("show", finished).out
    said = command("show", finished, "--front", "params", "--front", "macs").out
    assert "Front of naswot and little params and macs" in said
    assert "has no 'watts'" in command("show", finished, "--front", "watts").err


def test_a_candidate_is_picked(command: Command, copy: RunFolder) -> None:
    with read_store(copy.trials) as store:
        trial = next(t for t in store if t.ok)
    answer = command("show", copy.path, "--pick", trial.number)
    path = copy.path / f"candidate-{trial.number}.json"
    assert Architecture.from_json(path.read_text()).id == trial.arch_id
    assert f"Next: netwright train {read_toml(copy.config)['data']} {path}" in answer.out
    assert command("cost", path).code == 0
    refused = command("show", copy.path, "--pick", "99999")
    assert refused.code == 2 and "no candidate #99999" in refused.err


@pytest.mark.skipif(not find_spec("optuna"), reason="optuna is not installed")
def test_a_run_becomes_a_study_of_optuna(
    command: Command, finished: Path, traded: Path, tmp_path: Path
) -> None:
    import optuna

    for run, goals in ((finished, 1), (traded, 2)):
        storage = f"sqlite:///{tmp_path / run.name}.db"
        answer = command("show", run, "--to-optuna", storage)
        assert answer.code == 0 and answer.err == ""
        study = optuna.load_study(study_name=run.name, storage=storage)
        with read_store(run / "trials.db") as store:
            trials = list(store)
        assert f"Study {run.name!r} with {len(trials)} trials" in answer.out
        assert len(study.directions) == goals and len(study.trials) == len(trials)
        assert [t.user_attrs["arch_id"] for t in study.trials] == [t.arch_id for t in trials]
        assert study.user_attrs["strategy"] == ("evolution", "nsga2")[goals - 1]


def test_tables_of_a_run_fit_80_columns(command: Command, traded: Path) -> None:
    lines = command("show", traded).out.splitlines()
    rows = [line.rstrip() for line in lines if line.startswith(("#", "candidate", "search"))]
    assert rows and max(map(len, rows)) <= 80


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
