"""A reference to a data set: plain facts that any process can open, once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from netwright.training.data import ImageData, open_data


@dataclass(frozen=True, kw_only=True)
class DataRef:
    """Which images, at which size, split how: cheap to send where the images are to be used.

    Args:
        source: As for ``open_data``.
        resolution: Side of the images in pixels; chosen from the images where None.
        seed: Of the validation split, where one must be cut.
        flip: Whether mirror images keep their class; judged from the data where None.
    """

    source: str
    resolution: int | None = None
    seed: int = 0
    flip: bool | None = None

    def at(self, resolution: int) -> DataRef:
        """The same images at another size."""
        return self if resolution == self.resolution else replace(self, resolution=resolution)

    def open(self) -> ImageData:
        """The data, decoded; the second call in a process gives the same object."""
        return _open(self, lazy=False)

    def open_lazily(self) -> ImageData:
        """The data, its images decoded when first used: for a few batches of many images."""
        return _open(self, lazy=True)


@lru_cache(maxsize=4)
def _open(ref: DataRef, *, lazy: bool) -> ImageData:
    return open_data(
        ref.source, resolution=ref.resolution, seed=ref.seed, flip=ref.flip, lazy=lazy
    )
