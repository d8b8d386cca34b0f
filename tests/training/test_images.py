"""Pictures of every kind come out as the pixels a person sees."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netwright.errors import DataError
from netwright.rng import stream
from netwright.training.images import ArrayImages, BytesImages, FileImages, decode, probe


def save(picture: Image.Image, path: Path, **options: object) -> FileImages:
    picture.save(path, **options)  # type: ignore[arg-type]
    return FileImages((str(path),))


def gradient(side: int = 16) -> np.ndarray:
    return np.arange(side * side, dtype=np.uint8).reshape(side, side)


def test_rgb_png_is_read_exactly(tmp_path: Path) -> None:
    pixels = stream(0, "t").integers(0, 256, (9, 9, 3)).astype(np.uint8)
    images = save(Image.fromarray(pixels), tmp_path / "a.png")
    assert (decode(images, 0, size=9, channels=3) == pixels).all()


def test_grey_is_repeated_for_three_channels_and_colour_weighed_for_one(tmp_path: Path) -> None:
    grey = save(Image.fromarray(gradient()), tmp_path / "g.png")
    assert (decode(grey, 0, size=16, channels=3) == gradient()[..., None]).all()
    red = save(Image.new("RGB", (4, 4), (255, 0, 0)), tmp_path / "r.png")
    assert (decode(red, 0, size=4, channels=1) == round(0.299 * 255)).all()


def test_transparency_becomes_white(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 4), dtype=np.uint8)
    pixels[:2, :, 0], pixels[:2, :, 3] = 200, 255
    images = save(Image.fromarray(pixels), tmp_path / "a.png")
    seen = decode(images, 0, size=4, channels=3)
    assert (seen[:2] == (200, 0, 0)).all() and (seen[2:] == 255).all()


@pytest.mark.parametrize("transparent", [False, True])
def test_palette(tmp_path: Path, transparent: bool) -> None:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    options = {"transparency": 1} if transparent else {}
    images = save(picture, tmp_path / "p.png", **options)
    expected = (255, 255, 255) if transparent else (10, 20, 30)
    assert (decode(images, 0, size=4, channels=3) == expected).all()


def test_sixteen_bits_keep_their_upper_eight(tmp_path: Path) -> None:
    wide = (gradient().astype(np.uint16) << 8) + 77
    images = save(Image.fromarray(wide), tmp_path / "w.png")
    assert probe(images, [0]).channels == 1
    assert (decode(images, 0, size=16, channels=1)[..., 0] == gradient()).all()


def test_float_tiff_in_unit_range(tmp_path: Path) -> None:
    images = save(Image.fromarray(gradient().astype(np.float32) / 255), tmp_path / "f.tiff")
    assert (decode(images, 0, size=16, channels=1)[..., 0] == gradient()).all()


def test_bilevel(tmp_path: Path) -> None:
    images = save(Image.new("1", (4, 4), 1), tmp_path / "b.png")
    assert (decode(images, 0, size=4, channels=1) == 255).all()


def test_cmyk_jpeg(tmp_path: Path) -> None:
    images = save(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "c.jpg")
    red = decode(images, 0, size=8, channels=3).astype(int).mean(axis=(0, 1))
    assert red[0] > 230 and red[1] < 25 and red[2] < 25


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff"])
def test_exif_orientation_is_undone(tmp_path: Path, suffix: str) -> None:
    pixels = np.zeros((16, 16), dtype=np.uint8)
    pixels[:8] = 255  # bright top half
    exif = Image.Exif()
    exif[0x0112] = 3  # the camera was held upside down
    images = save(Image.fromarray(pixels), tmp_path / f"e.{suffix}", exif=exif)
    seen = decode(images, 0, size=16, channels=1).astype(int)
    assert seen[:6].max() < 40 and seen[10:].min() > 215


def test_the_central_square_is_resized(tmp_path: Path) -> None:
    pixels = np.zeros((10, 30), dtype=np.uint8)
    pixels[:, 10:20] = 255
    images = save(Image.fromarray(pixels), tmp_path / "s.png")
    assert (decode(images, 0, size=10, channels=1) == 255).all()
    assert decode(images, 0, size=5, channels=1).shape == (5, 5, 1)


def test_a_large_jpeg_is_reduced_to_the_same_picture(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(160), np.arange(160)).astype(np.float64) / 320 * 255
    images = save(Image.fromarray(smooth.astype(np.uint8)), tmp_path / "j.jpg", quality=95)
    seen = decode(images, 0, size=16, channels=1)[..., 0].astype(float)
    assert np.abs(seen - smooth.reshape(16, 10, 16, 10).mean(axis=(1, 3))).max() < 4


def test_grey_inside_rgb_is_grey_and_one_coloured_image_makes_three(tmp_path: Path) -> None:
    grey = tmp_path / "g.png"
    Image.fromarray(gradient()).convert("RGB").save(grey)
    red = tmp_path / "r.png"
    Image.new("RGB", (16, 16), (200, 10, 10)).save(red)
    images = FileImages((str(grey), str(red)))
    assert probe(images, [0]).channels == 1
    assert probe(images, [0, 1]).channels == 3


def test_probe_reads_sizes(tmp_path: Path) -> None:
    for name, size in {"a": (10, 20), "b": (30, 12), "c": (14, 14)}.items():
        Image.new("L", size).save(tmp_path / f"{name}.png")
    images = FileImages(tuple(str(tmp_path / f"{n}.png") for n in "abc"))
    seen = probe(images, [0, 1, 2])
    assert (seen.short_side, seen.uniform, seen.channels) == (12, False, 1)
    assert probe(images, [2]).uniform


def test_broken_pictures_are_named(tmp_path: Path) -> None:
    text = tmp_path / "not an image.jpg"
    text.write_text("hello")
    with pytest.raises(DataError, match=r"not an image.jpg cannot be read .*not a known image"):
        decode(FileImages((str(text),)), 0, size=8, channels=3)
    with pytest.raises(DataError, match="not an image.jpg"):
        probe(FileImages((str(text),)), [0])
    buffer = io.BytesIO()
    Image.fromarray(stream(0, "n").integers(0, 255, (64, 64, 3)).astype(np.uint8)).save(
        buffer, "JPEG"
    )
    import pyarrow as pa

    cut = pa.array([buffer.getvalue(), buffer.getvalue()[:900], None], pa.large_binary())
    images = BytesImages(cut, "t.parquet")
    assert decode(images, 0, size=64, channels=3).shape == (64, 64, 3)
    for row in (1, 2):
        with pytest.raises(DataError, match=f"row {row} of t.parquet cannot be read"):
            decode(images, row, size=64, channels=3)


def test_arrays_are_pictures_too() -> None:
    images = ArrayImages(gradient()[None], "digits")
    assert len(images) == 1 and images.where(0) == "image 0 of digits"
    assert (decode(images, 0, size=16, channels=1)[..., 0] == gradient()).all()
