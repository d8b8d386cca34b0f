"""Uniform search: pure, replayable, within the budget, without repetition."""

from __future__ import annotations

from netwright.arch.cost import cost
from netwright.contracts import Space, Strategy
from netwright.fakes import TinySpace
from netwright.records import Budget
from netwright.rng import stream
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.within import Within
from netwright.strategies.uniform import Uniform, unseen
from netwright.testing import StrategyContract

MOBILE = Within.of(MobileSpace(resolution=32, classes=10), Budget(macs=3e6, params=200e3))


class TestUniform(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        return Uniform(Within.of(space, Budget()), seed=seed)


class TestUnderABudget(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        return Uniform(Within.of(space, Budget(params=5000)), seed=seed)


def test_every_candidate_is_within() -> None:
    rows = Uniform(MOBILE, seed=0).ask(40)
    assert len(set(rows)) == 40
    assert not any(MOBILE.budget.violations(cost(MOBILE.space.decode(r))) for r in rows)


def test_batches_do_not_matter() -> None:
    """What is asked at once is what is asked one by one."""
    contract = TestUniform()
    one, many = (Uniform(Within.of(TinySpace(), Budget()), seed=1) for _ in range(2))
    alone = []
    for number in range(12):
        (row,) = one.ask(1)
        alone.append(row)
        one.tell([contract.trial(TinySpace(), number, row, bad="", known={})])
    assert alone == list(many.ask(12))


def test_unseen_gives_up() -> None:
    draws = iter([(0,), (1,), (2,)])
    assert unseen(lambda _: next(draws), {(0,), (1,)}, rng=stream(0, "t")) == (2,)
    calls: list[int] = []

    def same(_: object) -> tuple[int, ...]:
        calls.append(1)
        return (0,)

    assert unseen(same, {(0,)}, rng=stream(0, "t")) == (0,) and len(calls) == 32
