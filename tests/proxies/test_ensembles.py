"""Ensembles: the rule of each, weights by agreement, members that exist, scores that stay."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from netwright.errors import UsageError
from netwright.proxies.ensembles import ENSEMBLES, Ensemble, Panel
from netwright.proxies.listing import ALL
from netwright.rng import stream

SAMPLE = {"a": 1.0, "b": 10.0}, {"a": 2.0, "b": 5.0}, {"a": 3.0, "b": None}


def test_members_exist_and_point_the_way_they_say() -> None:
    known = {p.name: p for p in ALL}
    for ensemble in ENSEMBLES:
        lower = {m for m in ensemble.members if not known[m].higher_is_better}
        assert lower == ensemble.lower and ensemble.name not in known


def test_log_rank_by_hand() -> None:
    both = Ensemble(name="x", members=("a", "b"), rule="log_rank", summary="")
    panel = Panel.of(both, SAMPLE)
    assert panel.score(SAMPLE[0]) == pytest.approx((math.log(1 / 3) + math.log(3 / 3)) / 2)
    assert panel.score(SAMPLE[1]) == pytest.approx((math.log(2 / 3) + math.log(2 / 3)) / 2)
    assert panel.score({"a": 9.0, "b": 99.0}) == 0


def test_rank_mean_by_hand_with_one_that_is_better_low() -> None:
    both = Ensemble(
        name="x", members=("a", "b"), rule="rank_mean", lower=frozenset({"b"}), summary=""
    )
    assert Panel.of(both, SAMPLE).score(SAMPLE[1]) == pytest.approx((2 / 3 + 3 / 3) / 2)


def test_weights_are_the_leading_eigenvector_by_power_iteration() -> None:
    truth = stream(0, "truth").normal(size=200)
    noise = stream(0, "noise").normal(size=(4, 200))
    columns = [truth + 0.3 * noise[0], truth + noise[1], noise[2], -truth + noise[3]]
    sample = [
        dict(zip("abcd", map(float, row), strict=True)) for row in zip(*columns, strict=True)
    ]
    panel = Panel.of(
        Ensemble(name="x", members=tuple("abcd"), rule="log_rank", summary="", agreeing=True),
        sample,
    )
    matrix = np.corrcoef([np.argsort(np.argsort(c)) for c in columns])
    vector = np.ones(4) + 0.1 * np.arange(4)[::-1]
    for _ in range(2000):
        vector = matrix @ vector
        vector /= np.linalg.norm(vector)
    expected = np.clip(vector * np.sign(vector.sum()), 0, None)
    assert panel.weights == pytest.approx(expected / expected.sum(), abs=1e-9)
    a, b, c, d = panel.weights
    assert a > b > c and c < 0.2 and d == 0 and a + b + c == pytest.approx(1)


def test_members_that_say_nothing_leave_equal_weights() -> None:
    both = Ensemble(name="x", members=("a", "b"), rule="log_rank", summary="", agreeing=True)
    panel = Panel.of(both, [{"a": None, "b": None}] * 3)
    assert sum(panel.weights) == pytest.approx(1) and min(panel.weights) >= 0
    assert math.isfinite(panel.score({"a": 1.0, "b": None}))


def test_a_panel_comes_back_from_json() -> None:
    consensus = ENSEMBLES[0]
    sample = [dict.fromkeys(consensus.members, float(i)) for i in range(5)]
    panel = Panel.of(consensus, sample)
    again = Panel.from_json(json.loads(json.dumps(panel.to_json())))
    assert again == panel and again.score(sample[2]) == panel.score(sample[2])


def test_a_missing_member_is_refused() -> None:
    both = Ensemble(name="x", members=("a", "b"), rule="log_rank", summary="")
    with pytest.raises(UsageError, match="'b'"):
        Panel.of(both, SAMPLE).score({"a": 1.0})
