"""The Gaussian process against scikit-learn's, and its gradient against differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel

from netwright.predict.gaussian import Process, _loss, _priors, _squared
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
    oracle = GaussianProcessRegressor(kernel, optimizer=None, alpha=0.0).fit(ROWS, VALUES)
    ours = Process.at([("size", ROWS)], VALUES, SETTINGS)
    mean, doubt = ours.predict([("size", NEW)])
    expected, covariance = oracle.predict(NEW, return_cov=True)
    assert mean == pytest.approx(expected, abs=1e-6)
    joint = covariance - (noise**2 + 1e-6) * np.eye(5)
    assert ours.covariance([("size", NEW)]) == pytest.approx(joint, abs=1e-6)
    assert doubt == pytest.approx(np.sqrt(np.diag(joint)), abs=1e-6)
    assert ours.mean([("size", NEW)]) == pytest.approx(mean)


def test_the_gradient_is_that_of_differences() -> None:
    groups = [("size", ROWS), ("form", ROWS[:, :1])]
    parts = [_squared(rows, rows) for _, rows in groups]
    centre, spread = _priors(groups)
    at = centre + 0.3
    _, gradient = _loss(at, parts, VALUES, centre, spread)
    for i in range(len(at)):
        step = np.eye(len(at))[i] * 1e-5
        ends = [_loss(at + s, parts, VALUES, centre, spread)[0] for s in (step, -step)]
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
    assert mean == pytest.approx(np.zeros(12), abs=1e-6) and np.isfinite(doubt).all()
