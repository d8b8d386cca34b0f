"""Opened data: splits, statistics, batches for scores, and a real file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from netwright.errors import DataError
from netwright.training.data import ImageData, batches, centre, normalise, open_data

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
MakeFolder = Callable[..., Path]


def test_digits(digits: ImageData) -> None:
    assert digits.input_shape == (1, 8, 8) and digits.test is not None
    assert [len(digits.train), len(digits.val), len(digits.test)] == [1222, 216, 359]
    pixels = digits.pixels.take(digits.train.rows).numpy() / 255.0
    assert digits.mean[0] == pytest.approx(pixels.mean(), abs=0.01)
    assert digits.std[0] == pytest.approx(pixels.std(), abs=0.01)


def test_splits_do_not_overlap_and_the_seed_moves_val_only(digits: ImageData) -> None:
    other, again = open_data("digits", seed=1), open_data("digits")
    assert digits.test is not None and other.test is not None
    rows = np.concatenate([digits.train.rows, digits.val.rows, digits.test.rows])
    assert len(np.unique(rows)) == 1797
    assert (digits.test.rows == other.test.rows).all()
    assert not np.array_equal(digits.val.rows, other.val.rows)
    assert (digits.val.rows == again.val.rows).all()
    assert digits.id == again.id != other.id


def test_a_missing_split_is_said(make_folder: MakeFolder) -> None:
    data = open_data(str(make_folder({"a": 4, "b": 4})))
    assert data.test is None and data.split("val") is data.val
    with pytest.raises(DataError, match="no 'test' split; it has train, val"):
        data.split("test")


def test_a_broken_file_is_named_at_opening(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 4, "b": 4})
    whole = (root / "b" / "002.png").read_bytes()
    (root / "b" / "002.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"b/002.png cannot be read as an image"):
        open_data(str(root))


def test_progress_is_told(make_folder: MakeFolder) -> None:
    told: list[tuple[int, int]] = []
    open_data(str(make_folder({"a": 4, "b": 4})), on_progress=lambda *at: told.append(at))
    assert told[-1] == (8, 8)


def test_lazy_and_streamed_data_are_the_same_data(make_folder: MakeFolder) -> None:
    root = str(make_folder({"a": 4, "b": 4}))
    eager, lazy = open_data(root), open_data(root, lazy=True)
    streamed = open_data(root, limit_bytes=0)
    assert eager.id == lazy.id == streamed.id and not streamed.pixels.kept
    for data in (lazy, streamed):
        assert torch.equal(data.pixels.take(data.val.rows), eager.pixels.take(eager.val.rows))


def test_grey_images_have_one_channel(make_folder: MakeFolder) -> None:
    assert open_data(str(make_folder({"a": 2, "b": 2}, mode="L"))).input_shape == (1, 12, 12)


def test_batches_are_distinct_balanced_and_normalised(digits: ImageData) -> None:
    found = batches(digits, size=20, count=3, seed=0, dtype=torch.float64)
    again = batches(digits, size=20, count=3, seed=0, dtype=torch.float64)
    other = batches(digits, size=20, count=3, seed=1, dtype=torch.float64)
    assert len(found) == 3
    for (images, labels), (same, _), (different, _) in zip(found, again, other, strict=True):
        assert images.shape == (20, 1, 8, 8) and images.dtype == torch.float64
        assert torch.bincount(labels, minlength=10).tolist() == [2] * 10
        assert torch.equal(images, same) and not torch.equal(images, different)
    everything = torch.cat([images for images, _ in found]).flatten(1)
    assert len(torch.unique(everything, dim=0)) == 60
    assert abs(float(everything.mean())) < 0.1 and abs(float(everything.std()) - 1) < 0.1


def test_batches_know_the_labels(digits: ImageData) -> None:
    images, labels = batches(digits, size=50, count=1, seed=3)[0]
    pixels = digits.pixels.take(digits.train.rows)
    mine = (images[:, 0] * digits.std[0] + digits.mean[0]) * 255
    for image, label in zip(mine, labels, strict=True):
        matches = (pixels[..., 0].float() - image).abs().amax(dim=(1, 2)) < 0.01
        assert int(label) in digits.train.labels[matches.numpy()]


def test_batches_are_channels_last(make_folder: MakeFolder) -> None:
    data = open_data(str(make_folder({"a": 4, "b": 4})), lazy=True)
    images, _ = batches(data, size=4, count=1, seed=0)[0]
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_batches_need_enough_images(digits: ImageData) -> None:
    with pytest.raises(DataError, match="216 val images, and 4 batches of 64 need 256"):
        batches(digits, size=64, count=4, seed=0, split="val")


def test_normalise_against_numpy(make_folder: MakeFolder) -> None:
    data = open_data(str(make_folder({"a": 4, "b": 4})))
    pixels = data.pixels.take(data.train.rows)
    expected = (pixels.numpy() / 255.0 - np.array(data.mean)) / np.array(data.std)
    np.testing.assert_allclose(
        normalise(data, pixels).numpy(), expected.transpose(0, 3, 1, 2), atol=1e-5
    )


def test_centre(make_folder: MakeFolder) -> None:
    data = open_data(str(make_folder({"a": 2, "b": 2}, size=(80, 80))), resolution=32)
    assert data.stored == 37
    pixels = data.pixels.take(data.val.rows)
    assert torch.equal(centre(data, pixels), pixels[:, 2:34, 2:34])


@pytest.mark.data
def test_cifar_from_parquet() -> None:
    path = SHARED / "cifar10_12k_jpeg.parquet"
    if not path.exists():
        pytest.skip(f"{path.name} is not in ../shared/data")
    data = open_data(str(path), lazy=True)
    assert data.input_shape == (3, 32, 32) and data.flip and data.test is not None
    assert [len(data.train), len(data.val), len(data.test)] == [8500, 1500, 2000]
    assert data.mean == pytest.approx((0.4913, 0.4821, 0.4465), abs=0.02)
    assert data.std == pytest.approx((0.2452, 0.2428, 0.2606), abs=0.02)


def test_a_network_s_users_are_told_of_classes_and_statistics() -> None:
    data = open_data("digits", lazy=True)
    about = {name: json.loads(text) for name, text in data.about().items()}
    assert about == {
        "classes": list(data.classes), "mean": list(data.mean), "std": list(data.std),
    }  # fmt: skip
