"""The candidates of a space that fit a budget, drawn and repaired without endless rejection.

Before a search starts the space is surveyed: what is the least, the middle and the most that its
networks cost?  A budget below the least ends at once.  Otherwise there is an *anchor*, a candidate
that fits, and any other candidate is repaired by walking from it towards the anchor one option at
a time, in random order, until it fits.  The walk ends at the anchor, so it always ends in the
budget; it is searched by bisection, so it takes about six decodings.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from netwright.arch.cost import COST_NAMES, LATENCY, Cost, cost
from netwright.arch.graph import Architecture
from netwright.contracts import Space
from netwright.errors import BudgetError
from netwright.records import Budget, Tokens, print_cost
from netwright.rng import stream
from netwright.spaces.tokens import first_row, sample

FLAGS = {
    "macs": "--max-macs", "params": "--max-params", "peak_activation_bytes": "--max-memory",
    "latency_ms": "--max-latency",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Range:
    """What the networks of a space cost, in one respect: least, median of uniform, most."""

    least: float
    median: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the networks of a space cost, in every respect, and the cheapest candidate found."""

    ranges: Mapping[str, Range]
    cheapest: Mapping[str, Tokens]


Costing = Callable[[Architecture], Cost]
"""What networks cost: their counts, and their latency where it is predicted."""
Measure = Callable[[Tokens], Cost]


def _remembering(space: Space, costing: Costing) -> Measure:
    """What candidates cost, each decoded once: the descents of a survey meet the same ones."""
    return cache(lambda tokens: costing(space.decode(tokens)))


def _descend(
    space: Space,
    start: Tokens,
    value: Callable[[Cost], float],
    *,
    measure: Measure,
    passes: int = 4,
) -> tuple[Tokens, float]:
    """Coordinate descent: best option of each choice in turn, until a pass changes nothing."""
    best, least = start, value(measure(start))
    for _ in range(passes):
        before = least
        for i, choice in enumerate(space.choices):
            for option in range(len(choice.options)):
                if option == best[i]:
                    continue
                row = space.canonical((*best[:i], option, *best[i + 1 :]))
                came = value(measure(row))
                if came < least:
                    best, least = row, came
        if least == before:
            break
    return best, least


def survey(
    space: Space, *, seed: int = 0, samples: int = 101, measure: Measure | None = None
) -> Survey:
    """Reachable range of each cost: coordinate descent for the ends, samples for the middle.

    Args:
        space: Any space.
        seed: Of the samples.
        samples: Uniform candidates that the median is taken over.
        measure: What a candidate costs; None decodes it.
    """
    measure = measure or _remembering(space, cost)
    rng = stream(seed, "survey")
    rows = [sample(space, rng) for _ in range(samples)]
    costs = [measure(row) for row in rows]
    zeros = first_row(space)
    ranges, cheapest = {}, {}
    known = COST_NAMES if costs[0].latency_ms is None else (*COST_NAMES, LATENCY)
    for name in known:
        values = [float(getattr(c, name)) for c in costs]

        def read(c: Cost, name: str = name) -> float:
            return float(getattr(c, name))

        def minus(c: Cost, name: str = name) -> float:
            return -float(getattr(c, name))

        starts = (zeros, rows[values.index(min(values))])
        ends = [_descend(space, start, read, measure=measure) for start in starts]
        low, least = min(ends, key=lambda end: end[1])
        top = rows[values.index(max(values))]
        _, most = _descend(space, top, minus, measure=measure, passes=2)
        ranges[name] = Range(least=least, median=statistics.median(values), most=-most)
        cheapest[name] = low
    return Survey(ranges=ranges, cheapest=cheapest)


@dataclass(frozen=True, kw_only=True)
class Within:
    """A space and a budget that some of its candidates meet.

    Args:
        space: The space.
        budget: Limits that ``anchor`` meets.
        anchor: A candidate that fits; repairs walk towards it.
        survey: What the networks of the space cost.
        costing: What a network costs; a predictor adds its latency.
    """

    space: Space
    budget: Budget
    anchor: Tokens
    survey: Survey
    costing: Costing = cost

    @staticmethod
    def of(space: Space, budget: Budget, *, seed: int = 0, costing: Costing = cost) -> Within:
        """Survey the space and find an anchor.

        Args:
            space: The space.
            budget: Limits.
            seed: Of the survey.
            costing: What a network costs.

        Raises:
            BudgetError: If no network fits; the message names the reachable range.
        """
        measure = _remembering(space, costing)
        found = survey(space, seed=seed, measure=measure)
        for name, limit in budget.limits().items():
            if found.ranges[name].least > limit:
                raise BudgetError(_out_of_reach(space, name, limit, found.ranges[name]))
        anchor = first_row(space)
        if budget.limits():
            starts = [found.cheapest[name] for name in budget.limits()]
            ends = [_descend(space, s, budget.excess, measure=measure) for s in starts]
            anchor, excess = min(ends, key=lambda end: end[1])
            if excess > 1:
                raise BudgetError(
                    f"No network of {space.name} meets {budget} together, though each limit can "
                    f"be met alone; the nearest found exceeds one by {excess:.2f}x. Relax one."
                )
        return Within(space=space, budget=budget, anchor=anchor, survey=found, costing=costing)

    def fits(self, tokens: Tokens) -> bool:
        """Whether the network of these tokens meets the budget."""
        if not self.budget.limits():
            return True
        return self.budget.excess(self.costing(self.space.decode(tokens))) <= 1

    def repair(self, tokens: Tokens, *, rng: np.random.Generator) -> Tokens:
        """The candidate if it fits, else an early one that does on a walk to the anchor."""
        tokens = self.space.canonical(tokens)
        if self.fits(tokens):
            return tokens
        steps = np.repeat(
            np.arange(len(tokens)), np.abs(np.subtract(tokens, self.anchor))
        )  # each choice as often as it is options away from the anchor
        order = rng.permutation(steps)
        low, high = 0, len(order)  # after `low` steps it does not fit; after `high` it does
        best = self.anchor
        while high - low > 1:
            middle = (low + high) // 2
            row = self._walk(tokens, order[:middle])
            if self.fits(row):
                high, best = middle, row
            else:
                low = middle
        return best

    def _walk(self, tokens: Tokens, steps: np.ndarray) -> Tokens:
        taken = np.bincount(steps, minlength=len(tokens))
        row = np.asarray(tokens) + np.sign(np.subtract(self.anchor, tokens)) * taken
        return self.space.canonical(tuple(row.tolist()))

    def sample(self, *, rng: np.random.Generator) -> Tokens:
        """A candidate that fits: uniform over the tokens, then repaired if need be.

        Where most of the space fits this is close to uniform under the budget; where little does,
        it favours networks just inside the budget, with all their choices scaled down alike.
        """
        return self.repair(sample(self.space, rng), rng=rng)


def _out_of_reach(space: Space, name: str, limit: float, reach: Range) -> str:
    def say(value: float) -> str:
        return print_cost(name, value)

    return (
        f"No network of the {space.name} space has {name} ≤ {say(limit)}: for these images they "
        f"range from {say(reach.least)} over {say(reach.median)} (median) to {say(reach.most)}; "
        f"try {FLAGS[name]} {say(reach.least * 2)}."
    )
