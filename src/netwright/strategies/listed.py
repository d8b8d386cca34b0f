"""Given candidates first, then those of another strategy, which learns from them too."""

from __future__ import annotations

from collections.abc import Sequence

from netwright.contracts import Strategy
from netwright.records import Tokens, Trial


class Listed:
    """A list of candidates, in order; after the last, what another strategy asks for.

    Args:
        rows: Canonical tokens.
        then: Fresh; told of the listed ones as of its own.  None ends with the list.
    """

    def __init__(self, rows: Sequence[Tokens], then: Strategy | None = None) -> None:
        self._rows, self._then, self._told = tuple(rows), then, 0

    def ask(self, n: int) -> Sequence[Tokens]:
        """The next of the list, and of the strategy where it is at its end."""
        head = self._rows[self._told : self._told + n]
        more = self._then.ask(n - len(head)) if self._then and len(head) < n else ()
        return [*head, *more]

    def tell(self, trials: Sequence[Trial]) -> None:
        """Go on in the list, and let the strategy learn."""
        self._told += len(trials)
        if self._then is not None:
            self._then.tell(trials)
