"""Bootstrap intervals of Spearman's and Kendall's correlation together, fast enough for tables.

The same resamples as ``stats.bootstrap`` draws, but as weights: a resample counts how often each
pair was drawn, so that ranks and concordances of all resamples come out of a few matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.chance import ratio
from netwright.rng import stream
from netwright.stats import Interval, Numbers, kendall, percentiles, spearman

Floats = npt.NDArray[np.float64]
_AT_ONCE = 200  # resamples; bounds the memory


@dataclass(frozen=True, kw_only=True)
class Correlations:
    """Both rank correlations of two columns, each with its 95% interval."""

    spearman: Interval
    kendall: Interval


def correlations(x: Numbers, y: Numbers, *, seed: int, repeats: int = 1000) -> Correlations:
    """Spearman and Kendall's tau-b with percentile bootstrap intervals (Efron, 1979).

    Resamples on which a figure does not exist (all values equal) are left out; where that is
    most of them the ends are ``nan``.

    Args:
        x: N values, finite.
        y: N values, finite.
        seed: The user's seed.
        repeats: Number of resamples.

    Raises:
        UsageError: If the columns differ in length, are empty, or hold a NaN.
    """
    rho, tau = spearman(x, y), kendall(x, y)
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    rows = stream(seed, "bootstrap").integers(len(a), size=(repeats, len(a)))
    counts = np.stack([np.bincount(row, minlength=len(a)) for row in rows]).astype(np.float64)
    return Correlations(
        spearman=percentiles(rho, _spearmans(a, b, counts)),
        kendall=percentiles(tau, _kendalls(a, b, counts)),
    )


def _spearmans(a: Floats, b: Floats, counts: Floats) -> Floats:
    """Spearman of every resample; ``counts`` (R, N) says how often each pair is in it."""
    ranks_a, ranks_b = (_weighted_ranks(side, counts) for side in (a, b))
    n = counts.shape[1]
    middle = (n + 1) / 2
    ranks_a, ranks_b = ranks_a - middle, ranks_b - middle
    both = (counts * ranks_a * ranks_b).sum(1)
    scale = np.sqrt((counts * ranks_a**2).sum(1) * (counts * ranks_b**2).sum(1))
    return ratio(both, scale)


def _weighted_ranks(values: Floats, counts: Floats) -> Floats:
    """Mean ranks (R, N) of the values within every resample."""
    _, group = np.unique(values, return_inverse=True)
    sizes = np.zeros((len(counts), int(group.max()) + 1))
    for i, g in enumerate(group):
        sizes[:, g] += counts[:, i]
    last = np.cumsum(sizes, axis=1)
    shared: Floats = (last - (sizes - 1) / 2)[:, group]
    return shared


def _kendalls(a: Floats, b: Floats, counts: Floats) -> Floats:
    """Tau-b of every resample; copies of one pair are ties."""
    sign_a, sign_b = (np.sign(_order(v)[:, None] - _order(v)[None, :]) for v in (a, b))
    products = (sign_a * sign_b, np.abs(sign_a), np.abs(sign_b))
    sums = []
    for matrix in products:
        single = matrix.astype(np.float32)  # whole numbers, exact up to 2**24 pairs a row
        parts = [
            (part * (part.astype(np.float32) @ single)).sum(1)
            for part in np.array_split(counts, max(1, len(counts) // _AT_ONCE))
        ]
        sums.append(np.concatenate(parts))
    return ratio(sums[0], np.sqrt(sums[1] * sums[2]))


def _order(values: Floats) -> Floats:
    """Places of the values among the distinct ones, so that no difference is lost."""
    order: Floats = np.unique(values, return_inverse=True)[1].astype(np.float64)
    return order
