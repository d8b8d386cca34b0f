"""The finals: a race beside plain trainings, and that an interruption changes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netwright.errors import WorkerDied
from netwright.evaluators.training import TrainingEvaluator
from netwright.events import FinalsProgress
from netwright.fakes import TinySpace
from netwright.finalists import Finalist
from netwright.finals import Final, train
from netwright.records import Outcome, Tokens
from netwright.rehearsal import FinalsPlan
from netwright.rng import stream
from netwright.training.halving import Rung
from netwright.training.recipe import default_recipe
from netwright.training.reference import DataRef
from netwright.training.survey import peek_data
from netwright.workers import Processes, Serial

SPACE = TinySpace()
ROWS: tuple[Tokens, ...] = ((0, 1, 0, 0), (1, 1, 1, 0), (0, 2, 2, 1), (2, 1, 0, 1))
RUNGS = (Rung(share=1 / 3, keep=1, most=1), Rung(share=2 / 3, keep=1, most=1))
ROLES = ("search 1", "search 2", "random", "most params")


def finalists(rows: Sequence[Tokens] = ROWS) -> tuple[Finalist, ...]:
    return tuple(
        Finalist(role=role, tokens=tokens, arch=SPACE.decode(tokens))
        for role, tokens in zip(ROLES, rows, strict=True)
    )


class Dying(Serial):
    """Ends the process, or the worker, at a given submission."""

    def __init__(self, at: int = 10**9, error: type[BaseException] = KeyboardInterrupt) -> None:
        super().__init__()
        self.at, self.error, self.calls = at, error, 0

    def submit(self, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:
        self.calls += 1
        if self.calls == self.at and self.error is WorkerDied:
            future: Future[Any] = Future()
            future.set_exception(WorkerDied("The worker died: ended by SIGKILL."))
            return future
        if self.calls == self.at:
            raise self.error
        return super().submit(fn, *args, **options)


class DyingAfter(Dying):
    """Ends the process once the work of a submission is done, before anybody hears of it."""

    def submit(self, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:
        future = Serial.submit(self, fn, *args, **options)
        self.calls += 1
        if self.calls == self.at:
            raise self.error
        return future


@pytest.fixture
def data(photos: Path) -> DataRef:
    return DataRef(source=str(photos), resolution=8)


@pytest.fixture
def plan(photos: Path) -> FinalsPlan:
    facts = peek_data(str(photos), resolution=8)
    return FinalsPlan(finalists=finalists(), recipe=default_recipe(facts, steps=9), rungs=RUNGS)


def go(
    data: DataRef, plan: FinalsPlan, folder: Path, *, executor: Executor | None = None, **more: Any
) -> tuple[Final, ...]:
    return train(
        plan,
        data,
        images=6,
        executor=executor or Serial(),
        workers=more.pop("workers", 1),
        seed=1,
        device="cpu",
        folder=str(folder),
        **more,
    )


def told(found: Sequence[Final]) -> list[tuple[str, str, int | None, dict[str, float]]]:
    """What came of it, but for the clock."""
    return [
        (
            f.role, f.arch_id, f.stopped,
            {k: v for k, v in f.outcome.metrics.items() if k != "train_seconds"},
        )
        for f in found
    ]  # fmt: skip


def test_one_candidate_and_all_plain_ones_are_trained_to_the_end(
    data: DataRef, plan: FinalsPlan, tmp_path: Path
) -> None:
    seen: list[FinalsProgress] = []
    executor = Dying()
    found = go(data, plan, tmp_path, executor=executor, on_progress=seen.append)
    assert [f.role for f in found] == list(ROLES)
    assert executor.calls == 2 + 2 + 2 * 3  # of the four, one was left behind after a part
    racers, plain = found[:2], found[2:]
    (left,) = [f for f in racers if f.stopped is not None]
    assert left.stopped == 3 and left.accuracy is None and left.reached is not None
    assert left.outcome.metrics["steps"] == 3
    ended = [f for f in found if f is not left]
    assert all(f.outcome.metrics["steps"] == 9 and f.accuracy == f.reached for f in ended)
    assert all(f.stopped is None and f.accuracy is not None for f in plain)
    losses = {f.role: f.outcome.metrics["val_loss"] for f in racers}
    first = {
        r["network"]: r["metrics"]["val_loss"] for r in parts(tmp_path, plan) if not r["part"]
    }
    assert first[left.arch_id] == max(first[f.arch_id] for f in racers), losses
    assert [s.done for s in seen] == sorted({s.done for s in seen}) and seen[-1].done == 10
    assert {s.segments for s in seen} == {10} and seen[-1].seconds_left == 0
    assert set(seen[-1].accuracies) == set(ROLES)
    rows = [f.to_dict() for f in found]
    assert [r["val_accuracy"] for r in rows] == [f.accuracy for f in found]
    assert all(r["train_seconds"] > 0 and r["status"] == "ok" for r in rows)


def parts(folder: Path, plan: FinalsPlan) -> list[dict[str, Any]]:
    text = (folder / f"parts-{plan.recipe.steps}.json").read_text()
    found: list[dict[str, Any]] = json.loads(text)["parts"]
    return found


def test_a_network_with_two_roles_is_trained_once(
    data: DataRef, plan: FinalsPlan, tmp_path: Path
) -> None:
    executor = Dying()
    same = replace(plan, finalists=finalists((ROWS[0],) * 4))
    found = go(data, same, tmp_path, executor=executor)
    assert executor.calls == 3
    assert len({f.accuracy for f in found}) == 1 and not any(f.stopped for f in found)


def test_a_candidate_left_behind_that_is_also_a_plain_one_trains_on(
    data: DataRef, plan: FinalsPlan, tmp_path: Path
) -> None:
    both = replace(plan, finalists=finalists((ROWS[0], ROWS[1], ROWS[0], ROWS[1])))
    found = go(data, both, tmp_path)
    assert [f.stopped for f in found] == [None] * 4


@pytest.mark.parametrize("at", range(1, 11))
def test_an_interruption_changes_nothing_and_repeats_nothing(
    data: DataRef, plan: FinalsPlan, tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingEvaluator, "__call__", fake)
    monkeypatch.setattr(Path, "exists", lambda path: True)  # weights that nobody wrote
    whole = go(data, plan, tmp_path / "whole")
    first, second = Dying(at=at), Dying()
    with pytest.raises(KeyboardInterrupt):
        go(data, plan, tmp_path / "cut", executor=first)
    assert told(go(data, plan, tmp_path / "cut", executor=second)) == told(whole)
    assert first.calls - 1 + second.calls == 10


def test_a_kill_between_checkpoint_and_result_changes_nothing(
    data: DataRef, plan: FinalsPlan, tmp_path: Path
) -> None:
    """The checkpoint of a part is there, what it came to is not."""
    whole = go(data, plan, tmp_path / "whole")
    for count in (1, 4):
        cut = tmp_path / f"cut-{count}"
        with pytest.raises(KeyboardInterrupt):
            go(data, plan, cut, executor=DyingAfter(at=count))
        assert told(go(data, plan, cut)) == told(whole)


def test_what_is_done_is_not_done_again(data: DataRef, plan: FinalsPlan, tmp_path: Path) -> None:
    first = go(data, plan, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    executor = Dying()
    again = go(data, plan, tmp_path / "b", executor=executor)
    assert again == first and executor.calls == 0
    for file in (tmp_path / "b").glob("*.weights.safetensors"):
        file.unlink()  # whoever loses the weights gets them back
    assert told(go(data, plan, tmp_path / "b", executor=executor)) == told(first)
    assert executor.calls == 3
    assert (tmp_path / "b" / f"{first[-1].arch_id}-9.weights.safetensors").is_file()


def test_another_plan_in_the_folder_begins_anew(
    data: DataRef, plan: FinalsPlan, tmp_path: Path
) -> None:
    go(data, plan, tmp_path)
    executor = Dying()
    go(data, replace(plan, rungs=()), tmp_path, executor=executor)
    assert executor.calls == 4


def test_a_dead_worker_costs_one_finalist(data: DataRef, plan: FinalsPlan, tmp_path: Path) -> None:
    found = go(data, plan, tmp_path, executor=Dying(at=2, error=WorkerDied))
    assert [f.accuracy is None for f in found] == [False, True, False, False]
    row = found[1].to_dict()
    assert row["status"] == "failed" and "SIGKILL" in row["reason"]
    assert row["val_accuracy"] is None and row["stopped"] is None


def fake(self: TrainingEvaluator, arch: Any, *, seed: int) -> Outcome:
    """Accuracies drawn for every network and part, without training."""
    drawn = stream(seed, arch.id, self.until or 0).random()
    metrics = {"val_accuracy": drawn, "val_loss": 1 - drawn, "steps": float(self.until or 0)}
    return Outcome.of(metrics, seconds=0.0, device="cpu")


def test_workers_change_nothing(
    data: DataRef, plan: FinalsPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingEvaluator, "__call__", fake)
    more: Callable[[int], Tokens] = lambda i: (i % 4, 1, i % 5, i % 2)  # noqa: E731
    racers = tuple(
        Finalist(role=f"search {i}", tokens=more(i), arch=SPACE.decode(more(i))) for i in range(9)
    )
    race = replace(plan, finalists=(*racers, *finalists()[2:]))
    alone = told(go(data, race, tmp_path / "1"))
    for workers in (2, 5):
        assert told(go(data, race, tmp_path / str(workers), workers=workers)) == alone


@pytest.mark.slow
def test_processes_end_as_one_does(data: DataRef, plan: FinalsPlan, tmp_path: Path) -> None:
    alone = go(data, plan, tmp_path / "1")
    with Processes(2) as executor:
        found = go(data, plan, tmp_path / "2", executor=executor, workers=2)
    assert told(found) == told(alone)
