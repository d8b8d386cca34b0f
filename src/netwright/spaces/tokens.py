"""Rows of tokens: checking, drawing, counting and enumerating the candidates of any space."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Sequence

import numpy as np

from netwright.arch.graph import Architecture
from netwright.contracts import Choice, Space
from netwright.errors import TokenError, UsageError
from netwright.records import Tokens


def check(space: Space, tokens: Sequence[int]) -> Tokens:
    """The tokens as a tuple, if they are a candidate of the space.

    Raises:
        TokenError: With the position and name of the first token that is out of range.
    """
    choices = space.choices
    if len(tokens) != len(choices):
        raise TokenError(f"{space.name} takes {len(choices)} tokens; {len(tokens)} came.")
    for i, (token, choice) in enumerate(zip(tokens, choices, strict=True)):
        if not 0 <= token < len(choice.options) or token != int(token):
            raise TokenError(
                f"Token {i} ({choice.name}) is {token}; it must be 0 to {len(choice.options) - 1}."
            )
    return tuple(int(t) for t in tokens)


def sample(space: Space, rng: np.random.Generator) -> Tokens:
    """A candidate whose raw tokens are uniform, in canonical form."""
    high = np.array([len(c.options) for c in space.choices], dtype=np.int64)
    return space.canonical(tuple(rng.integers(high).tolist()))


def raw_size(space: Space) -> int:
    """Number of token rows, canonical or not: the product of the option counts."""
    return math.prod(len(c.options) for c in space.choices)


def count(space: Space, *, limit: int = 2_000_000) -> int:
    """Number of canonical rows, by enumeration.

    A space that can count itself in closed form has a ``size``; that is used where it exists.

    Raises:
        UsageError: If more than ``limit`` rows would have to be looked at.
    """
    size = getattr(space, "size", None)
    if isinstance(size, int):
        return size
    if raw_size(space) > limit:
        raise UsageError(
            f"{space.name} has {raw_size(space):.3g} rows of tokens; counting them one by one is "
            f"limited to {limit:,}. Give the space a `size` of its own."
        )
    return sum(1 for _ in enumerate_tokens(space))


def enumerate_tokens(space: Space) -> Iterator[Tokens]:
    """Every canonical row once, in lexicographic order."""
    for row in itertools.product(*(range(len(c.options)) for c in space.choices)):
        if space.canonical(row) == row:
            yield row


def describe(space: Space, tokens: Tokens) -> dict[str, str]:
    """The candidate as a person reads it: the label of every choice by its name."""
    row = check(space, tokens)
    return {c.name: c.options[t] for c, t in zip(space.choices, row, strict=True)}


def first_row(space: Space) -> Tokens:
    """The candidate that takes the first option of every choice, canonical."""
    return space.canonical(tuple(0 for _ in space.choices))


def fingerprint(space: Space) -> str:
    """16 hexadecimal digits that tell two spaces apart: their choices and what they decode to.

    The first and the last row are decoded, so resolution, channels and classes count too.
    """
    last = space.canonical(tuple(len(c.options) - 1 for c in space.choices))
    ends: list[Architecture] = [space.decode(row) for row in (first_row(space), last)]
    choices = [[c.name, list(c.options)] for c in space.choices]
    text = json.dumps([space.name, choices, [a.id for a in ends]])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def choice(name: str, options: Sequence[object]) -> Choice:
    """A ``Choice`` whose labels are the options printed: ``choice("kernel", (3, 5, 7))``."""
    return Choice(name, tuple(str(o) for o in options))
