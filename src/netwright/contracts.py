"""The protocols that everything else is written against: Space, Evaluator, Strategy, Store.

Each has a conformance suite in :mod:`netwright.testing`; inherit it to test your own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from netwright.arch.graph import Architecture
from netwright.records import Outcome, Tokens, Trial


@dataclass(frozen=True)
class Choice:
    """One decision of a space.

    Args:
        name: Such as ``stage 2 kernel``; unique within the space.
        options: Labels a person can read; a token is an index into them.  Where the options have
            an order, it is from cheap to costly.
    """

    name: str
    options: tuple[str, ...]


class Space(Protocol):
    """What networks may be: a row of named choices and a rule that makes a network of tokens.

    A space is immutable and cheap to copy to another process.  ``decode`` accepts any tokens in
    range; tokens that change nothing are 0 in the canonical form, so that one network has one
    canonical row (and ``decode(t).id == decode(canonical(t)).id``).
    """

    @property
    def name(self) -> str:
        """Its name in the catalogue or in the user's words."""
        ...

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The decisions, in the order of the tokens."""
        ...

    def canonical(self, tokens: Tokens) -> Tokens:
        """The same candidate with every token that changes nothing set to 0."""
        ...

    def decode(self, tokens: Tokens) -> Architecture:
        """The network that the tokens describe.

        Raises:
            TokenError: If the tokens are no candidate of this space.
        """
        ...


class Evaluator(Protocol):
    """How good a network is.  Small and cheap to copy: it is sent to worker processes."""

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        """Look at one network.

        What goes wrong with *this network* is a failed ``Outcome``; an exception is a bug or a
        user's mistake and ends the search.
        """
        ...


class Strategy(Protocol):
    """What to try next: a pure function of the trials told so far and of its seed.

    ``ask`` changes nothing: two calls in a row give the same answer.  ``tell`` is given every
    trial of every batch asked for, in order; failed, rejected and duplicate ones too.
    """

    def ask(self, n: int) -> Sequence[Tokens]:
        """The next ``n`` candidates, canonical; fewer only when the space is exhausted."""
        ...

    def tell(self, trials: Sequence[Trial]) -> None:
        """Learn from finished trials."""
        ...


class Store(Protocol):
    """Where trials are kept.  What ``append`` was given is on disk when it returns.

    Trials may arrive out of the order of their numbers; iteration gives them in that order.
    """

    def append(self, trials: Sequence[Trial]) -> None:
        """Keep trials, all or none.

        Raises:
            StoreError: If a number is already taken, or the store cannot be written.
        """
        ...

    def __iter__(self) -> Iterator[Trial]:
        """All trials by number."""
        ...
