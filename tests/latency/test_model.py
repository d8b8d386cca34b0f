"""The process over counts: exact on what is linear in logarithms, and honest about its errors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from netwright.latency.model import MOST, PartModel
from netwright.rng import stream

Floats = npt.NDArray[np.float64]


def _counts(n: int, name: str) -> Floats:
    return np.exp(stream(0, name).uniform(2, 14, (n, 4)))


def _truth(counts: Floats) -> Floats:
    work: Floats = counts @ np.array([1e-4, 3e-4, 1e-5, 0.0]) + 0.5
    return work


def test_held_out_parts_are_predicted_within_the_deviation_it_claims() -> None:
    seen, new = _counts(300, "seen"), _counts(100, "new")
    noise = np.exp(0.03 * stream(0, "noise").normal(size=300))
    model = PartModel.fit(seen, _truth(seen) * noise)
    logs, deviations = model.predict(new)
    errors = np.log(_truth(new)) - logs
    assert np.std(errors) < 0.15
    assert np.mean(np.abs(errors) <= 2 * deviations) > 0.85


def test_a_power_law_is_extrapolated() -> None:
    seen = _counts(60, "seen")
    model = PartModel.fit(seen, np.prod((1 + seen) ** [0.5, 0.2, 0.1, 0.1], axis=1))
    far = np.full((1, 4), np.exp(16.0))
    [log], _ = model.predict(far)
    assert log == pytest.approx(0.9 * 16, rel=0.06)


def test_a_column_that_never_changes_is_left_out() -> None:
    seen = _counts(40, "seen")
    seen[:, 2] = 7.0
    model = PartModel.fit(seen, _truth(seen))
    assert model.rows.shape == (40, 3)
    assert np.isfinite(model.predict(seen)[0]).all()


def test_no_more_rows_than_can_be_afforded() -> None:
    seen = _counts(MOST + 50, "seen")
    first = PartModel.fit(_counts(50, "few"), _truth(_counts(50, "few")))
    model = PartModel.fit(seen, _truth(seen), like=first)
    assert len(model.rows) == MOST and (model.length, model.noise) == (first.length, first.noise)


def test_noise_is_found_among_the_data() -> None:
    seen = _counts(200, "seen")
    exact = PartModel.fit(seen, _truth(seen))
    loud = PartModel.fit(seen, _truth(seen) * np.exp(0.3 * stream(1, "n").normal(size=200)))
    assert exact.noise < loud.noise
