"""What a training tells: where it is, how it went, what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a training is."""

    step: int
    """Steps taken."""
    steps: int
    """Steps of the whole schedule."""
    loss: float
    """Mean training loss since the last report."""
    val_accuracy: float | None
    """At the last evaluation; None before the first."""
    images_per_second: float
    """Training only, in this process."""
    seconds: float
    """Spent so far, evaluations and earlier processes included."""
    seconds_left: float
    """Estimated, evaluations included."""


@dataclass(frozen=True, kw_only=True)
class HistoryPoint:
    """One evaluation during a training."""

    step: int
    val_accuracy: float
    val_loss: float
    train_loss: float | None
    """Mean since the evaluation before; None where no step was taken."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What a training came to."""

    status: Literal["ok", "failed"]
    reason: str | None
    """Why it failed; None where it did not."""
    val_accuracy: float | None
    """Of the weights that were left in the module; None where training failed."""
    val_loss: float | None
    history: tuple[HistoryPoint, ...]
    steps: int
    """Steps taken."""
    images: int
    """Images seen, repetitions counted."""
    seconds: float
    device: str
    averaged: bool
    """Whether the moving average was left in the module, as it was no worse on val."""
