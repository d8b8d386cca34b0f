"""Pareto trade-offs: dominance, sorting into fronts, crowding distance, hypervolume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from netwright.errors import UsageError

Direction = Literal["max", "min"]
Points = Sequence[Sequence[float]] | npt.NDArray[np.floating]
_Floats = npt.NDArray[np.float64]
_Indices = npt.NDArray[np.intp]


def dominates(
    left: Sequence[float], right: Sequence[float], *, directions: Sequence[Direction]
) -> bool:
    """Whether ``left`` is at least as good in every objective and better in one.

    Args:
        left: One value per objective.
        right: One value per objective.
        directions: ``max`` or ``min`` per objective.
    """
    a, b = _losses([left, right], directions)
    return bool((a <= b).all() and (a < b).any())


def front(points: Points, *, directions: Sequence[Direction]) -> _Indices:
    """Indices, ascending, of the points that no other point dominates; equal points all stay.

    Args:
        points: (N, M) values of M objectives.
        directions: ``max`` or ``min`` per objective.

    Raises:
        UsageError: If a value is NaN, or the directions do not match the objectives.
    """
    return _front(_losses(points, directions))


def fronts(points: Points, *, directions: Sequence[Direction]) -> list[_Indices]:
    """Non-dominated sorting (Deb et al., NSGA-II, 2002): the front, the front of the rest, ...

    Args:
        points: (N, M) values of M objectives.
        directions: ``max`` or ``min`` per objective.

    Returns:
        Disjoint index arrays, best front first, each ascending.
    """
    losses = _losses(points, directions)
    left: _Indices = np.arange(len(losses))
    found = []
    while left.size:
        best = _front(losses[left])
        found.append(left[best])
        left = np.delete(left, best)
    return found


def crowding(points: Points) -> _Floats:
    """Crowding distance of every point of one front: the room around it, larger is lonelier.

    Per objective, the gap between the two neighbours divided by the range of the front; the mean
    over objectives (NSGA-II takes the sum: the same order).  The ends of the front are infinitely
    lonely.  A second copy of a point has distance 0, so that of equal points one is kept.

    Args:
        points: (N, M) values of M objectives, in any direction.
    """
    values = _table(points)
    distance = np.zeros(len(values))
    if not len(values):
        return distance
    first = np.sort(np.unique(values, axis=0, return_index=True)[1])
    unique = values[first]
    total = np.zeros(len(unique))
    for column in unique.T:
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        spread = ordered[-1] - ordered[0]
        if spread > 0:
            gaps = np.diff(ordered, prepend=-np.inf, append=np.inf)
            total[order] += (gaps[:-1] + gaps[1:]) / spread
    # With one or two distinct points everybody is an end, even where all objectives are equal.
    distance[first] = total / values.shape[1] if len(unique) > 2 else np.inf
    return distance


def hypervolume(
    points: Points, *, reference: Sequence[float], directions: Sequence[Direction]
) -> float:
    """Volume that the points dominate, up to a reference point; exact in any dimension.

    Two objectives are swept; more are cut into slabs along the last one, so the time grows as
    ``N ** (M - 1)``: fine for a few hundred points of three objectives.

    Args:
        points: (N, M) values of M objectives.
        reference: A point worse than all that should count; what is not better adds nothing.
        directions: ``max`` or ``min`` per objective.
    """
    worst = _losses([reference], directions)[0]
    if not np.isfinite(worst).all():
        raise UsageError(f"The reference point must be finite; it is {tuple(reference)}.")
    losses = _losses(points, directions)
    return _volume(losses[(losses < worst).all(axis=1)], worst)


def _volume(losses: _Floats, worst: _Floats) -> float:
    if not len(losses):
        return 0.0
    if losses.shape[1] == 1:
        return float(worst[0] - losses.min())
    losses = np.unique(losses[_front(losses)], axis=0)
    if losses.shape[1] == 2:  # ascending in the first objective, so descending in the second
        widths = np.diff(losses[:, 0], append=worst[0])
        return float((widths * (worst[1] - losses[:, 1])).sum())
    losses = losses[np.argsort(losses[:, -1], kind="stable")]
    heights = np.diff(losses[:, -1], append=worst[-1])
    slabs = [
        height * _volume(losses[: i + 1, :-1], worst[:-1])
        for i, height in enumerate(heights.tolist())
        if height > 0
    ]
    return float(sum(slabs))


def _front(losses: _Floats) -> _Indices:
    """Non-dominated rows.  A row can only be dominated by one before it in lexicographic order."""
    order = np.lexsort(losses.T[::-1])
    ordered = losses[order]
    alive = np.ones(len(ordered), dtype=bool)
    for i, row in enumerate(ordered):
        if alive[i]:
            rest = ordered[i + 1 :]
            beaten = (row <= rest).all(axis=1) & (row < rest).any(axis=1)
            alive[i + 1 :] &= ~beaten
    return np.sort(order[alive])


def _losses(points: Points, directions: Sequence[Direction]) -> _Floats:
    values = _table(points)
    if any(d not in ("max", "min") for d in directions):
        raise UsageError(f"Directions are 'max' or 'min'; these are {list(directions)}.")
    if values.shape[1] != len(directions) and len(values):
        raise UsageError(
            f"{values.shape[1]} objectives came with {len(directions)} directions; give one each."
        )
    signs = np.array([1.0 if d == "min" else -1.0 for d in directions])
    losses: _Floats = values * signs if len(values) else np.empty((0, len(signs)))
    return losses


def _table(points: Points) -> _Floats:
    values = np.asarray(points, dtype=np.float64)
    if values.size == 0:
        values = values.reshape(0, values.shape[1] if values.ndim == 2 else 0)
    if values.ndim != 2:
        raise UsageError(f"Points must be a table (N, M); these have shape {values.shape}.")
    if np.isnan(values).any():
        raise UsageError("A point holds NaN; leave failed candidates out before comparing.")
    return values
