"""Every candidate once."""

from __future__ import annotations

from netwright.contracts import Space, Strategy
from netwright.fakes import TinySpace
from netwright.records import Tokens
from netwright.spaces.tokens import enumerate_tokens
from netwright.strategies.exhaustive import Exhaustive
from netwright.testing import StrategyContract


class TestExhaustive(StrategyContract):
    seeded = False

    def make(self, space: Space, seed: int) -> Strategy:
        return Exhaustive(space)


def test_each_candidate_once_then_nothing() -> None:
    space = TinySpace()
    strategy = Exhaustive(space)
    seen: list[Tokens] = []
    while rows := strategy.ask(10):
        seen += rows
        strategy._told += len(rows)
    assert seen == list(enumerate_tokens(space))
    assert len(seen) == 84
