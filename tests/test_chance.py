"""Rows of correlations agree with one at a time; luck among many scores is as likely as said."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from netwright.chance import chance, kendall_rows, resampled, spearman_rows
from netwright.rng import stream
from netwright.stats import bootstrap, kendall, spearman


def drawn(*shape: int, name: str) -> np.ndarray:
    return stream(0, "chance", name).integers(0, 7, size=shape).astype(np.float64)


def test_rows_agree_with_one_pair_at_a_time() -> None:
    table, y = drawn(20, 9, name="table"), drawn(9, name="y")
    table[0], table[1, 3] = 4.0, -math.inf
    for rows, single in ((spearman_rows, spearman), (kendall_rows, kendall)):
        found = rows(table, y)
        assert math.isnan(found[0])
        assert found[1:] == pytest.approx([single(row, y) for row in table[1:]], abs=1e-12)


def test_what_is_within_the_tie_is_neither_for_nor_against() -> None:
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 0.3, 2.0, 1.0])
    # Of six pairs, 1-2 is a tie; 3-4 is against, the four others are for.
    assert kendall_rows(x, y, tie=0.5) == pytest.approx((4 - 1) / math.sqrt(6 * 5))
    assert kendall_rows(x, y, tie=9.0) == pytest.approx(math.nan, nan_ok=True)
    lost = np.array([-math.inf, -math.inf, 2.0, 2.1])
    assert kendall_rows(x, lost, tie=0.5) == pytest.approx(4 / math.sqrt(6 * 4))


def test_resamples_are_those_of_the_bootstrap() -> None:
    table, y = drawn(3, 12, name="table"), drawn(12, name="y")
    draws = resampled(spearman_rows, table, y, seed=4, repeats=300)
    for row, scores in zip(draws, table, strict=True):
        known = bootstrap(spearman, scores, y, seed=4, repeats=300)
        low, high = np.quantile(row[np.isfinite(row)], [0.025, 0.975])
        assert (low, high) == pytest.approx((known.low, known.high), abs=1e-9)


def test_one_score_has_the_p_value_of_a_permutation_test() -> None:
    x = np.arange(8.0)
    y = np.array([1.0, 0, 3, 2, 4, 7, 6, 5])
    p, by_luck = chance(x[None], y, seed=0, repeats=20_000)
    exact = scipy.stats.permutation_test(
        (y,), lambda v: scipy.stats.spearmanr(x, v).statistic, permutation_type="pairings",
        alternative="greater", n_resamples=1000, rng=np.random.Generator(np.random.Philox(1)),
    )  # fmt: skip
    assert p[0] == pytest.approx(exact.pvalue, abs=0.01)
    assert by_luck == pytest.approx(0.64, abs=0.04)  # the tables of Spearman's test, n = 8


def test_many_worthless_scores_are_not_called_good() -> None:
    """Of 40 made-up tables of 30 scores about two may have one below .05; singly, most do."""
    rng = stream(0, "worthless")
    adjusted = single = 0
    for seed in range(40):
        table, y = rng.normal(size=(30, 12)), rng.normal(size=12)
        adjusted += bool((chance(table, y, seed=seed, repeats=499)[0] <= 0.05).any())
        alone = [chance(row[None], y, seed=seed, repeats=99)[0][0] for row in table[:20]]
        single += min(alone) <= 0.05
    assert adjusted <= 6 and single >= 24


def test_constants_have_no_p_value() -> None:
    table = np.stack([np.ones(6), np.arange(6.0)])
    p, by_luck = chance(table, np.arange(6.0), seed=0, repeats=99)
    assert math.isnan(p[0]) and p[1] <= 0.05 and by_luck < 1
    for y in (np.ones(6), np.arange(6.0)):
        p, by_luck = chance(np.ones((2, 6)), y, seed=0, repeats=99)
        assert np.isnan(p).all() and math.isnan(by_luck)
