"""Which few networks to train first: far apart in what describes them, starting from the middle.

Max-min choice (Kennard and Stone, Technometrics 1969; Gonzalez, 1985): each probe is the
candidate farthest from all earlier ones.  D-optimal choice (Wynn, 1970): each is the candidate
about which a linear model of the earlier ones knows least.  Informative choice (active learning
after Cohn, 1996): each is the candidate that would take most doubt about all the others from a
smooth model, which leaves the corners of the space alone where nobody lives there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from netwright.errors import UsageError
from netwright.rng import stream

Floats = npt.NDArray[np.float64]
Design = Literal["maxmin", "doptimal", "informative"]
MOST = 2000  # rows that doubt is taken over; more are drawn from
_SAME = 1e-12  # squared distance below which two rows are one


def diverse(
    table: npt.NDArray[np.floating],
    count: int,
    *,
    seed: int,
    design: Design = "maxmin",
    chosen: Sequence[int] = (),
) -> list[int]:
    """Rows of a table that differ as much as ``count`` of its rows can.

    The order is that of the choice, so the first k are a fair choice of k.  Where fewer rows
    differ than are asked for, the rest are drawn from those that are left.

    Args:
        table: Descriptors (N, D), one candidate a row; columns are standardised here, and count
            for nothing where they are constant.
        count: How many rows, at most N less those chosen.
        seed: Decides between equals.
        design: ``maxmin``; ``doptimal`` for a linear model with a weak prior; ``informative``
            for a smooth one, which ranked the rest best where it was measured.
        chosen: Rows that are already among the probes; not given again.

    Returns:
        ``count`` row numbers, each once.

    Raises:
        UsageError: If there are fewer rows, or a value is not finite.
    """
    rows = standardised(table)
    taken = list(dict.fromkeys(chosen))
    if not 0 <= count <= len(rows) - len(taken):
        raise UsageError(
            f"{count} probes cannot be chosen among {len(rows) - len(taken)} candidates; "
            "ask for fewer or draw more candidates."
        )
    if design not in _DESIGNS:
        raise UsageError(f"No design is called {design!r}; there are {', '.join(_DESIGNS)}.")
    tie = order_of_ties(len(rows), seed=seed)
    return _DESIGNS[design](rows, count, taken, tie)


def order_of_ties(count: int, *, seed: int) -> Floats:
    """Numbers too small to matter but between equals (N,)."""
    tie: Floats = stream(seed, "probes").permutation(count).astype(np.float64) * 1e-12
    return tie


def standardised(table: npt.NDArray[np.floating]) -> Floats:
    """The table with columns of mean 0 and deviation 1; constant ones are left out.

    Raises:
        UsageError: If it is no table of finite numbers.
    """
    values = np.asarray(table, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise UsageError(
            f"Probes are chosen from a table (N, D) of finite numbers; this one has shape "
            f"{values.shape} and {np.count_nonzero(~np.isfinite(values))} that are not finite."
        )
    if not len(values):
        return values
    spread = values.std(axis=0)
    varies = spread > 1e-9 * (1 + np.abs(values).max(axis=0))
    kept: Floats = (values[:, varies] - values[:, varies].mean(axis=0)) / spread[varies]
    return kept


def _far(rows: Floats, count: int, taken: list[int], tie: Floats) -> list[int]:
    """Farthest point after farthest point; the first is the most central row."""
    nearest = np.full(len(rows), np.inf)
    for i in taken:
        nearest = np.minimum(nearest, ((rows - rows[i]) ** 2).sum(axis=1))
    found: list[int] = []
    for _ in range(count):
        nearest[[*taken, *found]] = -1
        if taken or found:
            gain = np.where((nearest >= 0) & (nearest < _SAME), 0.0, nearest)
        else:
            gain = -(rows**2).sum(axis=1)
        best = int(np.argmax(gain + tie))
        found.append(best)
        nearest = np.minimum(nearest, ((rows - rows[best]) ** 2).sum(axis=1))
    return found


def _uncertain(rows: Floats, count: int, taken: list[int], tie: Floats) -> list[int]:
    """The row of the largest predictive variance after the largest (a rank-one update each)."""
    design = np.hstack([np.ones((len(rows), 1)), rows])
    design = design / np.sqrt(design.shape[1])
    covariance = np.eye(design.shape[1])
    left = np.ones(len(rows), dtype=bool)
    for i in taken:
        covariance, left[i] = _learn(covariance, design[i]), False
    found: list[int] = []
    for _ in range(count):
        variance = np.einsum("nd,de,ne->n", design, covariance, design, optimize=True)
        best = int(np.argmax(np.where(left, variance + tie, -np.inf)))
        found.append(best)
        covariance, left[best] = _learn(covariance, design[best]), False
    return found


def _learn(covariance: Floats, row: Floats) -> Floats:
    seen = covariance @ row
    learnt: Floats = covariance - np.outer(seen, seen) / (0.01 + row @ seen)
    return learnt


def informative(
    doubt: Callable[[npt.NDArray[np.intp]], tuple[Floats, float]],
    count: int,
    *,
    chosen: list[int],
    tie: Floats,
) -> list[int]:
    """The row whose value would take most variance from the others, after each that is chosen.

    Args:
        doubt: Covariance (M, M) of M rows by their numbers, and the variance of a value's noise.
        count: How many, at most ``MOST`` or N less those chosen.
        chosen: Rows that were seen before.
        tie: Decides between equals (N,), and which rows are looked at where there are many.
    """
    some = np.sort(np.argsort(tie, kind="stable")[:MOST])
    some = np.union1d(some, np.array(chosen, dtype=np.intp))
    at = {int(row): place for place, row in enumerate(some)}
    covariance, noise = doubt(some)
    left = np.ones(len(some), dtype=bool)
    found: list[int] = []
    for place in map(at.__getitem__, chosen):
        covariance, left[place] = _observe(covariance, place, noise), False
    for _ in range(count):
        gain = (covariance**2).sum(axis=0) / (covariance.diagonal() + noise)
        best = int(np.argmax(np.where(left, gain + tie[some], -np.inf)))
        found.append(int(some[best]))
        covariance, left[best] = _observe(covariance, best, noise), False
    return found


def _informative(rows: Floats, count: int, taken: list[int], tie: Floats) -> list[int]:
    """Informative for a smooth model of the rows."""
    if count > min(len(rows), MOST) - len(taken):
        return _far(rows, count, taken, tie)
    return informative(lambda some: (_smooth(rows[some]), _NOISE), count, chosen=taken, tie=tie)


_NOISE = 0.1  # variance of a training, where the smooth model's own is about 2.5


def _smooth(rows: Floats) -> Floats:
    """Covariance (N, N) of a mean, a linear and a Matérn 5/2 model of standardised rows."""
    count = max(rows.shape[1], 1)
    inner = rows @ rows.T / count
    own = inner.diagonal()
    scaled = np.sqrt(5 * np.maximum(own[:, None] + own - 2 * inner, 0)) / 1.5
    curve: Floats = (1 + scaled + scaled * scaled / 3) * np.exp(-scaled)
    total: Floats = 1 + inner + curve / 2
    return total


def _observe(covariance: Floats, place: int, noise: float) -> Floats:
    seen = covariance[:, place]
    learnt: Floats = covariance - np.outer(seen, seen) / (covariance[place, place] + noise)
    return learnt


_DESIGNS: Mapping[str, Callable[[Floats, int, list[int], Floats], list[int]]] = {
    "maxmin": _far,
    "doptimal": _uncertain,
    "informative": _informative,
}
