"""Train, validation and test rows: cut by class, from a named random stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from netwright.errors import DataError
from netwright.rng import stream

Rows = npt.NDArray[np.int64]

ALIASES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What people call the three splits."""


def cut(
    rows: Rows, labels: Rows, *, fraction: float, seed: int, part: str, classes: Sequence[str]
) -> tuple[Rows, Rows]:
    """Split rows in two so that each class keeps its share; both parts come back sorted.

    Args:
        rows: The rows to divide.
        labels: The label of every row of the data set (indexed by row).
        fraction: The share of each class that goes to the second part; at least one image does.
        seed: The seed of the draw.
        part: What the second part is called; it names the random stream.
        classes: The labels as a person reads them, for the message.

    Raises:
        DataError: A class has fewer than two images.
    """
    kept, taken = [], []
    for label, name in enumerate(classes):
        members = rows[labels[rows] == label]
        if len(members) < 2:
            raise DataError(
                f"Class {name!r} has {len(members)} image{'s' if len(members) != 1 else ''} in "
                f"train, and a {part} split needs at least 2; add images, or bring your own "
                f"{part} split."
            )
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        order = stream(seed, "split", part, label).permutation(members)
        taken.append(order[:count])
        kept.append(order[count:])
    return np.sort(np.concatenate(kept)), np.sort(np.concatenate(taken))


def balanced(labels: Rows, count: int, *, seed: int) -> Rows:
    """Distinct positions such that any run of them holds the classes as evenly as possible.

    Classes take turns in an order drawn anew each round; a class that runs out is passed over.

    Args:
        labels: The label of every position.
        count: How many positions to draw; at most ``len(labels)``.
        seed: The seed of the draw.
    """
    rng = stream(seed, "balanced")
    queues = [list(rng.permutation(np.flatnonzero(labels == c))) for c in np.unique(labels)]
    drawn: list[int] = []
    while len(drawn) < count:
        queues = [queue for queue in queues if queue]
        drawn.extend(int(queues[turn].pop()) for turn in rng.permutation(len(queues)))
    return np.array(drawn[:count], dtype=np.int64)
