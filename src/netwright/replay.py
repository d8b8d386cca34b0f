"""Searches replayed on benchmarks that answer at once: tokens in, trials out, nothing trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netwright.arch.cost import Cost
from netwright.contracts import Space, Strategy
from netwright.records import Budget, Outcome, Tokens, Trial
from netwright.spaces.within import Range, Survey, Within

BATCH = 20  # candidates per ask
Look = Callable[[Sequence[Tokens]], Sequence[Outcome]]
_NOTHING = Cost(params=1, macs=1, peak_activation_bytes=1)


def unlimited(space: Space) -> Within:
    """The space without a budget and without the survey that a budget would need."""
    none = Survey(ranges=dict[str, Range](), cheapest={})
    return Within(space=space, budget=Budget(), anchor=(0,) * len(space.choices), survey=none)


def replay(
    strategy: Strategy,
    look: Look,
    *,
    trials: int,
    batch: int = BATCH,
    measure: Callable[[Tokens], Cost] | None = None,
) -> list[Trial]:
    """What the loop would have told, with what the benchmark says of each candidate.

    Every candidate counts, also one that was asked for before.  It ends early where the strategy
    has nothing left to try.

    Args:
        strategy: Fresh.
        look: Outcomes of candidates.
        trials: How many candidates.
        batch: Candidates per ask.
        measure: What a candidate costs, for strategies that look at it; 1 of each where None.
    """
    told: list[Trial] = []
    known: dict[Tokens, int] = {}
    while len(told) < trials:
        rows = list(strategy.ask(min(batch, trials - len(told))))
        if not rows:
            break
        made = []
        for number, (row, outcome) in enumerate(zip(rows, look(rows), strict=True), len(told)):
            made.append(
                Trial(
                    number=number,
                    tokens=row,
                    arch_id=str(row),
                    cost=_NOTHING if measure is None else measure(row),
                    outcome=outcome,
                    duplicate_of=known.get(row),
                )
            )
            known.setdefault(row, number)
        strategy.tell(made)
        told += made
    return told
