"""A Gaussian process over groups of columns: linear and smooth parts, weighed by evidence.

The kernel is a sum over groups of a linear part and a Matérn 5/2 part (Rasmussen and Williams,
"Gaussian Processes for Machine Learning", 2006, eq. 4.17), each with an amplitude of its own.
Amplitudes, length scales and noise are those of the largest posterior density: the marginal
likelihood times log-normal priors, which decide while there are few values and yield to many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Group = tuple[str, Floats]

# Median amplitude of the linear and of the smooth part a priori, of values with deviation 1.
AMPLITUDES: Mapping[str, tuple[float, float]] = {
    "size": (0.22, 0.56),
    "form": (0.14, 0.42),
    "level": (0.05, 0.14),
    "cell": (0.25, 0.55),
    "tokens": (0.14, 0.28),
    "proxies": (0.22, 0.56),
}
# What a column of a group adds a priori: larger networks and better scores are better, until
# values say otherwise.
LEAN: Mapping[str, float] = {"size": 0.22, "proxies": 0.25}
LENGTH, NOISE = 1.5, 0.25
_SPREAD = 0.5  # deviation of the logarithms of all settings
_MEAN = 10.0  # variance of the unknown mean
_JITTER = 1e-6
_CHUNK = 1024  # rows predicted at once, whose covariances stay in the processor's cache
_TRUSTED = 4  # values as foretold, that the width of intervals starts from
_REACH = 4.0  # deviations that the search for the largest density may go


def prior(groups: Sequence[Group]) -> Floats:
    """Medians of the settings a priori: per group linear, smooth, length; then noise."""
    medians = [v for name, _ in groups for v in (*AMPLITUDES[name], LENGTH)] + [NOISE]
    settings: Floats = np.log(medians)
    return settings


def prior_covariance(groups: Sequence[Group]) -> tuple[Floats, float]:
    """Covariance (N, N) of rows before anything was seen, and the variance of the noise.

    The mean varies as much as the values, not as if nothing were known of it, so that what tells
    rows apart counts from the first.
    """
    settings = prior(groups)
    parts = [_squared(rows, rows) for _, rows in groups]
    return _kernel(parts, settings)[0] + 1.0, NOISE**2


def _lean(groups: Sequence[Group]) -> Floats:
    """What is expected of rows before anything was seen (N,)."""
    found: Floats = np.zeros(len(groups[0][1]))
    for name, rows in groups:
        if name in LEAN:
            found = found + LEAN[name] * rows.mean(axis=1)
    return found


def _squared(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Inner products and squared distances per column of rows (N, C) and (M, C): (N, M) each."""
    count = a.shape[1]
    inner = a @ b.T / count
    norms = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)
    return inner, np.maximum(norms / count - 2 * inner, 0.0)


