"""Where labelled images come from: ``digits``, a folder, a Parquet file, a data set's name."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import numpy as np

from netwright.errors import DataError
from netwright.training.images import ArrayImages
from netwright.training.listing import Listing
from netwright.training.splits import cut


def read_source(source: str) -> Listing:
    """Find out what a source is and list its images, without decoding them.

    ``digits`` is always scikit-learn's; otherwise a path that exists wins over a data set's name.

    Args:
        source: ``digits``, an image folder, a Parquet file, or a torchvision data set's name.

    Raises:
        DataError: There is no such source, or it cannot be used.
    """
    if source == "digits":
        return _digits()
    path = Path(source).expanduser()
    if path.is_dir():
        from netwright.training.folder import read_folder

        return checked(read_folder(path))
    if path.is_file():
        from netwright.training.parquet import read_parquet

        return checked(read_parquet(path))
    if os.sep in source or "/" in source or path.suffix:
        raise DataError(
            f"There is no file or folder {source!r}; give an image folder, a Parquet file, "
            f"'digits', or a torchvision data set such as 'CIFAR10'."
        )
    from netwright.training.torchvision_sets import NAMES, read_named

    known = {name.lower(): name for name in NAMES}
    if source.lower() not in known:
        near = difflib.get_close_matches(source.lower(), [*known, "digits"], n=1, cutoff=0.5)
        hint = (
            f"Did you mean {known.get(near[0], near[0])!r}?"
            if near
            else f"Known names: digits, {', '.join(NAMES)}."
        )
        raise DataError(f"There is no file, folder or data set {source!r}. {hint}")
    return checked(read_named(known[source.lower()]))


def checked(listing: Listing) -> Listing:
    """Refuse what no training can use: one class only, or classes missing from a split.

    Raises:
        DataError: In one sentence.
    """
    if len(listing.classes) < 2:
        only = f", {listing.classes[0]!r}" if listing.classes else ""
        raise DataError(
            f"{listing.name} has {len(listing.classes)} class{only}; "
            f"a classifier needs images of at least 2."
        )
    present = {s: set(np.unique(listing.labels[r]).tolist()) for s, r in listing.splits.items()}
    names = listing.classes
    for split, there in present.items():
        extra = sorted(there - present["train"])
        if extra:
            raise DataError(
                f"{listing.name}: class {names[extra[0]]!r} is in {split} but not in train; "
                f"train and {split} need the same classes."
            )
    missing = sorted(present["train"] - present.get("val", present["train"]))
    if missing:
        raise DataError(
            f"{listing.name}: class {names[missing[0]]!r} is in train but not in val; "
            f"train and val need the same classes."
        )
    return listing


def _digits() -> Listing:
    """Scikit-learn's 1797 grey 8x8 digits; a fifth is test, the same fifth for every seed."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images * (255.0 / 16.0)).astype(np.uint8)
    labels = bunch.target.astype(np.int64)
    classes = tuple(str(c) for c in range(10))
    everything = np.arange(len(labels), dtype=np.int64)
    train, test = cut(
        everything, labels, fraction=0.2, seed=0, part="digits test", classes=classes
    )
    return Listing(
        name="digits",
        classes=classes,
        images=ArrayImages(pixels, "digits"),
        labels=labels,
        splits={"train": train, "test": test},
        origins={"train": "80% of scikit-learn's digits", "test": "the other 20%"},
        symbols=True,
    )
