"""What a source of images lists: pictures, labels, splits, before anything is decoded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from netwright.training.images import Images
from netwright.training.splits import ALIASES

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """Pictures, their labels, and the splits their source came with."""

    name: str
    classes: tuple[str, ...]
    images: Images
    labels: Rows
    """The class of every row, 0 .. len(classes) - 1."""
    splits: Mapping[str, Rows]
    """Rows of ``train`` and, where the source has them, ``val`` and ``test``."""
    origins: Mapping[str, str]
    """Where each split comes from, in words."""
    symbols: bool | None = None
    """Whether these are digits or letters, whose mirror image is another thing; None: unknown."""
    notes: tuple[str, ...] = field(default=())
    """What a person should know about how the source was read."""


def split_name(name: str) -> str | None:
    """``train``, ``val`` or ``test`` for what people write, None for anything else."""
    return ALIASES.get(name.strip().lower())


def cache_folder() -> Path:
    """Where downloads go: $NETWRIGHT_CACHE, else ``~/.cache/netwright``."""
    given = os.environ.get("NETWRIGHT_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "netwright"
