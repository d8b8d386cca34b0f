"""Data sets that torchvision can download by name."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np

from netwright.errors import DataError
from netwright.training.images import ArrayImages, Bytes8
from netwright.training.listing import Listing, cache_folder

NAMES = (
    "CIFAR10", "CIFAR100", "EMNIST", "FashionMNIST", "KMNIST", "MNIST", "QMNIST", "STL10", "SVHN",
    "USPS",
)  # fmt: skip
"""The names that may be given, as torchvision spells them."""

_SYMBOLS = {"EMNIST", "KMNIST", "MNIST", "QMNIST", "SVHN", "USPS"}


def read_named(name: str) -> Listing:
    """Download a data set once into the cache folder and read its train and test images.

    Args:
        name: One of ``NAMES``.

    Raises:
        DataError: The download failed.
    """
    from torchvision import datasets

    make = getattr(datasets, name)
    folder = cache_folder() / name
    arguments = {"split": "balanced"} if name == "EMNIST" else {}
    pixels, labels, classes = [], [], None
    for split in ("train", "test"):
        which: dict[str, Any] = {"split": split} if name in ("SVHN", "STL10") else {
            "train": split == "train", **arguments,
        }  # fmt: skip
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.redirect_stdout(io.StringIO()):
                part = make(str(folder), download=True, **which)
        except (OSError, RuntimeError) as error:
            reason = str(error).split("\n")[0][:120]
            raise DataError(
                f"{name} could not be downloaded into {folder} ({reason}); connect to the "
                f"internet, or put torchvision's files there, and try again."
            ) from error
        pixels.append(_pixels(part.data))
        labels.append(_labels(part))
        classes = getattr(part, "classes", None) or classes
    train, test = (len(part) for part in labels)
    every = np.concatenate(labels)
    names = tuple(str(c) for c in classes or range(int(every.max()) + 1))
    return Listing(
        name=name,
        classes=names,
        images=ArrayImages(np.concatenate(pixels), name),
        labels=every,
        splits={
            "train": np.arange(train, dtype=np.int64),
            "test": np.arange(train, train + test, dtype=np.int64),
        },
        origins={split: f"torchvision's {name}, {split}" for split in ("train", "test")},
        symbols=name in _SYMBOLS,
    )


def _pixels(data: Any) -> Bytes8:
    """(N, H, W) or (N, H, W, 3) from what the classes keep as ``data``."""
    array = np.asarray(data)
    if array.ndim == 4 and array.shape[1] == 3 and array.shape[3] != 3:
        array = array.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(array, dtype=np.uint8)


def _labels(part: Any) -> Any:
    labels = np.asarray(part.labels if hasattr(part, "labels") else part.targets)
    return (labels[:, 0] if labels.ndim == 2 else labels).astype(np.int64)
