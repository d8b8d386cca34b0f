"""Whether a search was worth it: its best beside plain networks, against the noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance

from netwright.finals import Final
from netwright.training.halving import noise


def verdict(finals: Sequence[Final], *, images: int) -> str:
    """Whether the search was worth it, against the noise of the comparison.

    Two accuracies on the same number of images are called different where they are more than two
    standard errors of their difference apart (:func:`netwright.training.halving.noise`: of the
    images and of the seed).  Candidates that were chosen on the same images have a small
    advantage; so this is the least that a real difference must exceed.

    Args:
        finals: All finalists.
        images: Of the validation split.
    """
    ended = [f for f in finals if f.accuracy is not None]
    ours = [f for f in ended if f.role.startswith("search")]
    plain = [f for f in ended if not f.role.startswith("search")]
    if not ours or not plain:
        return "No comparison is possible: a side of it failed to train."
    top = max(ours, key=lambda f: f.accuracy or 0.0)
    rival = max(plain, key=lambda f: f.accuracy or 0.0)
    a, b = top.accuracy or 0.0, rival.accuracy or 0.0
    reach = 2 * _standard_error([a], [b], images)
    gap = (
        f"{100 * abs(a - b):.1f} points on {images:,} validation images, noise ±{100 * reach:.1f}"
    )
    if a - b > reach:
        said = f"The search paid off: its best is ahead of every plain network ({gap})."
    elif b - a > reach:
        said = f"The plain network {rival.role!r} is ahead of all that was searched ({gap})."
    else:
        said = f"The best plain network, {rival.role!r}, does as well within the noise ({gap})."
    randoms = [f.accuracy or 0.0 for f in plain if f.role.startswith("random")]
    if len(randoms) < 2:
        return said
    lead, reach = a - fmean(randoms), 2 * _standard_error([a], randoms, images)
    return (
        f"{said} Against the mean of {len(randoms)} random networks it has {100 * lead:+.1f} "
        f"points, ±{100 * reach:.1f}."
    )


def _standard_error(ours: Sequence[float], theirs: Sequence[float], images: int) -> float:
    """Of the difference of two means; several networks differ among themselves, too."""
    total = 0.0
    for side in (ours, theirs):
        own = fmean(noise(p, images) ** 2 / 2 for p in side)  # of one accuracy
        total += max(own, variance(side) if len(side) > 1 else 0.0) / len(side)
    return math.sqrt(total)
