"""Ensembles: the rule of each, members that exist, and scores that do not move."""

from __future__ import annotations

import math

import pytest

from netwright.errors import UsageError
from netwright.proxies.ensembles import ENSEMBLES, Ensemble
from netwright.proxies.listing import ALL

PAIR = {"a": 1.0, "b": 10.0}, {"a": 2.0, "b": 5.0}, {"a": 3.0, "b": None}


def test_members_exist_and_point_the_way_they_say() -> None:
    known = {p.name: p for p in ALL}
    for ensemble in ENSEMBLES:
        lower = {m for m in ensemble.members if not known[m].higher_is_better}
        assert lower == ensemble.lower and ensemble.name not in known


def test_log_rank_by_hand() -> None:
    both = Ensemble(name="x", members=("a", "b"), rule="log_rank", summary="")
    reference = both.reference(PAIR)
    assert both.score(PAIR[0], reference) == pytest.approx(math.log(1 / 3) + math.log(3 / 3))
    assert both.score(PAIR[1], reference) == pytest.approx(math.log(2 / 3) + math.log(2 / 3))


def test_rank_mean_by_hand_with_one_that_is_better_low() -> None:
    both = Ensemble(
        name="x", members=("a", "b"), rule="rank_mean", lower=frozenset({"b"}), summary=""
    )
    reference = both.reference(PAIR)
    assert both.score(PAIR[1], reference) == pytest.approx((2 / 3 + 3 / 3) / 2)


def test_a_missing_member_is_refused() -> None:
    both = Ensemble(name="x", members=("a", "b"), rule="log_rank", summary="")
    with pytest.raises(UsageError):
        both.score({"a": 1.0}, both.reference(PAIR))
