"""The finals: who is in them, how long they are, and that an interruption changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netwright import finals
from netwright.arch.cost import cost
from netwright.errors import UsageError, WorkerDied
from netwright.events import FinalsProgress
from netwright.fakes import ONE, TinySpace
from netwright.finals import Final, Finalist, FinalsPlan, choose, most_params, plan_finals, train
from netwright.records import Budget, Objective, Outcome, Tokens, Trial
from netwright.spaces.tokens import enumerate_tokens
from netwright.spaces.within import Within
from netwright.training.recipe import default_recipe
from netwright.training.reference import DataRef
from netwright.training.survey import DataFacts, peek_data
from netwright.workers import Serial

SPACE = TinySpace()
WITHIN = Within.of(SPACE, Budget(params=3000))
SCORE = Objective(metric="score")
ROWS: tuple[Tokens, ...] = ((0, 1, 0, 0), (1, 1, 1, 0), (0, 2, 2, 1))


def trial(number: int, tokens: Tokens, score: float | None, **parts: Any) -> Trial:
    arch = SPACE.decode(tokens)
    outcome = Outcome(status="failed", reason="loss became nan", device="cpu")
    if score is not None:
        outcome = Outcome(status="ok", metrics={"score": score}, device="cpu")
    return Trial(
        number=number, tokens=tokens, arch_id=arch.id, cost=cost(arch), outcome=outcome, **parts
    )


def finalists(rows: Sequence[Tokens] = ROWS) -> tuple[Finalist, ...]:
    roles = ("search 1", "random", "most params")
    return tuple(
        Finalist(role=role, tokens=tokens, arch=SPACE.decode(tokens))
        for role, tokens in zip(roles, rows, strict=False)
    )


class Dying(Serial):
    """Ends the process, or the worker, at a given submission."""

    def __init__(self, at: int, error: type[BaseException]) -> None:
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


@pytest.fixture
def data(photos: Path) -> DataRef:
    return DataRef(source=str(photos), resolution=8)


@pytest.fixture
def facts(photos: Path) -> DataFacts:
    return peek_data(str(photos), resolution=8)


@pytest.fixture
def plan(facts: DataFacts) -> FinalsPlan:
    return FinalsPlan(recipe=default_recipe(facts, steps=9), segments=3)


def go(
    data: DataRef, plan: FinalsPlan, folder: Path, *, executor: Executor | None = None, **more: Any
) -> tuple[Final, ...]:
    who = more.pop("who", finalists())
    return train(
        who,
        data,
        plan=plan,
        executor=executor or Serial(),
        seed=1,
        device="cpu",
        folder=str(folder),
        **more,
    )


def told(found: Sequence[Final]) -> list[tuple[str, str, dict[str, float]]]:
    """What came of it, but for the clock."""
    return [
        (f.role, f.arch_id, {k: v for k, v in f.outcome.metrics.items() if k != "train_seconds"})
        for f in found
    ]


def test_the_best_three_and_two_plain_ones_are_chosen() -> None:
    rows = [row for row in enumerate_tokens(SPACE) if WITHIN.fits(row)][:6]
    scores = [1.0, None, 5.0, 5.0, 2.0, 9.0]
    trials = [trial(i, row, s) for i, (row, s) in enumerate(zip(rows, scores, strict=True))]
    trials[5] = replace(trials[5], duplicate_of=2)  # is not to be trained twice
    chosen = choose(WITHIN, trials, SCORE, seed=0)
    roles = ["search 1", "search 2", "search 3", "random", "most params"]
    assert [f.role for f in chosen] == roles
    assert [f.tokens for f in chosen[:3]] == [rows[2], rows[3], rows[4]]  # the earlier of equals
    assert all(WITHIN.fits(f.tokens) and f.arch == SPACE.decode(f.tokens) for f in chosen)
    assert choose(WITHIN, trials, SCORE, seed=0) == chosen


def test_fewer_trials_give_fewer_finalists() -> None:
    chosen = choose(WITHIN, [trial(0, ROWS[0], 1.0)], SCORE, seed=0)
    assert [f.role for f in chosen] == ["search 1", "random", "most params"]
    smaller = Objective(metric="score", direction="min")
    pair = [trial(0, ROWS[0], 1.0), trial(1, ROWS[1], 0.5)]
    assert choose(WITHIN, pair, smaller, seed=0)[0].tokens == ROWS[1]


def test_most_params_is_what_enumeration_finds() -> None:
    counts = [cost(SPACE.decode(r)).params for r in enumerate_tokens(SPACE) if WITHIN.fits(r)]
    found = most_params(WITHIN, seed=0, looks=600)
    assert WITHIN.fits(found) and cost(SPACE.decode(found)).params == max(counts)
    alone = Within.of(ONE, Budget())
    assert most_params(alone, seed=0, looks=5) == (0, 0, 0, 0)


def test_all_are_trained_alike_and_progress_is_told(
    data: DataRef, plan: FinalsPlan, tmp_path: Path
) -> None:
    seen: list[FinalsProgress] = []
    found = go(data, plan, tmp_path, on_progress=seen.append)
    assert [f.role for f in found] == ["search 1", "random", "most params"]
    assert all(f.outcome.metrics["steps"] == 9 and f.accuracy is not None for f in found)
    assert [s.done for s in seen] == sorted({s.done for s in seen}) and seen[-1].done == 9
    assert set(seen[-1].accuracies) == {f.role for f in found} and seen[-1].seconds_left == 0
    rows = [f.to_dict() for f in found]
    assert [r["val_accuracy"] for r in rows] == [f.accuracy for f in found]
    assert all(r["train_seconds"] > 0 and r["status"] == "ok" for r in rows)


def test_a_network_with_two_roles_is_trained_once(
    data: DataRef, plan: FinalsPlan, tmp_path: Path
) -> None:
    executor = Dying(at=10**9, error=KeyboardInterrupt)
    found = go(data, plan, tmp_path, executor=executor, who=finalists((ROWS[0],) * 3))
    assert executor.calls == plan.segments
    assert len({f.accuracy for f in found}) == 1 and len(found) == 3


@pytest.mark.parametrize("at", [1, 2, 5, 9])
def test_an_interruption_changes_nothing(
    data: DataRef, plan: FinalsPlan, tmp_path: Path, at: int
) -> None:
    whole = go(data, plan, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        go(data, plan, tmp_path / "cut", executor=Dying(at=at, error=KeyboardInterrupt))
    assert told(go(data, plan, tmp_path / "cut")) == told(whole)


def test_checkpoints_are_gone_on_from(data: DataRef, plan: FinalsPlan, tmp_path: Path) -> None:
    first = go(data, plan, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    again = go(data, plan, tmp_path / "b")
    assert told(again) == told(first)
    for before, now in zip(first, again, strict=True):  # the seconds of the first go are in it
        assert now.outcome.metrics["train_seconds"] > before.outcome.metrics["train_seconds"] / 2


def test_a_dead_worker_costs_one_finalist(data: DataRef, plan: FinalsPlan, tmp_path: Path) -> None:
    found = go(data, plan, tmp_path, executor=Dying(at=2, error=WorkerDied))
    assert [f.accuracy is None for f in found] == [False, True, False]
    row = found[1].to_dict()
    assert row["status"] == "failed" and "SIGKILL" in row["reason"]
    assert row["val_accuracy"] is None


def test_the_plan_fills_the_time_and_no_more(
    data: DataRef, facts: DataFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taking(seconds: float) -> Any:
        def look(fn: Any, arch: Any, seed: int) -> Outcome:
            return Outcome.of({"step_seconds": seconds}, seconds=0.0, device="cpu")

        return look

    def planned(seconds: float, *, workers: int = 1) -> FinalsPlan:
        return plan_finals(
            finalists(), data, facts, seconds=seconds, executor=Serial(), workers=workers,
            seed=0, device="cpu",
        )  # fmt: skip

    monkeypatch.setattr(finals, "evaluate", taking(0.1))
    for seconds in (30.0, 60.0):
        plan = planned(seconds)
        looks = 3 * plan.segments * finals._look_steps(facts, plan.recipe.batch_size)
        assert 0.7 * seconds < 0.1 * (3 * plan.recipe.steps + looks) <= seconds
    assert planned(60.0, workers=2).recipe.steps > 1.7 * planned(60.0).recipe.steps
    assert planned(0.0).recipe.steps == 1  # as little as there is
    idle = planned(60.0, workers=8).recipe.steps  # three networks keep three workers busy at most
    assert idle == planned(60.0, workers=3).recipe.steps
    assert 0.1 * idle <= 60.0
    monkeypatch.setattr(finals, "evaluate", taking(1e-6))
    most = planned(3600.0).recipe
    assert most.steps * most.batch_size <= finals.MOST_EPOCHS * facts.count("train")


@pytest.mark.usefixtures("quick_finals")
def test_one_that_cannot_take_a_step_does_not_stop_the_others(
    data: DataRef, facts: DataFacts
) -> None:
    def planned(at: int, who: Sequence[Finalist]) -> FinalsPlan:
        return plan_finals(
            who, data, facts, seconds=1.0, executor=Dying(at=at, error=WorkerDied), workers=1,
            seed=0, device="cpu",
        )  # fmt: skip

    assert planned(2, finalists()).recipe.steps >= 1
    with pytest.raises(UsageError, match="No finalist can be trained: The worker died"):
        planned(1, finalists()[:1])
