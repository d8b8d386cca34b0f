"""The decoded images of a data set: one uint8 array, filled row by row on first use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from netwright.errors import DataError
from netwright.training.images import ArrayImages, Bytes8, Images, decode

Rows = npt.NDArray[np.int64]
OnLoad = Callable[[int, int], None]

_BLOCK = 512
_THREADED_SIDE = 96


class Pixels(Dataset[torch.Tensor]):
    """Images as (N, S, S, C) uint8, decoded once where they fit in memory, else on each use.

    Args:
        images: The encoded pictures.
        size: Side S at which they are kept, in pixels.
        channels: C, 1 or 3.
        limit_bytes: The most memory that decoded images may take.
    """

    def __init__(self, images: Images, *, size: int, channels: int, limit_bytes: int) -> None:
        self.images, self.size, self.channels = images, size, channels
        self.kept = len(images) * size * size * channels <= limit_bytes
        self._array: Bytes8 | None = None
        self._done: npt.NDArray[np.bool_] | None = None
        self._moved: dict[torch.device, torch.Tensor] = {}
        if self.kept:
            self._array = self._ready()
            whole = self._array is not None
            if self._array is None:
                self._array = np.empty((len(images), size, size, channels), dtype=np.uint8)
            self._done = np.full(len(images), whole)

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, rows: Sequence[int]) -> torch.Tensor | DataError:
        try:
            return self.take(np.asarray(rows, dtype=np.int64))
        except DataError as error:  # a value, as the loader would wrap it in a traceback
            return error

    def take(self, rows: Rows) -> torch.Tensor:
        """Images (len(rows), S, S, C), uint8, on the CPU.

        Raises:
            DataError: A picture is broken; the sentence names it.
        """
        if self._array is None or self._done is None:
            return torch.from_numpy(np.stack([self._decode(int(row)) for row in rows]))
        self._fill(rows[~self._done[rows]])
        return torch.from_numpy(self._array)[torch.from_numpy(rows)]

    def load(self, rows: Rows, on_progress: OnLoad | None = None) -> None:
        """Decode these rows now, where decoded images are kept.

        Args:
            rows: Which rows.
            on_progress: Called with (done, total) after each few hundred images.

        Raises:
            DataError: A picture is broken; the sentence names it.
        """
        if self._done is None:
            return
        missing = np.unique(rows[~self._done[rows]])
        for start in range(0, len(missing), _BLOCK):
            self._fill(missing[start : start + _BLOCK])
            if on_progress is not None:
                on_progress(min(start + _BLOCK, len(missing)), len(missing))

    def batches(self, plan: Iterator[Rows], *, device: torch.device) -> Iterator[torch.Tensor]:
        """The images of each batch of a plan, in order, on a device.

        Kept images are gathered from memory (on CUDA from the device's own), others are decoded
        by worker processes a few batches ahead.

        Args:
            plan: The rows of each batch.
            device: Where the batches go.
        """
        if not self.kept:
            loader = DataLoader(
                self,
                batch_sampler=plan,  # type: ignore[arg-type]
                collate_fn=_as_is,
                num_workers=min(4, os.cpu_count() or 1),
                generator=torch.Generator(),
            )
            for images in loader:
                if isinstance(images, DataError):
                    raise images
                yield images.to(device)
        elif device.type == "cuda":
            for rows in plan:
                yield self._on(device, rows)[torch.from_numpy(rows).to(device)]
        else:
            for rows in plan:
                yield self.take(rows).to(device)

    def _on(self, device: torch.device, rows: Rows) -> torch.Tensor:
        """All images on the device; copied again where rows were decoded since."""
        if self._array is None or self._done is None:
            raise RuntimeError("images that are not kept cannot be moved as a whole")
        missing = rows[~self._done[rows]]
        if device not in self._moved or len(missing):
            self._fill(missing)
            self._moved[device] = torch.from_numpy(self._array).to(device)
        return self._moved[device]

    def _ready(self) -> Bytes8 | None:
        """The pixels of an array that needs no decoding."""
        if not isinstance(self.images, ArrayImages):
            return None
        array = self.images.array
        array = array[..., None] if array.ndim == 3 else array
        wanted = (len(array), self.size, self.size, self.channels)
        return array if array.shape == wanted else None

    def _fill(self, rows: Rows) -> None:
        if self._array is None or self._done is None or not len(rows):
            return
        unique = np.unique(rows)
        if self.size >= _THREADED_SIDE:
            with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
                self._array[unique] = np.stack(list(pool.map(self._decode, unique.tolist())))
        else:
            self._array[unique] = np.stack([self._decode(row) for row in unique.tolist()])
        self._done[unique] = True

    def _decode(self, row: int) -> Bytes8:
        return decode(self.images, row, size=self.size, channels=self.channels)


def _as_is(images: Any) -> Any:
    return images
