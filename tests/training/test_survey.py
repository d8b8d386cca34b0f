"""What a glance at a data set tells: resolution, colour, mirror images, splits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netwright.errors import DataError, UsageError
from netwright.training.survey import peek_data

MakeFolder = Callable[..., Path]


def test_digits() -> None:
    facts = peek_data("digits")
    assert facts.input_shape == (1, 8, 8) and facts.stored == 8
    assert not facts.flip and not facts.photos
    assert sum(facts.count(split) for split in ("train", "val", "test")) == 1797
    assert facts.origins["val"] == "15% of train, by class, seed 0"


def test_test_is_the_same_for_every_seed() -> None:
    first, second = peek_data("digits", seed=0), peek_data("digits", seed=1)
    assert first.counts == second.counts


@pytest.mark.parametrize(
    ("size", "resolution", "stored"),
    [
        ((28, 28), 28, 28),
        ((64, 64), 64, 64),
        ((96, 96), 96, 96),  # as large as the input: nothing to spare around a crop
        ((40, 30), 32, 32),
        ((120, 106), 96, 106),
        ((500, 333), 224, 258),
    ],
)
def test_resolution_follows_the_images(
    make_folder: MakeFolder, size: tuple[int, int], resolution: int, stored: int
) -> None:
    facts = peek_data(str(make_folder({"cat": 3, "dog": 3}, size=size)))
    assert (facts.resolution, facts.stored, facts.photos) == (
        resolution, stored, stored > resolution,
    )  # fmt: skip
    assert facts.flip and facts.channels == 3


def test_a_resolution_can_be_asked_for(make_folder: MakeFolder) -> None:
    photos = str(make_folder({"cat": 3, "dog": 3}, size=(300, 200)))
    assert (peek_data(photos, resolution=96).resolution) == 96
    assert peek_data(photos, resolution=96).stored == 110
    assert peek_data("digits", resolution=16).stored == 16
    with pytest.raises(UsageError, match="resolution is 2"):
        peek_data("digits", resolution=2)


def test_grey_characters_are_not_mirrored(make_folder: MakeFolder) -> None:
    root = str(make_folder({"0": 2, "1": 2}, mode="L"))
    assert not peek_data(root).flip
    assert peek_data(root, flip=True).flip


def test_splits_of_a_folder(make_folder: MakeFolder) -> None:
    make_folder({"a": 3, "b": 4}, under="train")
    root = make_folder({"a": 1, "b": 2}, under="val")
    facts = peek_data(str(root))
    assert facts.counts == {"train": (3, 4), "val": (1, 2)}
    assert facts.count("test") == 0


def test_a_lonely_image_cannot_be_split(make_folder: MakeFolder) -> None:
    with pytest.raises(DataError, match="Class 'b' has 1 image in train"):
        peek_data(str(make_folder({"a": 5, "b": 1})))


def test_the_fraction_must_be_one() -> None:
    with pytest.raises(UsageError, match="val_fraction is 15"):
        peek_data("digits", val_fraction=15)


def test_looking_at_data_needs_no_torch(make_folder: MakeFolder) -> None:
    code = (
        "import sys; from netwright.training.survey import peek_data; peek_data(sys.argv[1]);"
        "import netwright.training.recipe; sys.exit('torch' in sys.modules)"
    )
    root = str(make_folder({"a": 2, "b": 2}))
    assert subprocess.run([sys.executable, "-c", code, root], check=False).returncode == 0