@dataclass(frozen=True, kw_only=True)
class Process:
    """A fitted process.

    Args:
        rows: What was seen: the groups with their scaled columns (N, C).
        settings: Logarithms: per group linear amplitude, smooth amplitude, length; then noise.
        factor: Lower Cholesky factor (N, N) of the values' covariance.
        weights: Covariance inverse times what the values are off what was expected (N,).
        width: What deviations are to be multiplied by: how far, by root mean square, each value
            lay from what the others foretold, in the deviations foretold.  Four values that lay
            as foretold are counted in.
    """

    rows: tuple[Group, ...]
    settings: Floats
    factor: Floats
    weights: Floats
    width: float

    @staticmethod
    def fit(groups: Sequence[Group], values: Floats, *, settled: int | None = None) -> Process:
        """The process of the largest posterior density.

        Args:
            groups: Scaled columns of what was seen.
            values: What was measured (N,), mean about 0 and deviation about 1.
            settled: How many of them, from the first, decide the settings; all where None.  The
                settings take most of the time, which grows with the cube of the number.
        """
        from scipy.optimize import minimize  # 0.2 s that only those who fit pay

        some = (values - _lean(groups))[:settled]
        parts = [_squared(rows[:settled], rows[:settled]) for _, rows in groups]
        centre, reach = prior(groups), _REACH * _SPREAD
        bounds = list(zip(centre - reach, centre + reach, strict=True))
        found = minimize(
            _loss, centre, args=(parts, some, centre), jac=True, method="L-BFGS-B",
            bounds=bounds, options={"maxiter": 60},
        )  # fmt: skip
        return Process.at(groups, values, np.asarray(found.x))

    @staticmethod
    def at(groups: Sequence[Group], values: Floats, settings: Floats) -> Process:
        """The process with these settings."""
        parts = [_squared(rows, rows) for _, rows in groups]
        covariance = _noisy(_kernel(parts, settings)[0], settings)
        factor = np.linalg.cholesky(covariance).astype(np.float64)
        half = np.linalg.inv(factor)
        weights = half.T @ (half @ (values - _lean(groups)))
        # Left out, a value is off by weight / diagonal of the inverse (Rasmussen, eq. 5.12).
        surprise = float((weights**2 / (half * half).sum(axis=0)).sum())
        return Process(
            rows=tuple(groups),
            settings=settings,
            factor=factor,
            weights=weights,
            width=math.sqrt((surprise + _TRUSTED) / (len(values) + _TRUSTED)),
        )

    @property
    def noise(self) -> float:
        """Standard deviation of what no column explains."""
        return math.exp(float(self.settings[-1]))

    @property
    def best(self) -> float:
        """The largest mean at a row that was seen."""
        return float(self.mean(self.rows).max())

    def _across(self, groups: Sequence[Group]) -> Floats:
        parts = [_squared(a, b) for (_, a), (_, b) in zip(groups, self.rows, strict=True)]
        return _kernel(parts, self.settings)[0] + _MEAN

    def mean(self, groups: Sequence[Group]) -> Floats:
        """What is expected of other rows (N,)."""
        found: Floats = self._across(groups) @ self.weights + _lean(groups)
        return found

    def predict(self, groups: Sequence[Group]) -> tuple[Floats, Floats]:
        """What is expected of other rows, and its standard deviation without noise: (N,) each."""
        count = len(groups[0][1])
        found = [
            self._predict([(name, rows[i : i + _CHUNK]) for name, rows in groups])
            for i in range(0, max(count, 1), _CHUNK)
        ]
        return np.concatenate([m for m, _ in found]), np.concatenate([d for _, d in found])

    def _predict(self, groups: Sequence[Group]) -> tuple[Floats, Floats]:
        across = self._across(groups)
        known = np.linalg.solve(self.factor, across.T)
        own = np.full(len(across), _MEAN)
        for i, (_, rows) in enumerate(groups):
            linear, smooth = np.exp(2 * self.settings[3 * i : 3 * i + 2])
            own += linear * (rows * rows).mean(axis=1) + smooth
        variance = np.maximum(own - (known * known).sum(axis=0), 1e-12)
        return across @ self.weights + _lean(groups), np.sqrt(variance)

    def covariance(self, groups: Sequence[Group]) -> Floats:
        """Joint covariance (N, N) of other rows, without noise."""
        parts = [_squared(rows, rows) for _, rows in groups]
        known = np.linalg.solve(self.factor, self._across(groups).T)
        joint: Floats = _kernel(parts, self.settings)[0] + _MEAN - known.T @ known
        return joint


def _kernel(
    parts: Sequence[tuple[Floats, Floats]], settings: Floats, *, slopes: bool = False
) -> tuple[Floats, list[Floats]]:
    """Covariances without mean and noise, and their derivatives by the settings if asked."""
    total = np.zeros_like(parts[0][0])
    found: list[Floats] = []
    for i, (inner, distance) in enumerate(parts):
        linear, smooth = np.exp(2 * settings[3 * i : 3 * i + 2])
        scaled = np.sqrt(5 * distance) * math.exp(-float(settings[3 * i + 2]))
        decay = smooth * np.exp(-scaled)
        line, curve = linear * inner, decay * (1 + scaled + scaled * scaled / 3)
        total = total + line + curve
        if slopes:
            found += [2 * line, 2 * curve, decay * scaled * scaled * (1 + scaled) / 3]
    return total, found


def _noisy(kernel: Floats, settings: Floats) -> Floats:
    full: Floats = kernel + _MEAN + (math.exp(2 * settings[-1]) + _JITTER) * np.eye(len(kernel))
    return full


def _loss(
    settings: Floats,
    parts: Sequence[tuple[Floats, Floats]],
    values: Floats,
    centre: Floats,
) -> tuple[float, Floats]:
    """Minus the log posterior density of the settings, and its gradient."""
    kernel, slopes = _kernel(parts, settings, slopes=True)
    factor = np.linalg.cholesky(_noisy(kernel, settings))
    half = np.linalg.inv(factor)
    inverse = half.T @ half
    weights = inverse @ values
    off = (settings - centre) / _SPREAD
    loss = values @ weights / 2 + np.log(np.diag(factor)).sum() + off @ off / 2
    outer = inverse - np.outer(weights, weights)
    gradient = [float((outer * slope).sum()) / 2 for slope in slopes]
    gradient.append(math.exp(2 * settings[-1]) * float(np.trace(outer)))
    return float(loss), np.array(gradient) + off / _SPREAD
