"""Statistics: against scipy, and against regression for the partial correlation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.errors import UsageError
from netwright.rng import stream
from netwright.stats import (
    bootstrap,
    kendall,
    mean_band,
    partial_spearman,
    ranks,
    signed_rank,
    spearman,
    wilson,
)

pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=20)


def related(n: int, seed: int = 0) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    rng = stream(seed, "test")
    x = rng.normal(size=n)
    return x, x + rng.normal(size=n)


@settings(max_examples=100, deadline=None)
@given(pairs)
def test_ranks_and_correlations_agree_with_scipy(rows: list[tuple[int, int]]) -> None:
    x, y = np.array(rows, dtype=float).T
    np.testing.assert_array_equal(ranks(x), scipy.stats.rankdata(x))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert math.isnan(spearman(x, y)) and math.isnan(kendall(x, y))
        return
    assert spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
    assert kendall(x, y) == pytest.approx(scipy.stats.kendalltau(x, y).statistic, abs=1e-12)


def test_infinity_is_a_rank_and_nan_is_refused() -> None:
    assert spearman([1, 2, math.inf], [1, 2, 3]) == pytest.approx(1)
    assert kendall([1, math.inf, math.inf], [1, 2, 3]) == pytest.approx(
        scipy.stats.kendalltau([1, 9, 9], [1, 2, 3]).statistic
    )
    with pytest.raises(UsageError, match="NaN"):
        spearman([1, math.nan], [1, 2])
    with pytest.raises(UsageError, match="2 and 3"):
        spearman([1, 2], [1, 2, 3])
    with pytest.raises(UsageError, match="empty"):
        kendall([], [])


def test_partial_spearman_is_the_textbook_formula_for_one_control() -> None:
    x, y = related(60)
    z = x + stream(1, "control").normal(size=60)
    xy, xz, yz = spearman(x, y), spearman(x, z), spearman(y, z)
    expected = (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial_spearman(x, y, controls=[z]) == pytest.approx(expected, abs=1e-12)
    assert partial_spearman(x, y, controls=[]) == pytest.approx(xy, abs=1e-12)


def test_partial_spearman_has_no_value_where_the_control_says_all() -> None:
    x, y = related(30)
    assert math.isnan(partial_spearman(x, y, controls=[np.exp(x)]))


def test_partial_spearman_of_two_controls_inverts_the_correlation_matrix() -> None:
    x, y = related(80)
    rng = stream(2, "controls")
    a, b = x + rng.normal(size=80), y + rng.normal(size=80)
    matrix = np.linalg.inv(scipy.stats.spearmanr(np.column_stack([x, y, a, b])).statistic)
    expected = -matrix[0, 1] / math.sqrt(matrix[0, 0] * matrix[1, 1])
    assert partial_spearman(x, y, controls=[a, b]) == pytest.approx(expected, abs=1e-10)


def test_bootstrap_is_seeded_and_close_to_scipy() -> None:
    x, y = related(50)
    ours = bootstrap(spearman, x, y, seed=0, repeats=800)
    assert ours == bootstrap(spearman, x, y, seed=0, repeats=800)
    assert ours != bootstrap(spearman, x, y, seed=1, repeats=800)
    assert ours.value == spearman(x, y)
    theirs = scipy.stats.bootstrap(
        (x, y),
        spearman,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=800,
        rng=stream(0, "scipy"),
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.05)


def test_bootstrap_leaves_resamples_without_a_value_out() -> None:
    interval = bootstrap(spearman, [1, 2, 3], [1, 2, 3], seed=0)
    assert (interval.low, interval.high) == pytest.approx((1, 1))
    constant = bootstrap(spearman, [1, 1, 1], [1, 2, 3], seed=0, repeats=20)
    assert math.isnan(constant.value) and math.isnan(constant.low)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (10, 10), (870, 1000)])
def test_wilson_agrees_with_scipy(hits: int, n: int) -> None:
    theirs = scipy.stats.binomtest(hits, n).proportion_ci(0.9, method="wilson")
    ours = wilson(hits, n, level=0.9)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert ours.value == hits / n
    assert str(wilson(5, 10)) == "0.50 (0.24 to 0.76)"


def test_wilson_and_bootstrap_refuse_nonsense() -> None:
    with pytest.raises(UsageError, match="no share"):
        wilson(3, 2)
    with pytest.raises(UsageError, match="between 0 and 1"):
        wilson(1, 2, level=95)
    with pytest.raises(UsageError, match="at least one"):
        bootstrap(spearman, [1, 2], [1, 2], seed=0, repeats=0)


def test_signed_rank_agrees_with_scipy_without_ties() -> None:
    x, y = stream(0, "pairs").normal(size=(2, 30))
    for shift in (-0.5, 0.0, 1.0, 5.0):
        theirs = scipy.stats.wilcoxon(x + shift, y, alternative="greater", method="exact")
        assert signed_rank(x + shift, y) == pytest.approx(theirs.pvalue, rel=1e-9)


def test_signed_rank_counts_all_signs_where_ranks_are_tied() -> None:
    x, y = [3.0, 1.0, 2.0, 5.0, 7.0, 4.0], [2.0, 2.0, 2.0, 3.0, 5.0, 1.0]
    sizes = ranks([abs(a - b) for a, b in zip(x, y, strict=True) if a != b])
    seen = sum(r for r, a, b in zip(sizes, x[:2] + x[3:], y[:2] + y[3:], strict=True) if a > b)
    sums = [
        sum(r for r, up in zip(sizes, signs, strict=True) if up)
        for signs in itertools.product((0, 1), repeat=len(sizes))
    ]
    assert signed_rank(x, y) == pytest.approx(sum(s >= seen for s in sums) / len(sums))
    assert signed_rank([1, 2], [1, 2]) == 1.0
    assert signed_rank([2.0] * 20, [1.0] * 20) == pytest.approx(2**-20)


def test_a_band_is_the_bootstrap_of_every_column() -> None:
    table = stream(0, "band").normal(size=(40, 3)) + [0.0, 5.0, 9.0]
    mean, low, high = mean_band(table, seed=0, repeats=4000)
    assert mean == pytest.approx(table.mean(axis=0))
    half = 1.96 * table.std(axis=0) / math.sqrt(40)
    assert high - mean == pytest.approx(half, rel=0.1)
    assert mean - low == pytest.approx(half, rel=0.1)
    again = mean_band(table[:, 1:2], seed=0, repeats=4000)
    assert (again[1][0], again[2][0]) == pytest.approx((low[1], high[1]))
    with pytest.raises(UsageError, match=r"\(N, M\)"):
        mean_band(table[:0], seed=0)


def test_nothing_is_left_of_a_constant() -> None:
    draw = stream(0, "constant")
    y, one, two = (draw.normal(size=59).tolist() for _ in range(3))
    assert math.isnan(partial_spearman([128.0] * 59, y, controls=[one, two]))
