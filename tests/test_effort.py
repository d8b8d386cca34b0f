"""What a search spends its time on depends on what was asked for, and on nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from netwright.effort import (
    AIMED,
    FEWEST,
    FEWEST_STEPS,
    FIELDS,
    HANDFUL,
    LONG_ENOUGH,
    MOST_EPOCHS,
    SearchPlan,
    capacity,
    plan_search,
    probe_steps,
)
from netwright.records import Budget
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.within import Within
from netwright.training.halving import work
from netwright.training.survey import DataFacts

LENGTHS = (0.1, 1, 3, 5, 10, 15, 30, 60, 120, 600, 10_000)


def facts(count: int) -> DataFacts:
    return DataFacts(
        source="x", name="x", classes=("a", "b"), channels=3, resolution=32, stored=32, flip=True,
        counts={"train": (count // 2, count // 2), "val": (10, 10)}, origins={},
    )  # fmt: skip


SPACE = MobileSpace(2, 32)
SMALL = Within.of(SPACE, Budget(macs=5e6))
LARGE = Within.of(SPACE, Budget(macs=50e6))
EPOCH = 10_000 // 64


def plan(minutes: float, **parts: object) -> SearchPlan:
    return plan_search(facts(10_000), SMALL, minutes=minutes, workers=2, **parts)  # type: ignore[arg-type]


def test_more_time_gives_longer_trainings_first_then_more_of_them() -> None:
    steps = [probe_steps(facts(10_000), SMALL, minutes=m) for m in LENGTHS]
    assert steps == sorted(steps) and steps[0] == FEWEST_STEPS
    assert steps[-1] == MOST_EPOCHS * EPOCH
    counts = [p.trainings for p in map(plan, LENGTHS) if p.by_training]
    assert counts == sorted(counts) and counts[0] >= HANDFUL and counts[-1] > 2 * AIMED
    at_aim = [p for p in map(plan, LENGTHS) if p.trainings == AIMED]
    assert at_aim and all((p.probe_epochs or 9) <= LONG_ENOUGH for p in at_aim)
    long = plan(600)
    assert long.trainings > AIMED and (long.probe_epochs or 0) > LONG_ENOUGH


def test_enough_trainings_fit_on_a_machine_of_half_the_speed() -> None:
    for minutes in (10, 15, 60, 600):
        usual = plan(minutes)
        slow = plan(minutes, step_seconds=2 * usual.step_seconds)
        assert slow.trainings >= FEWEST and slow.measured and not usual.measured
        assert slow.probe_steps == usual.probe_steps


def test_larger_networks_get_shorter_ones() -> None:
    small = probe_steps(facts(10**6), SMALL, minutes=60)
    assert probe_steps(facts(10**6), LARGE, minutes=60) < small


def test_few_images_still_train_for_a_while() -> None:
    assert probe_steps(facts(40), SMALL, minutes=0.1) == FEWEST_STEPS


def test_workers_do_not_change_what_is_asked_for() -> None:
    one, eight = (plan_search(facts(10_000), SMALL, minutes=15, workers=w) for w in (1, 8))
    for name in ("objective", "strategy", "probe_steps"):
        assert getattr(one, name) == getattr(eight, name)
    assert eight.trainings == pytest.approx(8 * one.trainings, rel=0.1)
    assert eight.final_epochs > one.final_epochs


def test_too_little_time_for_trainings_goes_by_a_score_and_says_so() -> None:
    short, less = plan(2), plan(1)
    assert (short.objective, short.strategy, short.probe_steps) == ("consensus", "evolution", None)
    assert less.objective == "params" and less.trainings == 0
    assert any("no training, as there is no time" in line for line in less.lines())
    assert any("no training; cand" in line for line in plan(9, objective="zico").lines())
    typed = plan(1, objective="val_loss")
    assert typed.strategy == "predictor" and typed.probe_steps == FEWEST_STEPS
    assert plan(60, objective="zico").strategy == "evolution"
    assert plan(60, strategy="uniform").objective == "val_loss"


def test_the_winner_does_not_pay_for_a_larger_field() -> None:
    fields = [(p.racers, p.randoms, p.final_epochs) for p in map(plan, LENGTHS)]
    assert [f[0] for f in fields] == sorted(f[0] for f in fields)
    for racers, randoms, epochs in fields:
        field = next(f for f in FIELDS if (f.racers, f.randoms) == (racers, randoms))
        assert epochs >= field.epochs
    assert FIELDS[0].work == work(8, FIELDS[0].rungs) + 3 + 1 + 2
    assert [f.epochs for f in FIELDS] == sorted((f.epochs for f in FIELDS), reverse=True)


def test_the_seconds_are_all_of_the_time() -> None:
    found = plan(10)
    assert found.search_seconds + found.finals_seconds == pytest.approx(0.95 * 600)
    work_of = capacity(facts(10_000), SMALL, minutes=10) * EPOCH
    assert found.trainings * (found.probe_steps or 0) == pytest.approx(work_of, rel=0.06)


def test_a_plan_is_plain_and_readable() -> None:
    found = plan(15)
    assert SearchPlan(**json.loads(json.dumps(found.to_dict()))) == found
    assert all(len(line) < 80 for line in found.lines())
    text = " ".join(line.strip() for line in found.lines())
    assert "Plan for 15m 00s on 2 workers; speeds are assumed until they are measured:" in text
    assert "16 short trainings of 1.5 epochs, chosen by predictor, judged by val_loss" in text
    assert "3 candidates race, beside 1 random network, the one with most params" in text
    assert "speeds are measured" in replace(found, measured=True).lines()[0]
