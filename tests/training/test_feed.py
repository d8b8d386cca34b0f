"""Each epoch shows each image once at most, in an order that depends on the seed alone."""

from __future__ import annotations

import numpy as np
import torch

from netwright.training.data import ImageData
from netwright.training.feed import feed, row_batches


def test_an_epoch_is_a_permutation() -> None:
    plan = list(row_batches(10, 3, 0, 0, 6))
    first, second = np.concatenate(plan[:3]), np.concatenate(plan[3:])
    assert len(np.unique(first)) == len(np.unique(second)) == 9
    assert not np.array_equal(first, second)


def test_starting_later_is_the_same_plan() -> None:
    whole = list(row_batches(10, 3, 5, 0, 8))
    rest = list(row_batches(10, 3, 5, 4, 8))
    assert all(np.array_equal(a, b) for a, b in zip(whole[4:], rest, strict=True))
    assert not np.array_equal(whole[0], next(row_batches(10, 3, 6, 0, 8)))


def test_fewer_images_than_a_batch() -> None:
    assert [sorted(rows) for rows in row_batches(3, 8, 0, 0, 2)] == [[0, 1, 2]] * 2


def test_images_come_with_their_labels(digits: ImageData) -> None:
    plan = [np.array([3, 1]), np.array([0])]
    found = list(feed(digits, iter(plan), torch.device("cpu")))
    for rows, (pixels, labels) in zip(plan, found, strict=True):
        assert torch.equal(pixels, digits.pixels.take(digits.train.rows[rows]))
        assert labels.tolist() == digits.train.labels[rows].tolist()
