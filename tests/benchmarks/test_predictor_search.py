"""The benchmarks of the predictor: a search ends at the best, halves do not overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import predictor
from netwright.fakes import TinySpace
from netwright.records import Objective, Outcome, Tokens
from netwright.replay import replay, unlimited
from netwright.strategies.uniform import Uniform
from predictor_search import Stopping


def test_a_search_ends_where_the_best_was_found() -> None:
    goal, space = Objective(metric="score"), unlimited(TinySpace())
    best = Uniform(space, seed=0).ask(12)[9]

    def look(rows: Sequence[Tokens]) -> list[Outcome]:
        return [Outcome(status="ok", metrics={"score": float(row == best)}) for row in rows]

    strategy = Stopping(Uniform(space, seed=0), goal=goal, best=1.0)
    assert len(replay(strategy, look, trials=40, batch=4)) == 12


def test_halves_are_halves() -> None:
    for half in predictor.halves():
        assert 0.45 < half.mean() < 0.55


@pytest.mark.parametrize("chosen", [False, True])
def test_what_is_learned_from_is_not_judged(chosen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "NEEDED", {"made up": {8: 0.5}})
    monkeypatch.setattr(predictor, "POOL", 40)
    size = np.linspace(-2, 2, 60)
    table = {"size": np.column_stack([size, size**2]), "form": np.cos(3 * size)[:, None]}
    counts = np.column_stack([size, -size, size])
    rows = predictor.Rows(
        name="made up", table=table, values=70 + size, counts=counts, chosen=chosen
    )
    found = predictor.measure(rows, "all", 2, forest=True, show=False)
    assert found["made up, all, 8 labels: predictor"]["mean"] > 0.9
    assert found["made up, all, 8 labels: log_macs"]["mean"] == pytest.approx(-1)
    assert found["made up, all, 8 labels: random forest"]["repeats"] == 2
    assert len(rows.part(np.arange(5)).values) == 5
