"""Edits of candidates that work in any space: mutate, cross, neighbours.

Every result is a canonical candidate that differs from what went in wherever the space allows it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netwright.contracts import Space
from netwright.records import Tokens

_TRIES = 64  # redraws before giving up on a difference; only tokens that change nothing use them


def mutate(space: Space, tokens: Tokens, *, rng: np.random.Generator, changes: int = 1) -> Tokens:
    """Redraw ``changes`` tokens, each to another option.

    Tokens that are inactive in this candidate change nothing; such draws are repeated (at most
    64 times), so that the result is a different candidate.
    """
    choices = space.choices
    free = [i for i, c in enumerate(choices) if len(c.options) > 1]
    start = space.canonical(tokens)
    if not free:
        return start
    for _ in range(_TRIES):
        row = list(start)
        for i in rng.choice(len(free), size=min(changes, len(free)), replace=False).tolist():
            place = free[i]
            shift = int(rng.integers(1, len(choices[place].options)))
            row[place] = (row[place] + shift) % len(choices[place].options)
        result = space.canonical(tuple(row))
        if result != start:
            return result
    return start


def cross(space: Space, left: Tokens, right: Tokens, *, rng: np.random.Generator) -> Tokens:
    """Uniform crossover: every token from one parent or the other."""
    pick = rng.integers(2, size=len(left)).tolist()
    row = tuple([b if p else a for a, b, p in zip(left, right, pick, strict=True)])
    return space.canonical(row)


def neighbours(space: Space, tokens: Tokens) -> Iterator[Tokens]:
    """Every other canonical candidate that one token away leads to, each once, in order."""
    start = space.canonical(tokens)
    seen = {start}
    for i, choice in enumerate(space.choices):
        for option in range(len(choice.options)):
            row = space.canonical((*start[:i], option, *start[i + 1 :]))
            if row not in seen:
                seen.add(row)
                yield row
