"""Rank correlations, intervals, a paired test: Spearman, Kendall, bootstrap, Wilcoxon, Wilson."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from netwright.errors import UsageError
from netwright.rng import stream

Numbers = Sequence[float] | npt.NDArray[np.floating]
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure and where its true value likely lies.

    Args:
        value: The figure on all the data.
        low: Lower end.
        high: Upper end.
        level: Share of such intervals that hold the true value, such as 0.95.
    """

    value: float
    low: float
    high: float
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def ranks(values: Numbers) -> _Floats:
    """Rank of every value from 1; equal values share the mean of their ranks."""
    column = _column(values)
    _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: _Floats = (last - (counts - 1) / 2)[inverse]
    return shared


def spearman(x: Numbers, y: Numbers) -> float:
    """Spearman's rank correlation, ties shared; ``nan`` where a side is constant.

    Args:
        x: N values.
        y: N values.

    Raises:
        UsageError: If the lengths differ or a value is NaN.
    """
    a, b = _pair(x, y)
    return _pearson(ranks(a), ranks(b))


def kendall(x: Numbers, y: Numbers) -> float:
    """Kendall's tau-b: concordant less discordant pairs, with ties; ``nan`` for a constant.

    Args:
        x: N values.
        y: N values.

    Raises:
        UsageError: If the lengths differ or a value is NaN.
    """
    a, b = (ranks(v) for v in _pair(x, y))  # ranks, so that infinities can be subtracted
    balance = untied_a = untied_b = 0
    for i in range(len(a) - 1):
        sign_a, sign_b = np.sign(a[i + 1 :] - a[i]), np.sign(b[i + 1 :] - b[i])
        balance += int(sign_a @ sign_b)
        untied_a += int(np.count_nonzero(sign_a))
        untied_b += int(np.count_nonzero(sign_b))
    if not untied_a or not untied_b:
        return math.nan
    return balance / math.sqrt(untied_a * untied_b)


def partial_spearman(x: Numbers, y: Numbers, *, controls: Sequence[Numbers]) -> float:
    """Rank correlation of ``x`` and ``y`` with what the controls explain taken out of both.

    The ranks of both are regressed on the ranks of all controls and the residuals correlated.
    ``nan`` where the controls explain one side fully.

    Args:
        x: N values, such as a proxy.
        y: N values, such as an accuracy.
        controls: Columns of N values, such as parameters and MACs.
    """
    a, b = _pair(x, y)
    columns = [ranks(_pair(x, c)[1]) for c in controls]
    design = np.column_stack([np.ones(len(a)), *columns])
    sides = []
    for side in (ranks(a), ranks(b)):
        fitted = design @ np.linalg.lstsq(design, side, rcond=None)[0]
        rest = side - fitted
        sides.append(np.zeros(len(rest)) if np.ptp(rest) <= 1e-9 * len(rest) else rest)
    return _pearson(sides[0], sides[1])


