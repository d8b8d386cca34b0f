"""NSGA-II: pure, replayable, survivors by front and crowding, a front better than chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from netwright.arch.cost import Cost, cost
from netwright.contracts import Space, Strategy
from netwright.errors import UsageError
from netwright.fakes import TinySpace
from netwright.pareto import hypervolume
from netwright.records import Budget, Objective, Outcome, Trial
from netwright.rng import stream
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.within import Within
from netwright.strategies.nsga2 import NSGA2, Member, survivors
from netwright.strategies.uniform import Uniform
from netwright.testing import StrategyContract

SCORE = Objective(metric="score")
MOBILE = Within.of(MobileSpace(resolution=32, classes=10), Budget(macs=3e6, params=200e3))


class TestNSGA2(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        within = Within.of(space, Budget())
        return NSGA2(within, objective=SCORE, seed=seed, population=6, offspring=4)


class TestUnderABudget(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        within = Within.of(space, Budget(params=5000))
        costs = ("params", "peak_activation_bytes")
        return NSGA2(within, objective=SCORE, seed=seed, costs=costs, population=6, offspring=4)


def trial(number: int, tokens: tuple[int, ...], costs: Cost, **metrics: float) -> Trial:
    came = Outcome(status="ok", metrics=metrics)
    return Trial(number=number, tokens=tokens, arch_id=str(number), cost=costs, outcome=came)


def test_survivors_are_those_of_pymoo() -> None:
    """The same fronts and, of the front that is cut, the same lonely points."""
    survival = pytest.importorskip("pymoo.algorithms.moo.nsga2").RankAndCrowding()
    problem = pytest.importorskip("pymoo.core.problem").Problem(n_var=1, n_obj=2)
    population = pytest.importorskip("pymoo.core.population").Population
    for case in range(5):
        points = stream(case, "points").random((40, 2))
        members = [Member(tokens=(i,), values=(-a, b)) for i, (a, b) in enumerate(points.tolist())]
        ours = {m.tokens[0] for m in survivors(members, 15, costs=1)}
        theirs = population.new("X", np.arange(40.0)[:, None], "F", points)
        kept = survival.do(problem, theirs, n_survive=15, random_state=stream(0, "pymoo"))
        assert ours == {int(x) for x in kept.get("X")[:, 0]}


def test_parents_are_the_front_and_children_are_near_it() -> None:
    strategy = NSGA2(
        Within.of(TinySpace(), Budget()), objective=SCORE, seed=0, costs=("latency_ms",),
        population=2, offspring=4, crossover=0.0,
    )  # fmt: skip
    rows = [(0, 0, 0, 0), (1, 1, 0, 0), (2, 1, 3, 1), (3, 2, 4, 1)]
    same = cost(TinySpace().decode(rows[0]))
    points = [(1.0, 1.0), (0.5, 2.0), (5.0, 3.0), (4.0, 4.0)]  # the first and the third dominate
    told = [
        trial(i, row, same, score=score, latency_ms=latency)
        for i, (row, (score, latency)) in enumerate(zip(rows, points, strict=True))
    ]
    strategy.tell(told[:3])
    assert not strategy._parents  # not yet decided
    strategy.tell(told[3:])
    assert {m.tokens for m in strategy._parents} == {rows[0], rows[2]}
    for row in strategy.ask(12):
        assert (
            min(sum(a != b for a, b in zip(row, p, strict=True)) for p in (rows[0], rows[2])) < 4
        )


def volume(make: Any, seed: int) -> float:
    """Of 240 candidates: parameters to be large, MACs to be small."""
    strategy, points = make(seed), []
    for batch in range(15):
        rows = strategy.ask(16)
        costs = [cost(MOBILE.space.decode(row)) for row in rows]
        strategy.tell(
            [
                trial(16 * batch + i, row, c, score=float(np.log(c.params)))
                for i, (row, c) in enumerate(zip(rows, costs, strict=True))
            ]
        )
        points += [(float(np.log(c.params)), float(c.macs)) for c in costs]
    return hypervolume(points, reference=(9.0, 3e6), directions=("max", "min"))


def test_its_front_beats_that_of_uniform_search() -> None:
    for seed in range(2):
        ours = volume(lambda s: NSGA2(MOBILE, objective=SCORE, seed=s), seed)
        assert ours > 1.02 * volume(lambda s: Uniform(MOBILE, seed=s), seed)


def test_an_unknown_cost_is_named() -> None:
    within = Within.of(TinySpace(), Budget())
    strategy = NSGA2(within, objective=SCORE, seed=0, costs=("latency",))
    same = cost(TinySpace().decode((0, 0, 0, 0)))
    with pytest.raises(UsageError, match="no cost 'latency' .* macs, .*score, latency_ms"):
        strategy.tell([trial(0, (0, 0, 0, 0), same, score=1.0, latency_ms=2.0)])


@pytest.mark.parametrize(
    "settings",
    [{"population": 1}, {"offspring": 0}, {"crossover": 1.5}, {"costs": ()}, {"costs": "macs"}],
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="NSGA-II"):
        NSGA2(Within.of(TinySpace(), Budget()), objective=SCORE, seed=0, **settings)
