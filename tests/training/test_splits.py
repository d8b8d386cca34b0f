"""Splits keep each class's share, lose nothing, and depend on the seed alone."""

from __future__ import annotations

import numpy as np
import pytest

from netwright.errors import DataError
from netwright.training.splits import balanced, cut

LABELS = np.array([0] * 40 + [1] * 20 + [2] * 2)
ROWS = np.arange(len(LABELS))


def test_each_class_keeps_its_share() -> None:
    kept, taken = cut(ROWS, LABELS, fraction=0.2, seed=0, part="val", classes="abc")
    assert np.bincount(LABELS[taken]).tolist() == [8, 4, 1]
    assert np.bincount(LABELS[kept]).tolist() == [32, 16, 1]
    assert sorted([*kept, *taken]) == ROWS.tolist()
    assert (np.diff(kept) > 0).all() and (np.diff(taken) > 0).all()


def test_the_seed_decides() -> None:
    def taken(seed: int, part: str = "val") -> list[int]:
        _, rows = cut(ROWS, LABELS, fraction=0.2, seed=seed, part=part, classes="abc")
        return list(rows)

    assert taken(1) == taken(1) != taken(2)
    assert taken(1) != taken(1, "test")


def test_a_class_of_one_cannot_be_split() -> None:
    with pytest.raises(DataError, match="Class 'c' has 1 image in train"):
        cut(ROWS[:-1], LABELS, fraction=0.2, seed=0, part="val", classes="abc")


def test_a_large_fraction_leaves_one_to_train_on() -> None:
    kept, _ = cut(ROWS, LABELS, fraction=0.99, seed=0, part="val", classes="abc")
    assert np.bincount(LABELS[kept]).tolist() == [1, 1, 1]


def test_balanced_draws_distinct_positions_in_turns() -> None:
    drawn = balanced(LABELS, 6, seed=0)
    assert np.bincount(LABELS[drawn]).tolist() == [2, 2, 2]
    everything = balanced(LABELS, len(LABELS), seed=0)
    assert sorted(everything) == ROWS.tolist()
    assert (everything[:6] == drawn).all()
    assert np.bincount(LABELS[everything[6:26]]).tolist() == [10, 10]
