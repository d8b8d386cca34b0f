"""Labelled images that are ready to train on: splits, statistics and batches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from netwright.errors import DataError
from netwright.training.pixels import Pixels
from netwright.training.splits import balanced
from netwright.training.survey import DataFacts, peek_data, survey

__all__ = ["DataFacts", "ImageData", "Split", "batches", "normalise", "open_data", "peek_data"]

Rows = npt.NDArray[np.int64]
Batch = tuple[torch.Tensor, torch.Tensor]

MEMORY_LIMIT_BYTES = 2**30
_STATISTICS = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """The rows of one split and their labels."""

    rows: Rows
    """Rows of the data set's images, (N,)."""
    labels: Rows
    """The class of each, (N,), 0 .. classes - 1."""

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageData(DataFacts):
    """A data set's facts, its splits and its pixels; nothing about it changes once opened."""

    mean: tuple[float, ...]
    """Mean of each channel over (a sample of) train, in 0..1."""
    std: tuple[float, ...]
    """Standard deviation of each channel over (a sample of) train, in 0..1."""
    train: Split
    val: Split
    test: Split | None
    pixels: Pixels
    """All images, decoded on first use unless they were at opening."""

    def split(self, name: str) -> Split:
        """The split called ``train``, ``val`` or ``test``.

        Raises:
            DataError: There is no such split.
        """
        found = {"train": self.train, "val": self.val, "test": self.test}.get(name)
        if found is None:
            raise DataError(
                f"{self.name} has no {name!r} split; it has {', '.join(sorted(self.counts))}."
            )
        return found

    def about(self) -> dict[str, str]:
        """What the user of a network trained on them must know, to be kept with its weights."""
        facts = {"classes": self.classes, "mean": self.mean, "std": self.std}
        return {name: json.dumps(value, ensure_ascii=False) for name, value in facts.items()}

    @cached_property
    def id(self) -> str:
        """A short hash of classes, sizes, statistics and the rows of each split."""
        digest = hashlib.blake2b(digest_size=8)
        digest.update(repr((self.classes, self.input_shape, self.stored)).encode())
        digest.update(repr((self.mean, self.std)).encode())
        for part in (self.train, self.val, *([self.test] if self.test else [])):
            digest.update(part.rows.astype("<i8").tobytes() + part.labels.astype("<i8").tobytes())
        return digest.hexdigest()


def open_data(
    source: str,
    *,
    resolution: int | None = None,
    seed: int = 0,
    val_fraction: float = 0.15,
    flip: bool | None = None,
    lazy: bool = False,
    limit_bytes: int = MEMORY_LIMIT_BYTES,
    on_progress: Callable[[int, int], None] | None = None,
) -> ImageData:
    """Open labelled images: read the index, cut missing splits, decode.

    Args:
        source: ``digits``, an image folder, a Parquet file, or a torchvision data set's name.
        resolution: Side of the input, in pixels; chosen from the images where None.
        seed: The seed of the validation split, where one must be cut.
        val_fraction: The share of train that becomes validation, where one must be cut.
        flip: Whether mirror images keep their class; judged from the data where None.
        lazy: Decode each image when it is first used instead of all now.
        limit_bytes: Decoded images are kept up to this much memory, and beyond it decoded by
            worker processes at each use.
        on_progress: Called with (images decoded, images to decode).

    Raises:
        DataError: The source cannot be used; one sentence.
    """
    found = survey(source, resolution=resolution, seed=seed, val_fraction=val_fraction, flip=flip)
    facts, listing = found.facts, found.listing
    pixels = Pixels(
        listing.images, size=facts.stored, channels=facts.channels, limit_bytes=limit_bytes
    )
    if not lazy:
        pixels.load(np.concatenate(list(found.rows.values())), on_progress)
    splits = {
        name: Split(rows=rows, labels=listing.labels[rows]) for name, rows in found.rows.items()
    }
    mean, std = _statistics(pixels, splits["train"].rows)
    return ImageData(
        **{field.name: getattr(facts, field.name) for field in fields(DataFacts)},
        mean=mean,
        std=std,
        train=splits["train"],
        val=splits["val"],
        test=splits.get("test"),
        pixels=pixels,
    )


def batches(
    data: ImageData,
    *,
    size: int,
    count: int,
    seed: int,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    split: str = "train",
) -> list[Batch]:
    """Distinct normalised batches without augmentation, for training-free scores.

    No image occurs twice, and each batch holds the classes as evenly as the split allows.  Only
    the images that are drawn are decoded.

    Args:
        data: Where from.
        size: Images per batch.
        count: Number of batches.
        seed: The seed of the draw.
        device: Where the tensors go.
        dtype: Type of the images.
        split: ``train``, ``val`` or ``test``.

    Returns:
        Pairs of images (size, C, R, R), channels-last, and labels (size,).

    Raises:
        DataError: The split has fewer than ``size * count`` images.
    """
    part = data.split(split)
    if len(part) < size * count:
        raise DataError(
            f"{data.name} has {len(part)} {split} images, and {count} batches of {size} need "
            f"{size * count}; ask for smaller or fewer batches."
        )
    drawn = balanced(part.labels, size * count, seed=seed)
    result = []
    for positions in drawn.reshape(count, size):
        images = normalise(data, centre(data, data.pixels.take(part.rows[positions])), dtype=dtype)
        labels = torch.from_numpy(part.labels[positions])
        result.append((images.to(device), labels.to(device)))
    return result


def centre(data: ImageData, pixels: torch.Tensor) -> torch.Tensor:
    """The central (N, R, R, C) of images that are kept larger, (N, S, S, C)."""
    edge = (data.stored - data.resolution) // 2
    end = edge + data.resolution
    return pixels[:, edge:end, edge:end, :]


def normalise(
    data: ImageData, pixels: torch.Tensor, *, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Images as a network takes them: zero mean, unit deviation per channel of train.

    Args:
        data: Whose statistics.
        pixels: (N, R, R, C), uint8 or 0..255 in floating point.
        dtype: Type of the result; the arithmetic is in float32.

    Returns:
        (N, C, R, R), channels-last.
    """
    mean = torch.tensor([255.0 * m for m in data.mean], device=pixels.device)
    scale = torch.tensor([1.0 / (255.0 * s) for s in data.std], device=pixels.device)
    images = pixels.to(torch.float32).sub_(mean).mul_(scale).to(dtype)
    return images.permute(0, 3, 1, 2)


def _statistics(pixels: Pixels, rows: Rows) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel over an even sample; a flat channel gets 1/255."""
    sample = rows[:: max(1, len(rows) // _STATISTICS)]
    values = pixels.take(sample).numpy().reshape(-1, pixels.channels)
    counts = [np.bincount(values[:, c], minlength=256) for c in range(pixels.channels)]
    levels = np.arange(256, dtype=np.float64) / 255.0
    means = [float(levels @ n / n.sum()) for n in counts]
    deviations = [
        float(np.sqrt(np.square(levels - m) @ n / n.sum()))
        for n, m in zip(counts, means, strict=True)
    ]
    return tuple(means), tuple(max(d, 1.0 / 255.0) for d in deviations)
