"""Replays: what the loop would have told, without networks."""

from __future__ import annotations

from collections.abc import Sequence

from netwright.arch.cost import Cost
from netwright.fakes import TinySpace
from netwright.records import Objective, Outcome, Tokens, Trial
from netwright.replay import replay, unlimited
from netwright.strategies.evolution import Evolution
from netwright.strategies.exhaustive import Exhaustive

SPACE = TinySpace()


def look(rows: Sequence[Tokens]) -> list[Outcome]:
    return [Outcome.of({"score": sum(row)}, seconds=0.0, device="table") for row in rows]


def test_trials_are_numbered_and_told_in_batches() -> None:
    class Spy:
        def __init__(self) -> None:
            self.told: list[list[int]] = []

        def ask(self, n: int) -> Sequence[Tokens]:
            return [(0, 0, 0, 0)] * n

        def tell(self, trials: Sequence[Trial]) -> None:
            self.told.append([t.number for t in trials])

    spy = Spy()
    trials = replay(spy, look, trials=5, batch=2)
    assert spy.told == [[0, 1], [2, 3], [4]]
    assert [t.duplicate_of for t in trials] == [None, 0, 0, 0, 0]
    assert [t.number for t in trials] == list(range(5))


def test_the_same_seed_gives_the_same_search() -> None:
    def tokens(seed: int) -> list[Tokens]:
        goal = Objective(metric="score")
        strategy = Evolution(unlimited(SPACE), objective=goal, seed=seed)
        return [t.tokens for t in replay(strategy, look, trials=40)]

    assert tokens(1) == tokens(1) != tokens(2)


def test_it_ends_where_nothing_is_left() -> None:
    every = replay(Exhaustive(SPACE), look, trials=10_000)
    assert len({t.tokens for t in every}) == len(every) < 10_000


def test_costs_are_measured_where_asked_for() -> None:
    def measure(row: Tokens) -> Cost:
        return Cost(params=sum(row) + 1, macs=2, peak_activation_bytes=3)

    goal = Objective(metric="score")
    strategy = Evolution(unlimited(SPACE), objective=goal, seed=0)
    trials = replay(strategy, look, trials=5, measure=measure)
    assert [t.cost for t in trials] == [measure(t.tokens) for t in trials]
