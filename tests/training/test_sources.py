"""A source is found by what was typed; what cannot be used is said in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from netwright.errors import DataError
from netwright.training.images import ArrayImages
from netwright.training.listing import Listing, cache_folder
from netwright.training.sources import checked, read_source


def test_digits_have_one_test_split_of_a_fifth() -> None:
    listing = read_source("digits")
    test, train = listing.splits["test"], listing.splits["train"]
    assert len(test) + len(train) == 1797 and abs(len(test) / 1797 - 0.2) < 0.01
    assert listing.classes == tuple("0123456789") and listing.symbols
    assert isinstance(listing.images, ArrayImages)
    bunch = load_digits()
    assert (listing.labels == bunch.target).all()
    assert np.abs(listing.images.array / 255 * 16 - bunch.images).max() <= 0.04


def test_a_path_that_is_not_there() -> None:
    with pytest.raises(DataError, match="no file or folder '/nowhere/at/all'"):
        read_source("/nowhere/at/all")
    with pytest.raises(DataError, match="no file or folder 'cats.parquet'"):
        read_source("cats.parquet")


def test_a_misspelt_name_is_suggested(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="'cifar11'. Did you mean 'CIFAR10'?"):
        read_source("cifar11")
    with pytest.raises(DataError, match="Did you mean 'digits'?"):
        read_source("digit")
    with pytest.raises(DataError, match="Known names: digits, CIFAR10"):
        read_source("qqqqqqqq")


def test_the_cache_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("NETWRIGHT_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "netwright"


def listing(classes: tuple[str, ...], **splits: list[int]) -> Listing:
    labels = np.array([label for part in splits.values() for label in part])
    ends = np.cumsum([0, *(len(part) for part in splits.values())])
    return Listing(
        name="pets",
        classes=classes,
        images=ArrayImages(np.zeros((len(labels), 4, 4), np.uint8), "pets"),
        labels=labels,
        splits={n: np.arange(a, b) for n, a, b in zip(splits, ends, ends[1:], strict=False)},
        origins={},
    )


def test_one_class_is_no_task() -> None:
    with pytest.raises(DataError, match="pets has 1 class, 'cat'"):
        checked(listing(("cat",), train=[0, 0]))


def test_splits_need_the_same_classes() -> None:
    checked(listing(("cat", "dog"), train=[0, 1], val=[0, 1], test=[1]))
    with pytest.raises(DataError, match="'dog' is in val but not in train"):
        checked(listing(("cat", "dog"), train=[0, 0], val=[0, 1]))
    with pytest.raises(DataError, match="'dog' is in test but not in train"):
        checked(listing(("cat", "dog"), train=[0, 0], val=[0], test=[1]))
    with pytest.raises(DataError, match="'dog' is in train but not in val"):
        checked(listing(("cat", "dog"), train=[0, 1], val=[0]))
