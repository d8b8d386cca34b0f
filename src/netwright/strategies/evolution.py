"""``evolution``: regularised (aging) evolution of Real et al., AAAI 2019 (arXiv 1802.01548).

A population of the youngest candidates; each child is a mutation of the best of a random few.
Nothing survives by having been lucky once: the oldest leave, however good.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from netwright.errors import UsageError
from netwright.records import Objective, Tokens, Trial
from netwright.rng import stream
from netwright.spaces.edit import cross, mutate
from netwright.spaces.within import Within
from netwright.strategies.uniform import unseen


class Evolution:
    """Regularised evolution under a budget.

    Args:
        within: The space and the budget; children that exceed it are repaired.
        objective: What is to be large.
        seed: The same seed and history ask for the same candidates.
        population: Number of youngest candidates that may have children (paper: 100).
        sample: Size of the tournament in a full population (paper: 25), and in proportion
            before it is full.
        initial: Random candidates before the first child (paper: ``population``).
        crossover: Share of children of two parents, mutated too (paper: 0).

    Raises:
        UsageError: If one of the last four is out of range.
    """

    def __init__(
        self,
        within: Within,
        *,
        objective: Objective,
        seed: int,
        population: int = 64,
        sample: int = 16,
        initial: int = 16,
        crossover: float = 0.0,
    ) -> None:
        if min(population, sample, initial) < 1 or not 0 <= crossover <= 1:
            raise UsageError(
                f"Evolution cannot have population {population}, sample {sample}, initial "
                f"{initial} and crossover {crossover}; give whole numbers from 1 and a share "
                "from 0 to 1."
            )
        self.within, self.objective, self.seed = within, objective, seed
        self.population, self.sample, self.crossover = population, sample, crossover
        self.initial = min(initial, population)
        self._alive: deque[tuple[float, Tokens]] = deque(maxlen=population)
        self._seen: set[Tokens] = set()
        self._told = 0

    def ask(self, n: int) -> Sequence[Tokens]:
        """The next ``n`` candidates: random at first, then children."""
        seen, rows = set(self._seen), []
        for i in range(n):
            rng = stream(self.seed, "evolution", self._told + i)
            rows.append(unseen(self._draw, seen, rng=rng))
            seen.add(rows[-1])
        return rows

    def _draw(self, rng: np.random.Generator) -> Tokens:
        if len(self._alive) < self.initial:
            return self.within.sample(rng=rng)
        space = self.within.space
        child = self._parent(rng)
        if self.crossover and rng.random() < self.crossover:
            child = cross(space, child, self._parent(rng), rng=rng)
        return self.within.repair(mutate(space, child, rng=rng), rng=rng)

    def _parent(self, rng: np.random.Generator) -> Tokens:
        share = len(self._alive) * self.sample / self.population
        size = min(len(self._alive), max(2, round(share)))
        picks = rng.choice(len(self._alive), size=size, replace=False).tolist()
        return max((self._alive[i] for i in picks), key=lambda member: member[0])[1]

    def tell(self, trials: Sequence[Trial]) -> None:
        """Let the candidates that were evaluated enter the population, the oldest leave it."""
        for trial in trials:
            self._seen.add(trial.tokens)
            if trial.ok and trial.duplicate_of is None:
                self._alive.append((trial.value(self.objective), trial.tokens))
        self._told += len(trials)
