"""Rankings: signs, failures, subsamples, controls held fixed, others' scores."""

from __future__ import annotations

import math

import pytest

from netwright.correlation.ranking import Measured, rank_networks
from netwright.stats import partial_spearman, spearman

ACCURACY = [1.0, 2.0, 3.0, 4.0, math.nan, 6.0]


def measured(name: str, *values: float | None, **more: object) -> Measured:
    return Measured(name=name, values=values, seconds=[0.002] * len(values), **more)  # type: ignore[arg-type]


PARAMS = measured("params", 2, 1, 3, 5, 4, 6, control=True)
MACS = measured("macs", 1, 3, 2, 6, 5, 4, control=True)


def rank(*more: Measured, benchmark: str = "none") -> dict[str, object]:
    found = rank_networks(
        [PARAMS, MACS, *more], {"top1": ACCURACY}, benchmark=benchmark, seed=0, repeats=50
    )
    return {r.proxy: r for r in found}


def test_positive_agrees_whichever_way_a_proxy_points() -> None:
    down = measured("x", 6, 5, 4, 3, 2, 1, lower_is_better=True)
    row = rank(down)["x"]
    assert row.spearman.value == 1.0 and row.kendall.value == 1.0  # type: ignore[attr-defined]
    assert row.networks == 5  # type: ignore[attr-defined]
    assert row.milliseconds == pytest.approx(2.0)  # type: ignore[attr-defined]


def test_failed_and_untried_networks_are_left_out_and_told_apart() -> None:
    values, seconds = [1.0, None, 3.0, None, 5.0, 6.0], [0.1, 0.1, 0.1, None, 0.1, 0.1]
    row = rank(Measured(name="x", values=values, seconds=seconds))["x"]
    assert (row.networks, row.failed) == (3, 1)  # type: ignore[attr-defined]


def test_partial_holds_params_and_macs() -> None:
    x = [3.0, 1, 2, 9, 0, 4]
    kept = [0, 1, 2, 3, 5]
    columns = [[float(m.values[i] or 0) for i in kept] for m in (PARAMS, MACS)]
    expected = partial_spearman(
        [x[i] for i in kept], [ACCURACY[i] for i in kept], controls=columns
    )
    rows = rank(measured("x", *x))
    assert rows["x"].partial == expected  # type: ignore[attr-defined]
    assert math.isnan(rows["params"].partial)  # type: ignore[attr-defined]


def test_others_scores_of_the_same_networks() -> None:
    theirs = [1.0, 3.0, 2.0, None, 5.0, 6.0]
    x = [2.0, 1.0, 3.0, 4.0, 5.0, 6.0]
    row = rank(measured("x", *x, precomputed=theirs))["x"]
    assert row.precomputed == spearman([1, 3, 2, 6], [1, 2, 3, 6])  # type: ignore[attr-defined]
    assert row.agreement == spearman([2, 1, 3, 6], [1, 3, 2, 6])  # type: ignore[attr-defined]
    few = rank(measured("x", *x, precomputed=[1.0, None, None, None, None, 2.0]))["x"]
    assert math.isnan(few.agreement)  # type: ignore[attr-defined]


def test_published_figures_stand_beside() -> None:
    found = rank_networks(
        [PARAMS, MACS], {"in1k_val_top1": ACCURACY}, benchmark="accel", seed=0, repeats=20
    )
    assert found[0].published is not None and found[0].published.value == 0.80


def test_what_was_scored_too_rarely_is_not_shown() -> None:
    assert "x" not in rank(measured("x", 1, None, None, None, None, 2))
