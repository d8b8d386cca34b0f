"""The Gaussian process against scikit-learn's, and its gradient against differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel

from netwright.predict.gaussian import LEAN, Process, _loss, _squared, prior, prior_covariance
from netwright.rng import stream

ROWS = stream(0, "rows").normal(size=(12, 3))
NEW = stream(0, "new").normal(size=(5, 3))
VALUES = ROWS[:, 0] + 0.3 * np.sin(3 * ROWS[:, 1])
SETTINGS = np.log([0.6, 0.5, 1.2, 0.2])


def test_predictions_are_those_of_scikit_learn() -> None:
    linear, smooth, length, noise = np.exp(SETTINGS)
    root = math.sqrt(3)  # ours are per column
    kernel = (
        ConstantKernel(10 - 1e-12)
        + ConstantKernel(linear**2 / 3) * DotProduct(sigma_0=1e-6)
        + ConstantKernel(smooth**2) * Matern(length * root, nu=2.5)
        + WhiteKernel(noise**2 + 1e-6)
    )
    lean = LEAN["size"] * ROWS.mean(axis=1)
    oracle = GaussianProcessRegressor(kernel, optimizer=None, alpha=0.0).fit(ROWS, VALUES - lean)
    ours = Process.at([("size", ROWS)], VALUES, SETTINGS)
    mean, doubt = ours.predict([("size", NEW)])
    expected, covariance = oracle.predict(NEW, return_cov=True)
    expected += LEAN["size"] * NEW.mean(axis=1)
    assert mean == pytest.approx(expected, abs=1e-6)
    joint = covariance - (noise**2 + 1e-6) * np.eye(5)
    assert ours.covariance([("size", NEW)]) == pytest.approx(joint, abs=1e-6)
    assert doubt == pytest.approx(np.sqrt(np.diag(joint)), abs=1e-6)
    assert ours.mean([("size", NEW)]) == pytest.approx(mean)


def test_the_gradient_is_that_of_differences() -> None:
    groups = [("size", ROWS), ("form", ROWS[:, :1])]
    parts = [_squared(rows, rows) for _, rows in groups]
    centre = prior(groups)
    at = centre + 0.3
    _, gradient = _loss(at, parts, VALUES, centre)
    for i in range(len(at)):
        step = np.eye(len(at))[i] * 1e-5
        ends = [_loss(at + s, parts, VALUES, centre)[0] for s in (step, -step)]
        assert gradient[i] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-6)


def test_fitting_finds_more_likely_settings_than_the_prior_and_what_matters() -> None:
    rows = stream(0, "wide").normal(size=(60, 2))
    values = rows[:, 0] / rows[:, 0].std()
    groups = [("size", rows[:, :1]), ("form", rows[:, 1:])]
    found = Process.fit(groups, values)
    assert found.settings[0] > found.settings[3]  # the group that explains, over the other
    assert found.noise < 0.1
    noisy = Process.fit(groups, values + stream(0, "noise").normal(size=60))
    assert noisy.noise > 0.5


def test_duplicates_and_constants_do_no_harm() -> None:
    rows = np.repeat(ROWS[:3], 4, axis=0)
    found = Process.fit([("size", rows)], np.zeros(12))
    mean, doubt = found.predict([("size", rows)])
    assert mean == pytest.approx(np.zeros(12), abs=0.05) and np.isfinite(doubt).all()


def test_the_width_is_that_of_values_left_out() -> None:
    whole = Process.at([("size", ROWS)], VALUES, SETTINGS)
    surprise = 0.0
    for i in range(12):
        rest = np.arange(12) != i
        part = Process.at([("size", ROWS[rest])], VALUES[rest], SETTINGS)
        mean, doubt = part.predict([("size", ROWS[~rest])])
        surprise += float((VALUES[i] - mean[0]) ** 2 / (doubt[0] ** 2 + part.noise**2))
    assert whole.width == pytest.approx(math.sqrt((surprise + 4) / 16), rel=1e-3)


def test_the_first_values_may_settle_what_matters() -> None:
    groups, part = [("size", ROWS)], [("size", ROWS[:8])]
    some = Process.fit(groups, VALUES, settled=8)
    assert some.settings == pytest.approx(Process.fit(part, VALUES[:8]).settings)
    assert some.weights.shape == (12,)


def test_larger_is_expected_to_be_better_until_values_say_otherwise() -> None:
    few = Process.at([("size", ROWS)], np.zeros(12), SETTINGS - 9)  # nothing can be learned
    high, low = few.mean([("size", np.full((1, 3), 2.0))]), few.mean([("size", -np.ones((1, 3)))])
    assert high[0] - low[0] == pytest.approx(3 * LEAN["size"], rel=0.05)
    shrinking = -ROWS.mean(axis=1) / ROWS.mean(axis=1).std()
    seen = Process.fit([("size", ROWS)], shrinking).mean([("size", np.vstack([ROWS, 0 * NEW]))])
    assert np.corrcoef(seen[:12], shrinking)[0, 1] > 0.95


def test_the_covariance_a_priori_is_that_of_the_medians() -> None:
    groups = [("size", ROWS), ("form", ROWS[:, :2])]
    covariance, noise = prior_covariance(groups)
    process = Process.at([(n, r[:1]) for n, r in groups], np.zeros(1), prior(groups))
    assert noise == pytest.approx(process.noise**2)
    assert (np.linalg.eigvalsh(covariance) > -1e-9).all()
    assert covariance[2, 5] < covariance[2, 2]
