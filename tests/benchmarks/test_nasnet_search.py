"""NASNet's search in small: all 50 tokens, resumed with identical trials; a cell trains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kill_resume import timeless
from nasnet_search import TOKENS, choices_seen, learnt, words
from netwright import catalog
from netwright.arch.cost import Cost
from netwright.arch.nasnet import Macro
from netwright.config import search_config
from netwright.evaluators.training import TrainingEvaluator
from netwright.fakes import FakeEvaluator
from netwright.loop import run_search
from netwright.records import Budget, Objective, Outcome, Trial
from netwright.replay import unlimited
from netwright.spaces.nasnet import NASNetSpace
from netwright.spaces.tokens import fingerprint
from netwright.store import RunKey, open_store
from netwright.training.recipe import default_recipe
from netwright.training.reference import DataRef
from netwright.workers import Serial

SPACE = NASNetSpace(classes=3, resolution=8, macro=Macro(cells=1, filters=4, stem=8))
GOAL = Objective(metric="score")
BATCH = 8


def searched(path: Path, *, trials: int) -> list[Trial]:
    """Search or go on until there are so many trials."""
    key = RunKey(
        space=SPACE.name, fingerprint=fingerprint(SPACE), seed=0, strategy="ppo",
        evaluator="fake", objective=GOAL, budget=Budget(), batch=BATCH,
    )  # fmt: skip
    with open_store(path, run=key, resume=True) as store, Serial() as executor:
        run_search(
            SPACE,
            catalog.strategy("ppo")(unlimited(SPACE), GOAL, 0),
            evaluator=FakeEvaluator(),
            store=store,
            executor=executor,
            objective=GOAL,
            budget=Budget(),
            seed=0,
            batch=BATCH,
            trials=trials,
        )
        return list(store)


def test_a_stopped_search_goes_on_with_the_same_candidates(tmp_path: Path) -> None:
    """Stopped in the middle of a batch, and after an update of the policy; all 50 tokens vary."""
    whole = searched(tmp_path / "whole.db", trials=24)
    for count in (13, 22, 24):
        parts = searched(tmp_path / "parts.db", trials=count)
    assert timeless(parts) == timeless(whole)
    assert {len(t.tokens) for t in whole} == {50}
    assert choices_seen(whole) == TOKENS == 50


def test_a_drawn_cell_trains(photos: Path, tmp_path: Path) -> None:
    [trial] = searched(tmp_path / "a.db", trials=1)
    data = DataRef(source=str(photos), resolution=8)
    recipe = default_recipe(data.open(), steps=2)
    outcome = TrainingEvaluator(data=data, recipe=recipe)(SPACE.decode(trial.tokens), seed=0)
    assert outcome.status == "ok" and 0 <= outcome.metrics["val_accuracy"] <= 1


def test_what_is_typed_is_a_search() -> None:
    typed = words("x", trials=60, minutes=30, resolution=16, seed=2)
    pairs = dict(zip(typed[1::2], typed[2::2], strict=True))
    settings = {name.strip("-"): value for name, value in pairs.items()}
    chosen = search_config({"data": "x", **settings})
    assert (chosen.space, chosen.strategy, chosen.objective) == ("nasnet", "ppo", "zico")
    assert (chosen.trials, chosen.seed, chosen.resolution) == (60, 2, 16)


def test_a_policy_that_improves_is_told() -> None:
    cost = Cost(macs=1, params=1, peak_activation_bytes=4)
    trials = [
        Trial(
            number=n, tokens=(n,), arch_id=str(n), cost=cost,
            outcome=Outcome.of({"zico": float(n * n)}, seconds=0, device="cpu"),
        )
        for n in range(5)
    ]  # fmt: skip
    assert learnt(trials) == pytest.approx(1.0)
    falling = [replace(t, number=4 - t.number) for t in trials]
    assert learnt(falling) == pytest.approx(-1.0)
