"""A list first, then another strategy that has learnt from it."""

from __future__ import annotations

from netwright.contracts import Space, Strategy
from netwright.fakes import TinySpace
from netwright.records import Budget, Objective
from netwright.spaces.within import Within
from netwright.strategies.evolution import Evolution
from netwright.strategies.listed import Listed
from netwright.testing import StrategyContract

ROWS = ((1, 1, 2, 0), (0, 0, 0, 0), (1, 0, 1, 0))


class TestListed(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        within = Within.of(space, Budget())
        rows = [space.canonical(r) for r in ROWS if len(space.choices[0].options) > 1]
        return Listed(rows, Evolution(within, objective=Objective(metric="score"), seed=seed))


def test_the_list_comes_first_and_in_order() -> None:
    space = TinySpace()
    listed, contract = Listed(ROWS), TestListed()
    assert list(listed.ask(9)) == list(ROWS) and list(listed.ask(2)) == list(ROWS[:2])
    trials = [contract.trial(space, n, r, bad="", known={}) for n, r in enumerate(ROWS)]
    listed.tell(trials[:2])
    assert list(listed.ask(9)) == [ROWS[2]]
    listed.tell(trials[2:])
    assert list(listed.ask(9)) == []


def test_the_strategy_behind_it_learns_from_the_list() -> None:
    space = TinySpace()
    within, goal = Within.of(space, Budget()), Objective(metric="score")

    def evolution() -> Evolution:
        return Evolution(within, objective=goal, seed=0, initial=3)

    contract, inner = TestListed(), evolution()
    trials = [contract.trial(space, n, r, bad="", known={}) for n, r in enumerate(ROWS)]
    listed = Listed(ROWS, evolution())
    assert list(listed.ask(5)) == [*ROWS, *inner.ask(2)]
    for strategy in (listed, inner):
        strategy.tell(trials)
    assert list(listed.ask(4)) == list(inner.ask(4))
