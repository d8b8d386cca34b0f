"""Whether a search was worth it: its best beside plain baselines, against the noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

from netwright.finals import Final


def verdict(finals: Sequence[Final], *, images: int) -> str:
    """One sentence on whether the search was worth it, against the noise of the comparison.

    Two accuracies on the same number of images are called different where they are more than two
    standard errors of their difference apart (Agresti and Caffo, 2000: one success and one failure
    are added to each, so that 100% has an error too).  The seed of a training is another source
    of noise, and candidates that were chosen on the same images have a small advantage; so this
    is the least that a real difference must exceed.

    Args:
        finals: All finalists.
        images: Of the validation split.
    """
    ours = [f for f in finals if f.role.startswith("search") and f.accuracy is not None]
    plain = [f for f in finals if not f.role.startswith("search") and f.accuracy is not None]
    if not ours or not plain:
        return "No comparison is possible: a side of it failed to train."
    top = max(ours, key=lambda f: f.accuracy or 0.0)
    rival = max(plain, key=lambda f: f.accuracy or 0.0)
    a, b = top.accuracy or 0.0, rival.accuracy or 0.0
    noise = 2 * math.sqrt(sum(_variance(p, images) for p in (a, b)))
    gap = (
        f"{100 * abs(a - b):.1f} points on {images:,} validation images, noise ±{100 * noise:.1f}"
    )
    if a - b > noise:
        return f"The search paid off: its best is ahead of every plain baseline ({gap})."
    if b - a > noise:
        return f"The plain baseline {rival.role!r} is ahead of all that was searched ({gap})."
    return f"The best plain baseline, {rival.role!r}, does as well within the noise ({gap})."


def _variance(accuracy: float, images: int) -> float:
    share = (accuracy * images + 1) / (images + 2)
    return share * (1 - share) / (images + 2)
