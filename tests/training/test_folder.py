"""Image folders in the layouts people have, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from netwright.errors import DataError
from netwright.training.folder import read_folder
from netwright.training.images import FileImages

MakeFolder = Callable[..., Path]


def test_class_folders(make_folder: MakeFolder) -> None:
    root = make_folder({"dog": 3, "cat": 2})
    (root / ".cache").mkdir()
    (root / "cat" / ".hidden.png").write_text("")
    (root / "cat" / "notes.txt").write_text("")
    (root / "dog" / "more").mkdir()
    Image.new("RGB", (8, 8)).save(root / "dog" / "more" / "deep.PNG")
    listing = read_folder(root)
    assert listing.classes == ("cat", "dog")
    assert listing.labels.tolist() == [0, 0, 1, 1, 1, 1]
    assert list(listing.splits) == ["train"]
    assert isinstance(listing.images, FileImages)
    assert listing.images.paths[0].endswith("cat/000.png")


def test_train_val_test(make_folder: MakeFolder) -> None:
    make_folder({"a": 3, "b": 2}, under="train")
    make_folder({"a": 1, "b": 1}, under="validation")
    root = make_folder({"b": 1}, under="test")
    listing = read_folder(root)
    assert {name: len(rows) for name, rows in listing.splits.items()} == {
        "train": 5, "val": 2, "test": 1,
    }  # fmt: skip
    assert listing.labels[listing.splits["test"]].tolist() == [1]
    assert listing.origins["val"].endswith("validation")


def test_a_test_folder_without_labels_is_passed_over(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 3, "b": 2}, under="train")
    (root / "test").mkdir()
    Image.new("RGB", (8, 8)).save(root / "test" / "1.png")
    assert list(read_folder(root).splits) == ["train"]


def test_a_class_of_trains(make_folder: MakeFolder) -> None:
    assert read_folder(make_folder({"bus": 2, "train": 2})).classes == ("bus", "train")


def test_nothing_inside(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no images in class folders"):
        read_folder(tmp_path)


def test_images_without_class_folders(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 2})
    with pytest.raises(DataError, match="has 2 images but no class folders"):
        read_folder(root / "a")


def test_an_empty_class_is_named(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 2, "b": 2})
    (root / "zebra").mkdir()
    with pytest.raises(DataError, match=r"Class folder .*zebra has no images"):
        read_folder(root)


def test_val_without_train(make_folder: MakeFolder) -> None:
    make_folder({"a": 2}, under="val")
    root = make_folder({"a": 2}, under="test")
    with pytest.raises(DataError, match="has test, val but no train/"):
        read_folder(root)
