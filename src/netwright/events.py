"""What a running search tells whoever watches it: stages, and progress within them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netwright.ledger import Progress


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the search that begins, in words."""

    text: str


@dataclass(frozen=True, kw_only=True)
class FinalsProgress:
    """Where the final trainings are.

    Args:
        done: Segments finished.
        segments: Segments in all.
        accuracies: Validation accuracy so far, by role.
        seconds_left: Estimated from the segments so far.
    """

    done: int
    segments: int
    accuracies: Mapping[str, float]
    seconds_left: float


Event = Stage | Progress | FinalsProgress
