"""Who is in the finals: the most promising candidates, and plain networks to compare them with.

A search result means little alone.  Beside its candidates stand random networks under the same
budget, the one with the most parameters, and two published networks scaled to the same cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from netwright.arch.cost import LATENCY, cost
from netwright.arch.graph import Architecture
from netwright.errors import BudgetError
from netwright.predict.columns import columns
from netwright.predict.predictor import Predictor
from netwright.records import Objective, Tokens, Trial
from netwright.rivals import Rivals, rivals
from netwright.rng import stream
from netwright.spaces.edit import mutate
from netwright.spaces.within import Within

RACERS, RANDOMS = 8, 3  # at most; how many there is time for is planned once speeds are known
_LEAST_TRIALS, _MOST_TRIALS = 6, 500  # that a predictor learns from: fewer are too few
_DRAWS = 10  # of a plain network, until one meets what is measured
_REFERENCE = 256  # random candidates that say on which scale to look at the columns

Meets = Callable[[Architecture], bool]
"""Whether a network is within a limit that is measured, not counted."""


@dataclass(frozen=True, kw_only=True)
class Finalist:
    """A network that is trained for the comparison at the end.

    Args:
        role: ``search 1`` and on, ``random`` and on, ``most params``, or a published name.
        tokens: Its candidate; none for a network from outside the space.
        arch: The network.
    """

    role: str
    tokens: Tokens
    arch: Architecture

    @property
    def races(self) -> bool:
        """Whether it was found by the search, and may be dropped on the way."""
        return self.role.startswith("search")

    @property
    def random(self) -> bool:
        """Whether it was drawn at random."""
        return self.role.startswith("random")


def anything(arch: Architecture) -> bool:
    """No limit is measured."""
    return True


def choose(
    within: Within,
    trials: Sequence[Trial],
    objective: Objective,
    *,
    seed: int,
    meets: Meets = anything,
    racers: int = RACERS,
) -> tuple[Finalist, ...]:
    """The most promising trials, then the networks that they are compared with.

    The candidates are by turns the best by what a predictor makes of all trainings together, which
    sees through the luck of a single short one, and the best as they were measured.

    Args:
        within: The space and the budget.
        trials: The history; failed ones are passed over.
        objective: What the search made large.
        seed: Of the plain networks.
        meets: Whether a network is within what is measured; who is not is passed over.
        racers: Candidates, at most.

    Raises:
        BudgetError: If no candidate meets the limit that is measured.
    """
    space = within.space
    ok = [t for t in trials if t.ok and t.duplicate_of is None]
    measured = sorted(ok, key=lambda t: (-t.value(objective), t.number))
    orders = [measured]
    if _LEAST_TRIALS <= len(ok) <= _MOST_TRIALS:
        orders.insert(0, by_predictor(within, ok, objective, seed=seed))
    turns = [trial for pair in zip(*orders, strict=True) for trial in pair]
    order = list(dict.fromkeys(trial.tokens for trial in turns))
    found = _first(order, racers, within, meets) or _nearest(order, within, meets, seed=seed)
    rows = [(f"search {i + 1}", tokens) for i, tokens in enumerate(found)]
    rng = stream(seed, "random baseline")
    for number in range(RANDOMS):
        role = "random" if number == 0 else f"random {number + 1}"
        drawn = (within.sample(rng=rng) for _ in range(_DRAWS))
        rows += [(role, tokens) for tokens in _first(drawn, 1, within, meets)]
    largest = (most_params(within, seed=seed) for _ in range(2))  # the limit may move meanwhile
    rows += [("most params", tokens) for tokens in _first(largest, 1, within, meets)]
    return tuple(
        Finalist(role=role, tokens=tokens, arch=space.decode(tokens)) for role, tokens in rows
    )


def _first(rows: Iterable[Tokens], count: int, within: Within, meets: Meets) -> list[Tokens]:
    """The first so many rows whose networks meet the limit."""
    good = (tokens for tokens in rows if meets(within.space.decode(tokens)))
    return [tokens for _, tokens in zip(range(count), good, strict=False)]


def _nearest(rows: Sequence[Tokens], within: Within, meets: Meets, *, seed: int) -> list[Tokens]:
    """Where no candidate meets the limit: one that does, as near to the best as can be.

    By now what is predicted has been corrected, so candidates are repaired once more; where that
    does not help, the cheapest of the space is looked at.
    """
    rng = stream(seed, "nearest")
    repaired = (within.repair(rows[k % len(rows)], rng=rng) for k in range(_DRAWS))
    cheapest = within.survey.cheapest.get(LATENCY, within.anchor)
    found = _first(repaired, 1, within, meets) or _first([cheapest], 1, within, meets)
    if not found:
        raise BudgetError(
            f"Not one of {len(rows)} candidates was measured within {within.budget}, though they "
            "were predicted to be: the machine is slower now than when the table was measured. "
            "Try again when it is quiet, or with a higher --max-latency."
        )
    return found


def by_predictor(
    within: Within, trials: Sequence[Trial], objective: Objective, *, seed: int
) -> list[Trial]:
    """Trials by what is expected of their networks, given all trainings; the best first.

    Args:
        within: The space and the budget.
        trials: That are ok.
        objective: What is to be large.
        seed: Of the networks that the columns are scaled by.
    """
    space, rng = within.space, stream(seed, "finalists")
    drawn = list(dict.fromkeys(within.sample(rng=rng) for _ in range(_REFERENCE)))
    rows = [t.tokens for t in trials]
    reference, table = (
        columns([space.decode(r) for r in some], space=space, tokens=some)
        for some in (drawn, rows)
    )
    values = [t.value(objective) for t in trials]
    score = Predictor(reference).fit(table, values).predict(table).score
    order = sorted(range(len(trials)), key=lambda i: (-float(score[i]), trials[i].number))
    return [trials[i] for i in order]


def with_rivals(
    finalists: Sequence[Finalist], within: Within, *, meets: Meets = anything
) -> tuple[tuple[Finalist, ...], Rivals]:
    """The finalists with the published networks, as many MACs as the budget allows.

    Args:
        finalists: The most promising first; its MACs count where the budget does not limit them.
        within: The space and the budget.
        meets: Whether a network is within what is measured.
    """
    first = finalists[0].arch
    macs = within.budget.macs or float(cost(first).macs)
    made = rivals(
        first.input_shape, first.classes, budget=within.budget, macs=macs, costing=within.costing
    )
    good = {name: arch for name, arch in made.networks.items() if meets(arch)}
    slow = {n: f"it was measured above {within.budget}." for n in made.networks if n not in good}
    found = Rivals(networks=good, left_out={**made.left_out, **slow})
    more = [Finalist(role=n, tokens=(), arch=arch) for n, arch in good.items()]
    return (*finalists, *more), found


def most_params(within: Within, *, seed: int, looks: int = 3000) -> Tokens:
    """The candidate under the budget with the most parameters that a plain climb finds.

    No network is built: the count comes from the graph, so thousands are looked at in a second or
    two.  This is the control that a training-free search has to beat.

    Args:
        within: The space and the budget.
        seed: Of the climb.
        looks: Candidates looked at.
    """
    rng = stream(seed, "most params")

    def params(tokens: Tokens) -> int:
        return cost(within.space.decode(tokens)).params

    best = within.sample(rng=rng)
    most = params(best)
    for look in range(looks):
        fresh = look < looks // 10
        row = within.sample(rng=rng) if fresh else mutate(within.space, best, rng=rng, changes=2)
        row = within.repair(row, rng=rng)
        count = params(row)
        if count > most:
            best, most = row, count
    return best
