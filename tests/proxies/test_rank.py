"""Ranks within a fixed sample: AZ-NAS's figures on the sample itself, and they never move."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from netwright.errors import UsageError
from netwright.proxies.rank import Reference, log_rank, rank_mean

SAMPLE: list[dict[str, float | None]] = [
    {"a": 1.0, "cond": 50.0},
    {"a": 2.0, "cond": 20.0},
    {"a": 3.0, "cond": 10.0},
    {"a": 4.0, "cond": None},
]


@pytest.fixture
def reference() -> Reference:
    return Reference.of(SAMPLE, proxies=["a", "cond"], lower=["cond"])


def test_on_the_sample_it_is_the_published_log_rank(reference: Reference) -> None:
    ranks = [(1, 2), (2, 3), (3, 4), (4, 0.5)]  # a failed score ranks below all others
    for scores, (a, cond) in zip(SAMPLE, ranks, strict=True):
        assert log_rank(scores, reference) == pytest.approx(math.log(a / 4) + math.log(cond / 4))
        assert rank_mean(scores, reference) == pytest.approx((a + cond) / 8)


def test_best_of_all_is_zero_and_any_other_below(reference: Reference) -> None:
    assert log_rank({"a": 9.0, "cond": 1.0}, reference) == 0
    assert rank_mean({"a": 9.0, "cond": 1.0}, reference) == 1
    assert log_rank({"a": 9.0, "cond": 15.0}, reference) < 0


def test_worst_of_all_is_finite_and_below_the_worst_of_the_sample(reference: Reference) -> None:
    worst = log_rank({"a": 0.0, "cond": 10.0}, reference)
    assert worst == pytest.approx(math.log(0.5 / 4)) and worst < log_rank(
        {"a": 1.0, "cond": 10.0}, reference
    )


def test_json_round_trip_and_no_torch(reference: Reference) -> None:
    back = Reference.from_json(json.loads(json.dumps(reference.to_json())))
    assert back == reference
    code = "import sys, netwright.proxies.rank; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_it_refuses(reference: Reference) -> None:
    with pytest.raises(UsageError, match="must be finite"):
        Reference.of([{"a": math.nan}], proxies=["a"])
    with pytest.raises(UsageError, match="Network 1 of the sample"):
        Reference.of([{"a": 1.0}, {}], proxies=["a"])
    with pytest.raises(UsageError, match="at least one"):
        Reference.of([], proxies=["a"])
    with pytest.raises(UsageError, match="pass None"):
        log_rank({"a": 1.0}, reference)
    with pytest.raises(UsageError, match="pass None"):
        reference.rank("a", math.inf)
    with pytest.raises(UsageError, match="no proxy 'b'"):
        reference.rank("b", 1.0)
