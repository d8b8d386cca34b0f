"""``exhaustive``: every candidate of a small space, once, in order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from netwright.contracts import Space
from netwright.records import Tokens, Trial
from netwright.spaces.tokens import enumerate_tokens


class Exhaustive:
    """Enumerates a space; for those that are small enough to be searched whole.

    Args:
        space: The space.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._told = 0

    def ask(self, n: int) -> Sequence[Tokens]:
        """The next ``n`` candidates in lexicographic order; fewer at the end, then none."""
        return list(islice(enumerate_tokens(self.space), self._told, self._told + n))

    def tell(self, trials: Sequence[Trial]) -> None:
        """Count what has been tried."""
        self._told += len(trials)
