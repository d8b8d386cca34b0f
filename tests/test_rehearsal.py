"""How long the finals may be: the arithmetic of their time, and who is let in."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from netwright import rehearsal
from netwright.effort import FIELDS, MOST_FINAL_EPOCHS, RESERVE_SHARE, SEARCH_SHARE, Field
from netwright.errors import UsageError, WorkerDied
from netwright.fakes import TinySpace
from netwright.finalists import Finalist
from netwright.records import Outcome
from netwright.rehearsal import (
    MEASURED,
    FinalsPlan,
    let_in,
    longest,
    look_steps,
    plan_finals,
    rehearse,
)
from netwright.spaces.tokens import enumerate_tokens
from netwright.training.halving import ladder, work
from netwright.training.recipe import default_recipe
from netwright.training.reference import DataRef
from netwright.training.survey import DataFacts, peek_data
from netwright.workers import Serial

SPACE = TinySpace()
ROLES = (
    *(f"search {i}" for i in range(1, 9)), "random", "random 2", "random 3", "most params",
    "mobilenet_v2", "efficientnet_b0",
)  # fmt: skip
EVERYONE = tuple(
    Finalist(role=role, tokens=tokens, arch=SPACE.decode(tokens))
    for role, tokens in zip(ROLES, list(enumerate_tokens(SPACE))[: len(ROLES)], strict=True)
)


@pytest.fixture
def data(photos: Path) -> DataRef:
    return DataRef(source=str(photos), resolution=8)


@pytest.fixture
def facts(photos: Path) -> DataFacts:
    return peek_data(str(photos), resolution=8)


def plan_of(field: Field, facts: DataFacts, steps: int = 100) -> FinalsPlan:
    return FinalsPlan(
        finalists=let_in(field, EVERYONE),
        recipe=default_recipe(facts, steps=steps),
        rungs=field.rungs,
    )


def test_fields_let_in_the_most_promising(facts: DataFacts) -> None:
    assert let_in(FIELDS[0], EVERYONE) == EVERYONE
    roles = [f.role for f in let_in(MEASURED, EVERYONE)]
    assert roles == ["search 1", "search 2", "search 3", "random", *ROLES[-3:]]
    plan = plan_of(MEASURED, facts)
    assert len(plan.racers) == 3 and len(plan.others) == 4
    assert plan.ends[-1] == 100 and list(plan.ends) == sorted(set(plan.ends))


def test_plain_networks_are_left_out_where_not_one_step_fits(facts: DataFacts) -> None:
    recipe = default_recipe(facts, steps=1)
    for pace, roles in ((0.1, {"most params", "mobilenet_v2", "efficientnet_b0"}), (20.0, set())):
        steps = {f.arch.id: pace for f in EVERYONE}
        field, count = rehearsal._field(EVERYONE, steps, facts, recipe, seconds=5.0, workers=2)
        there = {f.role for f in let_in(field, EVERYONE)}
        assert {"search 1", "random"} <= there and count >= 1
        assert there & set(ROLES[-3:]) == roles


def test_a_winner_trains_about_as_long_as_in_five_equal_trainings() -> None:
    """Those had 0.55 of the time."""
    assert (1 - SEARCH_SHARE - RESERVE_SHARE) / MEASURED.work >= 0.55 / 5


def test_one_worker_does_the_work_of_the_race(facts: DataFacts) -> None:
    for field in FIELDS:
        plan = plan_of(field, facts)
        pace = dict.fromkeys((*plan.racers, *plan.others), 0.25)
        full = work(field.racers, field.rungs) + len(plan.others)
        taken = rehearse(plan, pace, steps=4000, look=0.0, workers=1)
        assert taken == pytest.approx(0.25 * 4000 * full, rel=0.02)  # restarts are the rest
        two = rehearse(plan, pace, steps=4000, look=0.0, workers=2)
        assert taken / 2 <= two <= 0.6 * taken + 0.25 * 4000
        many = rehearse(plan, pace, steps=4000, look=0.0, workers=99)
        assert many == pytest.approx(0.25 * 4000, rel=0.02)


def test_the_longest_recipe_fills_the_time(facts: DataFacts) -> None:
    plan = plan_of(MEASURED, facts)
    pace = {name: 0.01 * (i + 1) for i, name in enumerate((*plan.racers, *plan.others))}
    for seconds in (100.0, 1000.0):
        count = longest(plan, pace, look=3.0, seconds=seconds, workers=2, most=10**6)
        now, more = (
            rehearse(plan, pace, steps=s, look=3.0, workers=2) for s in (count, count + 1)
        )
        assert now <= seconds < more
    assert longest(plan, pace, look=3.0, seconds=0.0, workers=2, most=10**6) == 1
    assert longest(plan, pace, look=3.0, seconds=1e9, workers=2, most=777) == 777


class Dying(Serial):
    """A worker dies at a given submission."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at, self.calls = at, 0

    def submit(self, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:
        self.calls += 1
        if self.calls != self.at:
            return super().submit(fn, *args, **options)
        future: Future[Any] = Future()
        future.set_exception(WorkerDied("The worker died: ended by SIGKILL."))
        return future


def planned(
    data: DataRef, facts: DataFacts, seconds: float, *, who: Sequence[Finalist] = EVERYONE,
    at: int = 0,
) -> FinalsPlan:  # fmt: skip
    return plan_finals(
        who, data, facts, seconds=seconds, executor=Dying(at), workers=1, seed=0, device="cpu"
    )


def test_more_are_let_in_only_where_all_train_for_long(
    data: DataRef, facts: DataFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(fn: Any, arch: Any, seed: int) -> Outcome:
        return Outcome.of({"step_seconds": 0.1}, seconds=0.0, device="cpu")

    monkeypatch.setattr(rehearsal, "evaluate", look)
    let_in = []
    for seconds in (1.0, 300.0, 1000.0, 3000.0, 10_000.0):
        plan = planned(data, facts, seconds)
        field = next(f for f in FIELDS if f.rungs == plan.rungs)
        epochs = plan.recipe.steps * plan.recipe.batch_size / facts.count("train")
        assert field.epochs <= epochs <= 1.3 * MOST_FINAL_EPOCHS
        let_in.append(len(plan.finalists))
        look_share = look_steps(facts, plan.recipe.batch_size) * 5 / plan.recipe.steps
        assert not plan.rungs or look_share < 0.2
    assert let_in == sorted(let_in) and let_in[0] == 5 and let_in[-1] == len(EVERYONE)
    assert planned(data, facts, 0.0).recipe.steps == 1  # as little as there is


@pytest.mark.usefixtures("quick_finals")
def test_one_that_cannot_take_a_step_does_not_stop_the_others(
    data: DataRef, facts: DataFacts
) -> None:
    assert planned(data, facts, 1.0, who=EVERYONE[:3], at=2).recipe.steps >= 1
    with pytest.raises(UsageError, match="No finalist can be trained: The worker died"):
        planned(data, facts, 1.0, who=EVERYONE[:1], at=1)


def test_rungs_are_kept_apart_in_steps(facts: DataFacts) -> None:
    recipe = default_recipe(facts, steps=200)
    plan = FinalsPlan(finalists=EVERYONE, recipe=recipe, rungs=ladder(8))
    assert plan.ends == (50, 100, 200)
