"""``nsga2``: a front of trade-offs instead of one winner (Deb et al., NSGA-II, 2002).

Parents are the survivors of a sort into fronts, ties broken by crowding; a child is a crossover of
two winners of binary tournaments, mutated.  Candidates arrive in batches, so survival is decided
whenever ``offspring`` trials have been told, between what was told and the parents before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netwright.arch.cost import COST_NAMES, figure
from netwright.errors import UsageError
from netwright.pareto import Direction, crowding, fronts
from netwright.records import Objective, Tokens, Trial
from netwright.rng import stream
from netwright.spaces.edit import cross, mutate
from netwright.spaces.within import Within
from netwright.strategies.uniform import unseen


@dataclass(frozen=True, kw_only=True)
class Member:
    """A candidate of the population.

    Args:
        tokens: The candidate.
        values: Of the objective, which is to be large, then of the costs.
        rank: Number of its front; 0 is not dominated.
        room: Crowding distance within it; larger is lonelier.
    """

    tokens: Tokens
    values: tuple[float, ...]
    rank: int = 0
    room: float = 0.0

    @property
    def merit(self) -> tuple[int, float]:
        """What a tournament compares; larger wins."""
        return -self.rank, self.room


class NSGA2:
    """Evolution of a front, under a budget.

    Args:
        within: The space and the budget; children that exceed it are repaired.
        objective: What is to be large.
        seed: The same seed and history ask for the same candidates.
        costs: What is to be small beside it: ``macs``, ``params``, ``peak_activation_bytes`` or
            metrics of the evaluator, such as ``latency_ms``.
        population: Number of parents.
        offspring: Trials between two decisions who survives (the paper: as many as parents).
        crossover: Share of children with two parents (the paper: .9).

    Raises:
        UsageError: If a number is out of range or there is no cost.
    """

    def __init__(
        self,
        within: Within,
        *,
        objective: Objective,
        seed: int,
        costs: Sequence[str] = ("macs",),
        population: int = 30,
        offspring: int = 5,
        crossover: float = 0.5,
    ) -> None:
        if population < 2 or offspring < 1 or not 0 <= crossover <= 1:
            raise UsageError(
                f"NSGA-II cannot have population {population}, offspring {offspring} and "
                f"crossover {crossover}; give 2 or more, 1 or more and a share from 0 to 1."
            )
        if not costs or isinstance(costs, str):
            raise UsageError(f"NSGA-II needs a tuple of costs, such as ('macs',); {costs!r} came.")
        self.within, self.objective, self.seed = within, objective, seed
        self.costs, self.population = tuple(costs), population
        self.offspring, self.crossover = offspring, crossover
        self._parents: list[Member] = []
        self._young: list[Member] = []
        self._seen: set[Tokens] = set()
        self._told = 0

    def ask(self, n: int) -> Sequence[Tokens]:
        """The next ``n`` candidates: random until there are enough parents, then children."""
        seen, rows = set(self._seen), []
        for i in range(n):
            rng = stream(self.seed, "nsga2", self._told + i)
            rows.append(unseen(self._draw, seen, rng=rng))
            seen.add(rows[-1])
        return rows

    def _draw(self, rng: np.random.Generator) -> Tokens:
        if len(self._parents) < self.population:
            return self.within.sample(rng=rng)
        space = self.within.space
        child = self._winner(rng)
        if rng.random() < self.crossover:
            child = cross(space, child, self._winner(rng), rng=rng)
        return self.within.repair(mutate(space, child, rng=rng), rng=rng)

    def _winner(self, rng: np.random.Generator) -> Tokens:
        pair = rng.choice(len(self._parents), size=2, replace=False).tolist()
        winner: Member = max((self._parents[i] for i in pair), key=lambda m: m.merit)
        return winner.tokens

    def tell(self, trials: Sequence[Trial]) -> None:
        """Let what was evaluated compete with the parents, every ``offspring`` trials."""
        for trial in trials:
            self._told += 1
            self._seen.add(trial.tokens)
            if trial.ok and trial.duplicate_of is None:
                self._young.append(Member(tokens=trial.tokens, values=self._values(trial)))
            if self._told % self.offspring == 0:
                self._parents = survivors(
                    [*self._parents, *self._young], self.population, costs=len(self.costs)
                )
                self._young = []

    def _values(self, trial: Trial) -> tuple[float, ...]:
        return trial.value(self.objective), *(cost_of(trial, name) for name in self.costs)


def cost_of(trial: Trial, name: str) -> float:
    """A cost of a trial's network, or a metric that it was given.

    Raises:
        UsageError: If it has neither of this name.
    """
    known = figure(trial.cost, name)
    if known is not None:
        return known
    if name in trial.outcome.metrics:
        return trial.outcome.metrics[name]
    there = ", ".join((*COST_NAMES, *trial.outcome.metrics))
    raise UsageError(f"There is no cost {name!r} to be kept small; there are: {there}.")


def survivors(members: Sequence[Member], count: int, *, costs: int) -> list[Member]:
    """The best ``count`` by front, the last front by crowding; each with its rank and room."""
    if not members:
        return []
    directions: list[Direction] = ["max"]
    directions += ["min"] * costs
    kept: list[Member] = []
    for rank, indices in enumerate(fronts([m.values for m in members], directions=directions)):
        room = crowding([members[i].values for i in indices])
        ranked = [
            Member(tokens=members[i].tokens, values=members[i].values, rank=rank, room=float(r))
            for i, r in zip(indices, room, strict=True)
        ]
        if len(kept) + len(ranked) > count:
            ranked = sorted(ranked, key=lambda m: -m.room)[: count - len(kept)]
        kept += ranked
        if len(kept) == count:
            break
    return kept
