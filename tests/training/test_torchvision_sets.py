"""Named data sets, with torchvision's classes stood in for: nothing is downloaded here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torchvision

from netwright.errors import DataError
from netwright.training.images import ArrayImages
from netwright.training.sources import read_source
from netwright.training.torchvision_sets import NAMES, read_named


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, make: Any) -> None:
    monkeypatch.setattr(torchvision.datasets, name, make)


def test_every_name_is_torchvisions() -> None:
    assert all(hasattr(torchvision.datasets, name) for name in NAMES)


def test_names_are_found_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(root: str, *, train: bool, download: bool) -> SimpleNamespace:
        assert download and Path(root).name == "FashionMNIST"
        count = 6 if train else 4
        return SimpleNamespace(
            data=torch.full((count, 28, 28), count, dtype=torch.uint8),
            targets=torch.arange(count) % 2,
            classes=["shirt", "shoe"],
        )

    stand_in(monkeypatch, "FashionMNIST", make)
    listing = read_source("fashionmnist")
    assert listing.name == "FashionMNIST" and listing.classes == ("shirt", "shoe")
    assert listing.splits["train"].tolist() == list(range(6))
    assert listing.splits["test"].tolist() == list(range(6, 10))
    assert listing.symbols is False
    assert isinstance(listing.images, ArrayImages)
    assert listing.images.array[:, 0, 0].tolist() == [6] * 6 + [4] * 4


def test_channels_first_arrays_are_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.arange(2 * 3 * 32 * 32).reshape(2, 3, 32, 32).astype(np.uint8)

    def make(root: str, *, split: str, download: bool) -> SimpleNamespace:
        return SimpleNamespace(data=pixels, labels=np.array([0, 1]))

    stand_in(monkeypatch, "SVHN", make)
    listing = read_named("SVHN")
    assert isinstance(listing.images, ArrayImages) and listing.symbols
    assert (listing.images.array[:2] == pixels.transpose(0, 2, 3, 1)).all()
    assert listing.classes == ("0", "1")


def test_a_failed_download_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(root: str, *, train: bool, download: bool) -> SimpleNamespace:
        raise RuntimeError("Error downloading cifar-10-python.tar.gz:\nTried https://example")

    stand_in(monkeypatch, "CIFAR10", make)
    with pytest.raises(DataError, match="CIFAR10 could not be downloaded") as caught:
        read_source("CIFAR10")
    assert "\n" not in str(caught.value)
