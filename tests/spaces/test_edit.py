"""Edits give other candidates, evenly, and never anything that is none."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.fakes import ONE, TinySpace
from netwright.rng import stream
from netwright.spaces.edit import cross, mutate, neighbours
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import enumerate_tokens, sample

TINY, MOBILE = TinySpace(), MobileSpace(resolution=32, classes=10)
SEEDS = st.integers(0, 10**6)


def rng(seed: int) -> np.random.Generator:
    return stream(seed, "edit")


@settings(deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_a_mutation_is_another_canonical_candidate(seed: int, changes: int) -> None:
    for space in (TINY, MOBILE):
        start = sample(space, rng(seed))
        other = mutate(space, start, rng=rng(seed + 1), changes=changes)
        assert other != start and space.canonical(other) == other
        assert mutate(space, start, rng=rng(seed + 1), changes=changes) == other


def test_one_change_is_one_choice_and_all_options_are_reached() -> None:
    start = (1, 2, 3, 0)
    reached = Counter(mutate(TINY, start, rng=rng(i)) for i in range(2000))
    assert set(reached) == set(neighbours(TINY, start))
    by_place = Counter(
        next(i for i in range(4) if row[i] != start[i]) for row in reached.elements()
    )
    assert all(abs(n - 500) < 90 for n in by_place.values())  # 4.6 deviations of 19


def test_inactive_tokens_are_not_mistaken_for_changes() -> None:
    for i in range(50):
        assert mutate(TINY, (0, 0, 0, 0), rng=rng(i)) != (0, 0, 0, 0)
    assert mutate(ONE, (0, 0, 0, 0), rng=rng(0)) == (0, 0, 0, 0)  # there is no other


@settings(deadline=None)
@given(SEEDS)
def test_a_child_has_every_token_from_a_parent(seed: int) -> None:
    left, right = sample(MOBILE, rng(seed)), sample(MOBILE, rng(seed + 1))
    child = cross(MOBILE, left, right, rng=rng(seed))
    assert MOBILE.canonical(child) == child
    assert all(c in (a, b, 0) for a, b, c in zip(left, right, child, strict=True))
    assert cross(MOBILE, left, left, rng=rng(seed)) == left


def test_neighbours_are_all_that_differ_in_one_choice() -> None:
    start = (1, 1, 2, 0)
    expected = {
        row
        for row in enumerate_tokens(TINY)
        if any(
            TINY.canonical((*start[:i], row[i], *start[i + 1 :])) == row for i in range(4)
        )
    } - {start}  # fmt: skip
    found = list(neighbours(TINY, start))
    assert set(found) == expected and len(found) == len(expected)
    assert list(neighbours(TINY, (0, 0, 1, 1))) == list(neighbours(TINY, (0, 0, 0, 0)))
