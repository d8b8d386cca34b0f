"""What the tests of the command line share: answers, words of a quick search, small photos."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from netwright.rng import stream

SMALL = ("--max-macs", "100k", "--objective", "naswot", "--workers", "1")
QUICK = (*SMALL, "--minutes", "0.02")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Command = Callable[..., Answer]
Refused = Callable[..., str]


def draw_photos(
    root: Path, counts: Mapping[str, int], *, side: int = 8, mode: str = "RGB"
) -> Path:
    """A folder of noise images, one colour per class, so that a network can tell them apart."""
    for index, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            noise = stream(0, "photo", name, number).integers(0, 60, (side, side, 3))
            noise[..., index % 3] += 120 + 40 * (index // 3)
            picture = Image.fromarray(noise.astype(np.uint8)).convert(mode)
            picture.save(root / name / f"{number:03d}.png")
    return root
