"""Image folders: one folder per class, directly or inside ``train/``, ``val/``, ``test/``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from netwright.errors import DataError
from netwright.training.images import FileImages
from netwright.training.listing import Listing, split_name

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".jfif")
)
_log = logging.getLogger(__name__)


def read_folder(path: Path) -> Listing:
    """List the images of a folder by split and class; hidden files and folders are passed over.

    Raises:
        DataError: No images, an empty class folder, or no ``train/`` beside ``val/``.
    """
    inside = _folders(path)
    folders = {name: folder for folder in inside if (name := split_name(folder.name))}
    if "train" in folders and len(inside) > len(folders) and not _folders(folders["train"]):
        del folders["train"]  # a class of trains among other vehicles
    elif folders and "train" not in folders and len(folders) == len(inside):
        raise DataError(
            f"{path} has {', '.join(sorted(f.name for f in folders.values()))} but no train/; "
            f"add a train/ folder with one folder per class."
        )
    if "train" not in folders:
        folders = {"train": path}
    found = {split: _by_class(folder) for split, folder in folders.items()}
    if "test" in found and not found["test"]:
        _log.warning("%s has no class folders, so there is no test split", folders["test"])
        del found["test"]
    for split, by_class in found.items():
        _refuse_empty(folders[split], by_class)
    classes = tuple(sorted({name for by_class in found.values() for name in by_class}))
    paths: list[str] = []
    labels: list[int] = []
    rows: dict[str, npt.NDArray[np.int64]] = {}
    for split, by_class in found.items():
        first = len(paths)
        for name in sorted(by_class):
            paths += by_class[name]
            labels += [classes.index(name)] * len(by_class[name])
        rows[split] = np.arange(first, len(paths), dtype=np.int64)
    return Listing(
        name=path.resolve().name,
        classes=classes,
        images=FileImages(tuple(paths)),
        labels=np.array(labels, dtype=np.int64),
        splits=rows,
        origins={split: f"folder {folders[split]}" for split in found},
    )


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))


def _pictures(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield str(path)


def _by_class(folder: Path) -> dict[str, list[str]]:
    return {sub.name: list(_pictures(sub)) for sub in _folders(folder)}


def _refuse_empty(folder: Path, by_class: dict[str, list[str]]) -> None:
    if not any(by_class.values()):
        loose = sum(1 for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
        lies = f"{loose} image{'s' if loose != 1 else ''} but no class folders" if loose else None
        raise DataError(
            f"{folder} has {lies or 'no images in class folders'}; it needs one folder per class "
            f"with images ({', '.join(sorted(s[1:] for s in SUFFIXES))}) inside."
        )
    for name, pictures in by_class.items():
        if not pictures:
            raise DataError(
                f"Class folder {folder / name} has no images; add some or remove the folder."
            )
