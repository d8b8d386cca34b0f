"""Many scores against one truth: the same resamples for all, and what chance would reach."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from netwright.rng import stream

_Floats = npt.NDArray[np.float64]


def spearman_rows(x: _Floats, y: _Floats) -> _Floats:
    """Spearman's correlation of every row of ``x`` with that of ``y``.

    Args:
        x: (..., N) values.
        y: (..., N) values; one row serves all.

    Returns:
        (...) correlations; ``nan`` where a side is constant.
    """
    return _pearson_rows(_rank_rows(x), _rank_rows(y))


def kendall_rows(x: _Floats, y: _Floats, *, tie: float = 0.0) -> _Floats:
    """Kendall's tau-b of every row of ``x`` with that of ``y``.

    Args:
        x: (..., N) values.
        y: (..., N) values; one row serves all.
        tie: Values of ``y`` no further apart than this count as equal.

    Returns:
        (...) correlations; ``nan`` where a side is constant.
    """
    signs_x, signs_y = _signs(x), _signs(y, tie=tie)
    balance = (signs_x * signs_y).sum((-2, -1))
    untied = [np.abs(s).sum((-2, -1)) for s in (signs_x, signs_y)]
    return ratio(balance, np.sqrt(untied[0] * untied[1]))


def resampled(
    statistic: Callable[[_Floats, _Floats], _Floats],
    table: _Floats,
    y: _Floats,
    *,
    seed: int,
    repeats: int = 2000,
) -> _Floats:
    """A statistic of each column of scores with ``y`` on one set of bootstrap resamples for all.

    Args:
        statistic: Of rows, such as :func:`spearman_rows`.
        table: (K, N): K scores of N networks.
        y: (N,).
        seed: The user's seed.
        repeats: Number of resamples.

    Returns:
        (K, repeats); ``nan`` where a resample is constant.
    """
    rows = stream(seed, "bootstrap").integers(len(y), size=(repeats, len(y)))
    return np.stack([statistic(scores[rows], y[rows]) for scores in table])


def chance(table: _Floats, y: _Floats, *, seed: int, repeats: int = 9999) -> tuple[_Floats, float]:
    """How often the best of all scores would reach a Spearman correlation by chance alone.

    ``y`` is permuted and the largest correlation of all scores noted (the single-step max-T of
    Westfall and Young, 1993): the probability that any of K worthless scores, as correlated among
    each other as these, does as well.

    Args:
        table: (K, N): K scores of N networks, larger is better.
        y: (N,), larger is better.
        seed: The user's seed.
        repeats: Number of permutations.

    Returns:
        (K,) adjusted one-sided p-values, ``nan`` for constants; and what the best of K worthless
        scores stays below 19 times out of 20.
    """
    found = spearman_rows(table, y)
    real = np.isfinite(found)
    if not real.any():
        return np.full(len(table), math.nan), math.nan
    rng = stream(seed, "permutation")
    orders = rng.permuted(np.tile(np.arange(len(y)), (repeats, 1)), axis=1)
    best = np.max(_unit(_rank_rows(table[real])) @ _unit(_rank_rows(y))[orders].T, axis=0)
    least = best[None, :] >= found[:, None] - 1e-9
    p = np.where(real, (1 + least.sum(1)) / (1 + repeats), math.nan)
    return p, float(np.quantile(best, 0.95))


def _rank_rows(values: _Floats) -> _Floats:
    """Ranks from 1 along the last axis, (..., N); equal values share the mean of theirs."""
    here, there = values[..., :, None], values[..., None, :]
    below = (there < here).sum(-1) + 0.5 * (there == here).sum(-1)
    shared: _Floats = below + 0.5
    return shared


def _signs(values: _Floats, *, tie: float = 0.0) -> _Floats:
    """Sign of every pair, (..., N, N); 0 where they are no further apart than ``tie``."""
    here, there = values[..., :, None], values[..., None, :]
    signs: _Floats = np.sign((here > there) * 1.0 - (here < there))
    if tie > 0:
        with np.errstate(invalid="ignore"):  # two equal infinities are 0 apart
            signs = np.where(np.abs(here - there) > tie, signs, 0.0)
    return signs


def _unit(values: _Floats) -> _Floats:
    """Rows less their mean, of length 1, (..., N); 0 where they are constant."""
    centred = values - values.mean(-1, keepdims=True)
    length = np.sqrt(np.square(centred).sum(-1, keepdims=True))
    unit: _Floats = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    return unit


def _pearson_rows(a: _Floats, b: _Floats) -> _Floats:
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    scale = np.sqrt(np.square(a).sum(-1) * np.square(b).sum(-1))
    return ratio((a * b).sum(-1), scale)


def ratio(part: _Floats, whole: _Floats) -> _Floats:
    """Correlations from products and their scales, broadcast: ``nan`` where a scale is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    found = np.full(part.shape, math.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    clipped: _Floats = np.clip(found, -1.0, 1.0)
    return clipped
