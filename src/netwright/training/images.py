"""Pictures of any kind (files, bytes, arrays), decoded to one square uint8 form."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from netwright.errors import DataError

Bytes8 = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]

_UNREADABLE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip
_GREY = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
_ORIENTATION = 0x0112


class Images(Protocol):
    """Rows of pictures that are opened one at a time."""

    def __len__(self) -> int: ...

    def open(self, row: int) -> Image.Image:
        """The picture of this row, its header read and its pixels perhaps not yet."""

    def where(self, row: int) -> str:
        """What a person calls this row: a file, or a row number of a file."""


@dataclass(frozen=True)
class FileImages:
    """One file per picture."""

    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def open(self, row: int) -> Image.Image:
        return Image.open(self.paths[row])

    def where(self, row: int) -> str:
        return self.paths[row]


@dataclass(frozen=True)
class BytesImages:
    """One encoded picture per row of a table."""

    column: object
    """A pyarrow array of binary values."""
    name: str

    def __len__(self) -> int:
        return len(self.column)  # type: ignore[arg-type]

    def open(self, row: int) -> Image.Image:
        value = self.column[row].as_py()  # type: ignore[index]
        return Image.open(io.BytesIO(value or b""))

    def where(self, row: int) -> str:
        return f"row {row} of {self.name}"


@dataclass(frozen=True, eq=False)
class ArrayImages:
    """Pictures that are already pixels: (N, H, W) or (N, H, W, 3), uint8."""

    array: Bytes8
    name: str

    def __len__(self) -> int:
        return len(self.array)

    def open(self, row: int) -> Image.Image:
        return Image.fromarray(self.array[row])

    def where(self, row: int) -> str:
        return f"image {row} of {self.name}"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What the headers of a sample of pictures say."""

    short_side: int
    """The median short side, in pixels."""
    uniform: bool
    """All pictures are square and of one size."""
    channels: int
    """1 where no colour was found, else 3."""


def broken(images: Images, row: int, error: BaseException) -> DataError:
    """The sentence for a picture that cannot be read."""
    reason = str(error).split("\n")[0][:120] or type(error).__name__
    if isinstance(error, UnidentifiedImageError):
        reason = "not a known image format"
    return DataError(
        f"{images.where(row)} cannot be read as an image ({reason}); replace it or take it out."
    )


def probe(images: Images, rows: Iterable[int], *, decoded: int = 128) -> Probe:
    """Look at headers, and at the pixels of a few pictures that might be grey inside.

    Args:
        images: The pictures.
        rows: Which rows to look at.
        decoded: How many pictures of a colour mode may be decoded in search of colour.

    Raises:
        DataError: A header cannot be read.
    """
    sizes: list[tuple[int, int]] = []
    colour = False
    for row in rows:
        try:
            with images.open(row) as picture:
                sizes.append(picture.size)
                if not colour and picture.mode not in _GREY:
                    colour = decoded <= 0 or _has_colour(picture)
                    decoded -= 1
        except _UNREADABLE as error:
            raise broken(images, row, error) from error
    sides = sorted(min(size) for size in sizes)
    return Probe(
        short_side=sides[len(sides) // 2],
        uniform=len(set(sizes)) == 1 and sizes[0][0] == sizes[0][1],
        channels=3 if colour else 1,
    )


def decode(images: Images, row: int, *, size: int, channels: int) -> Bytes8:
    """One picture as (size, size, channels) uint8: upright, its central square resized.

    Args:
        images: The pictures.
        row: Which one.
        size: Side of the square, in pixels.
        channels: 1 for grey, 3 for RGB.

    Raises:
        DataError: The picture is broken; the sentence names it.
    """
    try:
        with images.open(row) as picture:
            if min(picture.size) >= 2 * size:
                picture.draft(None, (size, size))
            upright = _upright(picture)
            flat = _flatten(upright, "L" if channels == 1 else "RGB")
            array = np.asarray(_square(flat, size))
    except _UNREADABLE as error:
        raise broken(images, row, error) from error
    return array.reshape(size, size, channels)


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its EXIF orientation says; most pictures have none, and that costs nothing."""
    if "exif" not in picture.info and picture.format != "TIFF":
        return picture
    if picture.getexif().get(_ORIENTATION, 1) == 1:
        return picture
    return ImageOps.exif_transpose(picture)


def _square(picture: Image.Image, size: int) -> Image.Image:
    width, height = picture.size
    if (width, height) == (size, size):
        return picture
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return picture.resize((size, size), Image.Resampling.BICUBIC, box=box)


def _flatten(picture: Image.Image, mode: str) -> Image.Image:
    """The picture in mode L or RGB: 16 bits become 8, transparency becomes white."""
    if picture.mode == mode:
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        picture = Image.fromarray(_eight_bits(np.asarray(picture)))
    elif picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        solid = picture.convert("RGBA")
        white = Image.new("RGBA", solid.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, solid).convert("RGB")
    elif picture.mode not in ("1", "L", "RGB"):
        picture = picture.convert("RGB")
    return picture.convert(mode)


def _eight_bits(values: npt.NDArray[np.generic]) -> Bytes8:
    """Integers hold 16 bits; floats hold 0..1 where nothing is above 1, else 0..255."""
    if values.dtype.kind == "f":
        scale = 255.0 if float(np.max(values)) <= 1.0 else 1.0
        return np.clip(np.rint(values.astype(np.float64) * scale), 0, 255).astype(np.uint8)
    return (np.clip(values.astype(np.int64), 0, 65535) >> 8).astype(np.uint8)


def _has_colour(picture: Image.Image) -> bool:
    small = _flatten(picture, "RGB")
    pixels = np.asarray(small).astype(np.int16)
    return bool((np.ptp(pixels, axis=-1) > 2).any())
