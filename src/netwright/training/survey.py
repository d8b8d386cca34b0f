"""What can be known of a data set within seconds: classes, sizes, colour, splits; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.contracts import Space
from netwright.errors import DataError, UsageError
from netwright.spaces.tokens import first_row
from netwright.training.images import Probe, probe
from netwright.training.listing import Listing
from netwright.training.sources import read_source
from netwright.training.splits import cut

Rows = npt.NDArray[np.int64]

_HEADERS = 4096
_SMALL = 64
_LARGEST = 224
_ROOM = 1.15


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """A labelled image data set as plain figures, before its pixels are read."""

    source: str
    """What the user typed."""
    name: str
    """What to call it in a report."""
    classes: tuple[str, ...]
    """Labels as a person reads them."""
    channels: int
    """1 where every image is grey, else 3."""
    resolution: int
    """Side of the square that a network sees, in pixels."""
    stored: int
    """Side of the square that is kept in memory; larger than ``resolution`` for photos."""
    flip: bool
    """Whether a mirror image still shows the same class."""
    counts: Mapping[str, tuple[int, ...]]
    """Images per class, for each of ``train``, ``val`` and, where there is one, ``test``."""
    origins: Mapping[str, str]
    """Where each split comes from, in words."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, resolution, resolution): one image as a network sees it."""
        return self.channels, self.resolution, self.resolution

    @property
    def photos(self) -> bool:
        """Whether images are kept with room around the crop, as photos are."""
        return self.stored > self.resolution

    def count(self, split: str) -> int:
        """The number of images of a split; 0 where there is no such split."""
        return sum(self.counts.get(split, ()))


@dataclass(frozen=True, kw_only=True, eq=False)
class Survey:
    """The facts of a data set, and where its images and labels lie."""

    facts: DataFacts
    listing: Listing
    rows: Mapping[str, Rows]


def peek_data(
    source: str,
    *,
    resolution: int | None = None,
    seed: int = 0,
    val_fraction: float = 0.15,
    flip: bool | None = None,
) -> DataFacts:
    """The facts of a data set, from its index and image headers alone.

    Args:
        source: ``digits``, an image folder, a Parquet file, or a torchvision data set's name.
        resolution: Side of the input, in pixels; chosen from the images where None.
        seed: The seed of the validation split, where one must be cut.
        val_fraction: The share of train that becomes validation, where one must be cut.
        flip: Whether mirror images keep their class; judged from the data where None.

    Raises:
        DataError: The source cannot be used; one sentence.
    """
    return survey(
        source, resolution=resolution, seed=seed, val_fraction=val_fraction, flip=flip
    ).facts


def require_fitting(space: Space, facts: DataFacts) -> None:
    """See that the networks of a space take these images.

    Raises:
        UsageError: With what to write instead.
    """
    first = space.decode(first_row(space))
    if first.input_shape != facts.input_shape or first.classes != len(facts.classes):
        raise UsageError(
            f"{space.name} was made for images {first.input_shape} and {first.classes} classes; "
            f"{facts.name} has {facts.input_shape} and {len(facts.classes)} classes. Make it with "
            f"nw.space({space.name!r}, classes={len(facts.classes)}, "
            f"resolution={facts.resolution}, channels={facts.channels})."
        )


def survey(
    source: str, *, resolution: int | None, seed: int, val_fraction: float, flip: bool | None
) -> Survey:
    """List a source, cut the splits it lacks, and choose resolution and colour.

    Raises:
        DataError: The source cannot be used; one sentence.
    """
    if not 0.0 < val_fraction < 1.0:
        raise UsageError(f"val_fraction is {val_fraction}; it must lie between 0 and 1, as 0.15.")
    if resolution is not None and not 4 <= resolution <= 2048:
        raise UsageError(f"resolution is {resolution}; it must lie between 4 and 2048 pixels.")
    listing = read_source(source)
    rows, origins = dict(listing.splits), dict(listing.origins)
    if "val" not in rows:
        rows["train"], rows["val"] = cut(
            rows["train"], listing.labels,
            fraction=val_fraction, seed=seed, part="val", classes=listing.classes,
        )  # fmt: skip
        origins["val"] = f"{val_fraction:.0%} of train, by class, seed {seed}"
    _refuse_lonely(listing, rows)
    seen = probe(listing.images, _spread(rows["train"], _HEADERS))
    resolution, stored = _sides(seen, resolution)
    facts = DataFacts(
        source=source,
        name=listing.name,
        classes=listing.classes,
        channels=seen.channels,
        resolution=resolution,
        stored=stored,
        flip=_flip(listing, seen) if flip is None else flip,
        counts={
            split: tuple(
                np.bincount(listing.labels[part], minlength=len(listing.classes)).tolist()
            )
            for split, part in rows.items()
        },
        origins=origins,
    )
    return Survey(facts=facts, listing=listing, rows=rows)


def _refuse_lonely(listing: Listing, rows: Mapping[str, Rows]) -> None:
    counts = np.bincount(listing.labels[rows["train"]], minlength=len(listing.classes))
    if counts.min() < 1:
        name = listing.classes[int(counts.argmin())]
        raise DataError(f"Class {name!r} has no training image; add some, or leave the class out.")


def _spread(rows: Rows, count: int) -> list[int]:
    """At most ``count`` rows, evenly spread."""
    step = max(1, -(-len(rows) // count))
    return [int(row) for row in rows[::step]]


def _sides(seen: Probe, asked: int | None) -> tuple[int, int]:
    """Side of the input, and side at which images are kept, in pixels."""
    small = seen.uniform and seen.short_side <= _SMALL
    near = max(32, min(_LARGEST, round(seen.short_side / 32) * 32))
    resolution = asked or (seen.short_side if small else near)
    room = not small and seen.short_side > resolution
    return resolution, min(round(_ROOM * resolution), seen.short_side) if room else resolution


def _flip(listing: Listing, seen: Probe) -> bool:
    """False for digits and letters: known so, or grey and every class a single character."""
    if listing.symbols is not None:
        return not listing.symbols
    return not (seen.channels == 1 and all(len(name) == 1 for name in listing.classes))
