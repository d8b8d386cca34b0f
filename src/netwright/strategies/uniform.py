"""``uniform``: random candidates that fit the budget; the baseline of every search."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from netwright.records import Tokens, Trial
from netwright.rng import stream
from netwright.spaces.within import Within

REDRAWS = 32  # for a candidate that has not been tried; then a duplicate, which costs nothing


def unseen(
    draw: Callable[[np.random.Generator], Tokens], seen: set[Tokens], *, rng: np.random.Generator
) -> Tokens:
    """The first of at most 32 draws that is not in ``seen``, or else the last."""
    row = draw(rng)
    for _ in range(REDRAWS - 1):
        if row not in seen:
            break
        row = draw(rng)
    return row


class Uniform:
    """Uniform random search without repetition.

    Args:
        within: The space and the budget.
        seed: The same seed asks for the same candidates.
    """

    def __init__(self, within: Within, *, seed: int) -> None:
        self.within, self.seed = within, seed
        self._seen: set[Tokens] = set()
        self._told = 0

    def ask(self, n: int) -> Sequence[Tokens]:
        """The next ``n`` candidates."""
        seen, rows = set(self._seen), []
        for i in range(n):
            rng = stream(self.seed, "uniform", self._told + i)
            rows.append(unseen(lambda r: self.within.sample(rng=r), seen, rng=rng))
            seen.add(rows[-1])
        return rows

    def tell(self, trials: Sequence[Trial]) -> None:
        """Remember what has been tried."""
        self._seen.update(t.tokens for t in trials)
        self._told += len(trials)
