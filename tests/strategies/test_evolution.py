"""Regularised evolution: pure, replayable, within the budget, aging, better than chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from netwright.arch.cost import cost
from netwright.contracts import Space, Strategy
from netwright.errors import UsageError
from netwright.fakes import TinySpace
from netwright.records import Budget, Objective, Outcome, Tokens, Trial
from netwright.spaces.edit import neighbours
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.within import Within
from netwright.strategies.evolution import Evolution
from netwright.strategies.uniform import Uniform
from netwright.testing import StrategyContract

SCORE = Objective(metric="score")
MOBILE = Within.of(MobileSpace(resolution=32, classes=10), Budget(macs=3e6, params=200e3))


class TestEvolution(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        within = Within.of(space, Budget())
        return Evolution(within, objective=SCORE, seed=seed, population=8, sample=4)


class TestCrossoverUnderABudget(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        within = Within.of(space, Budget(params=5000))
        return Evolution(within, objective=SCORE, seed=seed, population=6, sample=3, crossover=0.5)


def trial(number: int, tokens: Tokens, score: float, **outcome: Any) -> Trial:
    """A trial with this score."""
    came = Outcome(**outcome) if outcome else Outcome(status="ok", metrics={"score": score})
    costs = cost(TinySpace().decode((0, 0, 0, 0)))
    return Trial(number=number, tokens=tokens, arch_id=str(number), cost=costs, outcome=came)


def tiny(**settings: Any) -> Evolution:
    """Evolution in the tiny space."""
    within = Within.of(TinySpace(), Budget())
    return Evolution(within, objective=SCORE, seed=0, **settings)


def test_the_oldest_leaves_however_good() -> None:
    strategy = tiny(population=3, sample=3)
    good, other = (3, 2, 4, 1), (0, 0, 0, 0)
    strategy.tell([trial(0, good, 9.0), trial(1, other, 0.1), trial(2, (1, 0, 0, 0), 0.2)])
    space = TinySpace()
    assert set(strategy.ask(10)) <= set(neighbours(space, good))
    strategy.tell([trial(3, (2, 0, 0, 0), 0.3)])
    assert set(strategy.ask(10)) <= set(neighbours(space, (2, 0, 0, 0)))


def test_a_tournament_of_one_is_drift_and_of_all_is_greedy() -> None:
    rows = [(0, 1, 0, 0), (1, 1, 1, 0), (2, 1, 2, 0), (3, 1, 3, 0)]
    told = [trial(i, row, float(i)) for i, row in enumerate(rows)]
    greedy, drifting = tiny(population=4, sample=99), tiny(population=4, sample=1)
    for strategy in (greedy, drifting):
        strategy.tell(told)
    near = set(neighbours(TinySpace(), rows[-1]))
    assert set(greedy.ask(8)) <= near and not set(drifting.ask(8)) <= near


def test_what_failed_was_rejected_or_is_a_twin_has_no_children() -> None:
    strategy = tiny(population=1)
    failed = trial(0, (0, 0, 0, 0), 0, status="failed", reason="nan")
    rejected = trial(1, (1, 0, 0, 0), 0, status="rejected", reason="macs 2 > 1")
    twin = Trial(
        number=2, tokens=(2, 0, 0, 0), arch_id="x", cost=failed.cost, duplicate_of=0,
        outcome=Outcome(status="ok", metrics={"score": 1.0}),
    )  # fmt: skip
    before = strategy.ask(5)
    strategy.tell([failed, rejected, twin])
    assert strategy.ask(5) != before  # what was tried is not asked for again
    assert not {t.tokens for t in (failed, rejected, twin)} & set(strategy.ask(20))
    strategy.tell([trial(3, (3, 0, 0, 0), 1.0)])
    assert set(strategy.ask(8)) <= set(neighbours(TinySpace(), (3, 0, 0, 0)))


def test_every_candidate_is_within() -> None:
    strategy = Evolution(MOBILE, objective=SCORE, seed=0, population=8, sample=4, crossover=0.3)
    for _ in range(4):
        rows = strategy.ask(8)
        costs = [cost(MOBILE.space.decode(r)) for r in rows]
        assert not any(MOBILE.budget.violations(c) for c in costs)
        strategy.tell([trial(0, r, c.params) for r, c in zip(rows, costs, strict=True)])


def _searched(make: Any, seed: int) -> float:
    """Best of 160 by a known objective: how many tokens are those of a hidden target."""
    target = MOBILE.sample(rng=np.random.Generator(np.random.Philox(key=1000 + seed)))
    sizes = np.array([len(c.options) for c in MOBILE.space.choices])
    strategy, best, number = make(seed), -np.inf, 0
    for _ in range(20):
        rows = strategy.ask(8)
        scores = [-float((np.abs(np.subtract(r, target)) / sizes).sum()) for r in rows]
        strategy.tell(
            [trial(number + i, r, s) for i, (r, s) in enumerate(zip(rows, scores, strict=True))]
        )
        number, best = number + 8, max(best, *scores)
    return float(best)


def test_it_beats_uniform_search() -> None:
    def evolve(seed: int) -> Strategy:
        return Evolution(MOBILE, objective=SCORE, seed=seed, population=24, sample=8)

    def draw(seed: int) -> Strategy:
        return Uniform(MOBILE, seed=seed)

    gains = [_searched(evolve, seed) - _searched(draw, seed) for seed in range(3)]
    assert min(gains) > 0.2 and sum(gains) > 3, gains


@pytest.mark.parametrize(
    "settings", [{"population": 0}, {"sample": 0}, {"crossover": 1.5}, {"crossover": -0.1}]
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="Evolution cannot have"):
        tiny(**settings)