def bootstrap(
    statistic: Callable[[_Floats, _Floats], float],
    x: Numbers,
    y: Numbers,
    *,
    seed: int,
    repeats: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap of a statistic of pairs (Efron, 1979), such as :func:`spearman`.

    Resamples on which the statistic does not exist (all values equal) are left out; where that
    is most of them the ends are ``nan``.

    Args:
        statistic: Of two columns of N values.
        x: N values.
        y: N values.
        seed: The user's seed.
        repeats: Number of resamples.
        level: Such as 0.95.
    """
    a, b = _pair(x, y)
    _check_level(level)
    if repeats < 1:
        raise UsageError(f"A bootstrap needs at least one resample; {repeats} were asked for.")
    rng = stream(seed, "bootstrap")
    rows = rng.integers(len(a), size=(repeats, len(a)))
    drawn = np.array([statistic(a[row], b[row]) for row in rows])
    return percentiles(statistic(a, b), drawn, level=level)


def percentiles(value: float, drawn: _Floats, *, level: float = 0.95) -> Interval:
    """The interval between the percentiles of a figure's resamples (Efron, 1979).

    Resamples without the figure are left out; where that is most of them the ends are ``nan``.

    Args:
        value: The figure on all the data.
        drawn: The figure on each resample (R,); ``nan`` where there is none.
        level: Such as 0.95.
    """
    known = drawn[np.isfinite(drawn)]
    if len(known) < len(drawn) / 2:
        return Interval(value=value, low=math.nan, high=math.nan, level=level)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Interval(value=value, low=low, high=high, level=level)


def mean_band(
    values: npt.NDArray[np.floating], *, seed: int, repeats: int = 1000
) -> tuple[_Floats, _Floats, _Floats]:
    """Means over repeats, and the ends of their 95% percentile bootstraps.

    Repeats are resampled whole, so that the band of a curve is as smooth as the curves.

    Args:
        values: (N, M) figures: N repeats of M columns.
        seed: The user's seed.
        repeats: Number of resamples.

    Returns:
        Mean, low and high (M,).
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not len(table):
        raise UsageError(f"Expected repeats of columns (N, M); the shape is {table.shape}.")
    count = len(table)
    rows = stream(seed, "bootstrap mean").integers(count, size=(repeats, count))
    shares = np.stack([np.bincount(row, minlength=count) for row in rows]) / count
    low, high = np.quantile(shares @ table, [0.025, 0.975], axis=0)
    return table.mean(axis=0), low, high


def signed_rank(x: Numbers, y: Numbers) -> float:
    """How likely the pairs favour ``x`` so much by chance: Wilcoxon's signed-rank test (1945).

    One-sided and exact: the sum of the ranks of the positive differences, over all ways to give
    the differences signs.  Differences of 0 say nothing and are left out; ties share their ranks.

    Args:
        x: N values, such as the accuracies that a method reached with N seeds.
        y: N values of another with the same seeds.

    Returns:
        From 0 to 1; 1 where all pairs are equal.
    """
    a, b = _pair(x, y)
    differences = (a - b)[a != b]
    doubled = np.rint(2 * ranks(np.abs(differences))).astype(int) if len(differences) else ()
    chances = np.ones(1)  # of every sum of doubled ranks
    for rank in map(int, doubled):
        grown = np.zeros(len(chances) + rank)
        grown[: len(chances)] += chances / 2
        grown[rank:] += chances / 2
        chances = grown
    least = sum(int(r) for r, d in zip(doubled, differences, strict=True) if d > 0)
    return min(1.0, float(chances[least:].sum()))


def wilson(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Interval of a share, such as a top-1 accuracy on ``n`` images (Wilson, 1927).

    Args:
        successes: How many of ``n``.
        n: At least 1.
        level: Such as 0.95.
    """
    if n < 1 or not 0 <= successes <= n:
        raise UsageError(f"{successes} of {n} is no share; expected 0 <= successes <= n, n >= 1.")
    _check_level(level)
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    share = successes / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(value=share, low=low, high=high, level=level)


def _pearson(a: _Floats, b: _Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return max(-1.0, min(1.0, float(a @ b) / scale)) if scale > 0 else math.nan


def _column(values: Numbers) -> _Floats:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise UsageError(f"Expected a column of values; the shape is {column.shape}.")
    if np.isnan(column).any():
        raise UsageError("A value is NaN; leave failed candidates out before ranking.")
    return column


def _pair(x: Numbers, y: Numbers) -> tuple[_Floats, _Floats]:
    a, b = _column(x), _column(y)
    if len(a) != len(b):
        raise UsageError(f"Columns must be equally long; these have {len(a)} and {len(b)} values.")
    if not len(a):
        raise UsageError("There is nothing to correlate: the columns are empty.")
    return a, b


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise UsageError(f"A level lies between 0 and 1, such as 0.95; this one is {level}.")
