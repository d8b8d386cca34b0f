"""Bootstrap by weights: the same figures as resample by resample."""

from __future__ import annotations

import math

import numpy as np
import pytest

from netwright.correlation.intervals import correlations
from netwright.errors import UsageError
from netwright.rng import stream
from netwright.stats import bootstrap, kendall, spearman


def test_equals_the_plain_bootstrap_with_ties() -> None:
    rng = stream(0, "a test")
    x = rng.integers(0, 12, 40).astype(float)
    y = np.round(x + 4 * rng.normal(size=40))
    found = correlations(x, y, seed=3, repeats=100)
    for interval, statistic in ((found.spearman, spearman), (found.kendall, kendall)):
        plain = bootstrap(statistic, x, y, seed=3, repeats=100)
        assert interval.value == plain.value
        assert interval.low == pytest.approx(plain.low, abs=1e-12)
        assert interval.high == pytest.approx(plain.high, abs=1e-12)


def test_only_the_order_counts() -> None:
    x = stream(1, "a test").normal(size=30)
    y = x + stream(2, "a test").normal(size=30)
    assert correlations(x, y, seed=0, repeats=50) == correlations(
        np.exp(x), 1e-3 * y + 10, seed=0, repeats=50
    )


def test_a_constant_has_no_interval() -> None:
    found = correlations([1.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0], seed=0, repeats=20)
    assert all(math.isnan(v) for v in (found.spearman.value, found.kendall.low))


def test_nan_is_refused() -> None:
    with pytest.raises(UsageError):
        correlations([1.0, math.nan, 2.0], [1.0, 2.0, 3.0], seed=0)
