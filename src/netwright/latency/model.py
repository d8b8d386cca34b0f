"""What parts that were never measured take: a Gaussian process over the counts of their work.

Times and counts are logarithms, so that errors are shares.  The kernel is a linear part, which
extrapolates, and a squared-exponential one, which knows what the neighbours took (Rasmussen and
Williams, 2006, chapter 2).  Length scale and noise are those with the largest probability of each
measured time given all others (their eq. 5.10), out of a few.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST = 800  # rows that a process is fitted to
_TUNED_ON = 250
_LENGTHS = (1.0, 2.0, 4.0)
_NOISES = (0.03, 0.06, 0.12, 0.25)
_SMOOTH = 0.6  # amplitude of the smooth part, in logarithms of time
_LINEAR = 2.0
_MEAN = 25.0  # variance of the unknown mean


@dataclass(frozen=True, kw_only=True)
class PartModel:
    """A fitted process.

    Args:
        low: Middle of each column.
        wide: Deviation of each column; 0 for one that never changes, which is left out.
        rows: Scaled columns (N, D) of what was measured.
        weights: Inverse covariance times values (N,).
        inverse: Of the covariance's Cholesky factor (N, N).
        length: Length scale.
        noise: Deviation of a measured logarithm.
        mean: Of the logarithms.
    """

    low: Floats
    wide: Floats
    rows: Floats
    weights: Floats
    inverse: Floats
    length: float
    noise: float
    mean: float

    @staticmethod
    def fit(counts: Floats, ms: Floats, *, like: PartModel | None = None) -> PartModel:
        """The process of these parts.

        Args:
            counts: Of each part (N, D), not below 0.
            ms: What each took (N,), above 0.
            like: A process whose length and noise are taken over instead of tuned.
        """
        picked = np.linspace(0, len(ms) - 1, min(MOST, len(ms))).round().astype(int)
        order = np.argsort(ms, kind="stable")  # evenly over all times, whoever came first
        picked = np.sort(order[picked])
        columns, values = np.log1p(counts[picked]), np.log(ms[picked])
        low, wide = columns.mean(axis=0), columns.std(axis=0)
        wide = np.where(wide > 1e-9, wide, 0.0)
        rows, mean = _scaled(columns, low, wide), float(values.mean())
        if like is None:
            some = np.linspace(0, len(rows) - 1, min(_TUNED_ON, len(rows))).round().astype(int)
            length, noise = _tuned(rows[some], values[some] - mean)
        else:
            length, noise = like.length, like.noise
        inverse = _inverse_factor(rows, length, noise)
        weights = inverse.T @ (inverse @ (values - mean))
        return PartModel(
            low=low, wide=wide, rows=rows, weights=weights, inverse=inverse, length=length,
            noise=noise, mean=mean,
        )  # fmt: skip

    def predict(self, counts: Floats) -> tuple[Floats, Floats]:
        """Logarithms of the milliseconds, and their standard deviations: (N,) each."""
        rows = _scaled(np.log1p(counts), self.low, self.wide)
        across = _kernel(rows, self.rows, self.length)
        known = self.inverse @ across.T
        size = max(1, rows.shape[1])
        own = _MEAN + _LINEAR**2 * (rows * rows).sum(axis=1) / size + _SMOOTH**2
        variance = np.maximum(own - (known * known).sum(axis=0), 0.0) + self.noise**2
        return self.mean + across @ self.weights, np.sqrt(variance)


def _scaled(columns: Floats, low: Floats, wide: Floats) -> Floats:
    kept = wide > 0
    found: Floats = (columns[:, kept] - low[kept]) / wide[kept]
    return found


def _kernel(a: Floats, b: Floats, length: float) -> Floats:
    size = max(1, a.shape[1])
    inner = a @ b.T / size
    norms = ((a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)) / size
    distance = np.maximum(norms - 2 * inner, 0.0)
    # two rows that differ in one column by one deviation are at a distance of 1 / size
    smooth = _SMOOTH**2 * np.exp(-distance * size / (2 * length * length))
    kernel: Floats = _MEAN + _LINEAR**2 * inner + smooth
    return kernel


def _inverse_factor(rows: Floats, length: float, noise: float) -> Floats:
    covariance = _kernel(rows, rows, length) + noise**2 * np.eye(len(rows))
    factor = np.linalg.cholesky(covariance)
    return np.asarray(np.linalg.inv(factor), np.float64)


def _tuned(rows: Floats, values: Floats) -> tuple[float, float]:
    """The length and the noise under which each value is most probable given the others."""
    best, found = -math.inf, (_LENGTHS[1], _NOISES[1])
    for length in _LENGTHS:
        for noise in _NOISES:
            half = _inverse_factor(rows, length, noise)
            inverse = half.T @ half
            precision = np.diag(inverse)
            off = (inverse @ values) / precision  # value minus what the others say of it
            density = float((0.5 * np.log(precision) - 0.5 * off * off * precision).sum())
            if density > best:
                best, found = density, (length, noise)
    return found
