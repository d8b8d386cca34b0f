"""Pixels are the same however they are read: at once, on first use, or by worker processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.errors import DataError
from netwright.rng import stream
from netwright.training.images import ArrayImages, FileImages
from netwright.training.pixels import Pixels

CPU = torch.device("cpu")


@pytest.fixture
def files(tmp_path: Path) -> FileImages:
    paths = []
    for number in range(7):
        noise = stream(0, "pixels", number).integers(0, 256, (8, 8, 3)).astype(np.uint8)
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(noise).save(paths[-1])
    return FileImages(tuple(paths))


def test_three_ways_one_result(files: FileImages) -> None:
    rows = np.array([5, 0, 5, 2])
    eager = Pixels(files, size=8, channels=3, limit_bytes=2**20)
    reports: list[tuple[int, int]] = []
    eager.load(np.arange(7), lambda done, total: reports.append((done, total)))
    lazy = Pixels(files, size=8, channels=3, limit_bytes=2**20)
    streamed = Pixels(files, size=8, channels=3, limit_bytes=100)
    assert reports == [(7, 7)] and lazy.kept and not streamed.kept
    expected = eager.take(rows)
    assert expected.shape == (4, 8, 8, 3) and expected.dtype == torch.uint8
    assert torch.equal(lazy.take(rows), expected)
    assert torch.equal(streamed.take(rows), expected)


def test_workers_keep_the_order_of_the_plan(files: FileImages) -> None:
    plan = [np.array(rows) for rows in ([3, 1], [6], [0, 2, 4], [5, 5])]
    kept = Pixels(files, size=8, channels=3, limit_bytes=2**20)
    streamed = Pixels(files, size=8, channels=3, limit_bytes=100)
    found = list(streamed.batches(iter(plan), device=CPU))
    assert len(found) == len(plan)
    for mine, other in zip(found, kept.batches(iter(plan), device=CPU), strict=True):
        assert torch.equal(mine, other)


def test_only_rows_in_use_are_decoded(files: FileImages) -> None:
    Path(files.paths[3]).write_text("broken")
    lazy = Pixels(files, size=8, channels=3, limit_bytes=2**20)
    lazy.take(np.array([0, 1, 2]))
    with pytest.raises(DataError, match=r"3.png cannot be read"):
        lazy.take(np.array([2, 3]))


def test_a_broken_picture_is_one_sentence_from_a_worker_too(files: FileImages) -> None:
    Path(files.paths[3]).write_text("broken")
    streamed = Pixels(files, size=8, channels=3, limit_bytes=100)
    with pytest.raises(DataError, match=r"3.png cannot be read") as caught:
        list(streamed.batches(iter([np.array([2, 3])]), device=CPU))
    assert "\n" not in str(caught.value)


def test_arrays_of_the_right_size_are_taken_as_they_are() -> None:
    array = np.arange(2 * 8 * 8).reshape(2, 8, 8).astype(np.uint8)
    pixels = Pixels(ArrayImages(array, "x"), size=8, channels=1, limit_bytes=2**20)
    assert (pixels.take(np.array([1])).numpy()[0, ..., 0] == array[1]).all()
    larger = Pixels(ArrayImages(array, "x"), size=16, channels=3, limit_bytes=2**20)
    assert larger.take(np.array([1, 0])).shape == (2, 16, 16, 3)
