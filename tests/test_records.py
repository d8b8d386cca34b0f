"""Budgets, objectives, outcomes and trials: what they hold, refuse and survive."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.arch.cost import Cost
from netwright.errors import UsageError
from netwright.records import Budget, Factor, Objective, Outcome, Trial, print_cost

COST = Cost(params=1_000_000, macs=20_000_000, peak_activation_bytes=4_000_000)
LIMITS = st.none() | st.integers(1, 10**9) | st.floats(1, 1e9)
COUNTS = st.integers(1, 10**9)
ODD: Any = "minimise"


@given(LIMITS, LIMITS, LIMITS, COUNTS, COUNTS, COUNTS)
def test_excess_and_violations_agree(
    macs: float | None, params: float | None, peak: float | None, a: int, b: int, c: int
) -> None:
    budget = Budget(macs=macs, params=params, peak_activation_bytes=peak)
    it = Cost(macs=a, params=b, peak_activation_bytes=c)
    pairs = [(v, limit) for v, limit in ((a, macs), (b, params), (c, peak)) if limit is not None]
    broken = [v > limit for v, limit in pairs]
    assert len(budget.violations(it)) == sum(broken)
    assert (budget.excess(it) > 1) == any(broken)
    assert budget.excess(it) == pytest.approx(max((v / limit for v, limit in pairs), default=0))


def test_budgets_read_well() -> None:
    budget = Budget(macs=10e6, peak_activation_bytes=4e6)
    assert str(budget) == "macs ≤ 10.0M, peak_activation_bytes ≤ 4.00MB"
    assert budget.violations(COST) == ("macs 20.0M > 10.0M",)
    assert Budget(macs=19_999_999).violations(COST) == ("macs 20,000,000 > 19,999,999",)
    assert Budget().violations(COST) == () and str(Budget()) == "no limit"
    assert print_cost("peak_activation_bytes", 512) == "512B"


@pytest.mark.parametrize("limit", [0, -1, math.nan, math.inf])
def test_budgets_that_make_no_sense(limit: float) -> None:
    with pytest.raises(UsageError, match="give a number > 0"):
        Budget(params=limit)


def test_rewards_of_the_mnasnet_paper() -> None:
    """Accuracy .5 at 160 and 40 ms with a target of 80 ms (its Eq. 2 and 3)."""
    soft, hard = Factor(cost="ms", target=80), Factor(cost="ms", target=80, below=0, above=-1)
    for factor, at_160, at_40 in ((soft, 0.4763, 0.5249), (hard, 0.25, 0.5)):
        objective = Objective(metric="accuracy", factors=(factor,))
        for ms, expected in ((160, at_160), (40, at_40)):
            value = objective({"accuracy": 0.5, "ms": ms}, COST)
            assert value == pytest.approx(expected, abs=1e-4)


def test_the_reward_of_efficientnetv2_multiplies_two_costs() -> None:
    """Accuracy × step time^-0.07 × parameters^-0.05, relative to targets."""
    time, size = (
        Factor(cost="step_ms", target=50),
        Factor(cost="params", target=2 * COST.params, below=-0.05, above=-0.05),
    )
    objective = Objective(metric="accuracy", factors=(time, size))
    value = objective({"accuracy": 0.8, "step_ms": 100}, COST)
    assert value == pytest.approx(0.8 * 2**-0.07 * 2**0.05)


def test_objectives_read_costs_and_metrics() -> None:
    by_macs = Objective(metric="a", factors=(Factor(cost="macs", target=10e6, above=-1),))
    assert by_macs({"a": 0.8}, COST) == pytest.approx(0.4)
    assert by_macs({"a": 0.8, "macs": 1.0}, COST) == pytest.approx(0.4)  # the exact count wins
    assert Objective(metric="loss", direction="min")({"loss": 2.0}, COST) == -2


@pytest.mark.parametrize(("make", "words"), [
    (lambda: Objective(metric="test_accuracy"), "validation metric"),
    (lambda: Objective(metric="a", direction=ODD), "'max' or 'min'"),
    (lambda: Objective(metric="a", direction="min", factors=(Factor(cost="macs", target=1),)),
     "minimised"),
    (lambda: Factor(cost="macs", target=0), "above 0"),
    (lambda: Factor(cost="macs", target=math.nan), "above 0"),
    (lambda: Objective(metric="a")({"b": 1.0}, COST), "gave b, not 'a'"),
    (lambda: Objective(metric="a")({}, COST), "gave nothing, not 'a'"),
    (lambda: Objective(metric="a", factors=(Factor(cost="ms", target=1),))({"a": 1.0}, COST),
     "gave a, not 'ms'"),
    (lambda: Objective(metric="a", factors=(Factor(cost="macs", target=1),))({"a": 0.0}, COST),
     "metric above 0"),
    (lambda: Factor(cost="ms", target=1)(0.0), "only be weighed when above 0"),
    (lambda: Factor(cost="ms", target=1)(math.nan), "only be weighed when above 0"),
])  # fmt: skip
def test_what_objectives_refuse(make: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make()


def test_nan_is_a_failure_never_a_metric() -> None:
    with pytest.raises(ValueError, match="Metric loss is nan"):
        Outcome(status="ok", metrics={"loss": math.nan})
    failed = Outcome.of({"loss": math.inf, "a": 1.0}, seconds=2.0, device="cpu")
    assert failed.status == "failed" and failed.reason == "loss became inf"
    assert failed.metrics == {"a": 1.0} and failed.seconds == 2.0
    assert Outcome.of({"a": 1.0}, seconds=2.0, device="cpu").status == "ok"


def test_outcomes_need_a_reason_and_a_status() -> None:
    with pytest.raises(ValueError, match="A failed outcome needs a reason"):
        Outcome(status="failed")
    with pytest.raises(ValueError, match="No status is called 'fine'"):
        Outcome(status="fine")  # type: ignore[arg-type]


def test_outcomes_keep_plain_numbers_of_their_own() -> None:
    mine: dict[str, Any] = {"a": np.float32(0.5), "n": np.int64(3)}
    outcome = Outcome(status="ok", metrics=mine)
    mine["a"] = 9
    assert json.dumps(outcome.metrics) == '{"a": 0.5, "n": 3.0}'


METRICS = st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False))


@given(st.lists(st.integers(0, 50)), METRICS, COUNTS, st.none() | st.integers(0, 9), st.text())
def test_trials_survive_json_exactly(
    tokens: list[int], metrics: dict[str, float], n: int, twin: int | None, reason: str
) -> None:
    trial = Trial(
        number=n,
        tokens=tuple(tokens),
        arch_id="0f",
        cost=Cost(params=n, macs=n + 1, peak_activation_bytes=n + 2),
        outcome=Outcome(
            status="failed" if reason else "ok", metrics=metrics, reason=reason, seconds=n / 7
        ),
        duplicate_of=twin,
    )
    again = Trial.from_dict(json.loads(json.dumps(trial.to_dict())))
    assert again == trial and again.ok == (not reason)


def test_a_latency_budget_reads_the_predicted_latency() -> None:
    slow = Cost(params=1, macs=1, peak_activation_bytes=1, latency_ms=5.5)
    budget = Budget(latency_ms=5.0)
    assert budget.limits() == {"latency_ms": 5.0} and str(budget) == "latency_ms ≤ 5ms"
    assert budget.violations(slow) == ("latency_ms 5.5ms > 5ms",)
    assert budget.violations(Cost(params=1, macs=1, peak_activation_bytes=1, latency_ms=4.9)) == ()
    with pytest.raises(UsageError, match="needs a predictor"):
        budget.violations(Cost(params=1, macs=1, peak_activation_bytes=1))


def test_a_reward_weighs_the_predicted_latency() -> None:
    soft = Objective(metric="val_accuracy", factors=(Factor(cost="latency_ms", target=80.0),))
    cost = Cost(params=1, macs=1, peak_activation_bytes=1, latency_ms=160.0)
    assert soft({"val_accuracy": 0.5}, cost) == pytest.approx(0.5 * 2**-0.07)  # MnasNet, Fig. 3


def test_a_trial_with_a_latency_survives_json() -> None:
    cost = Cost(params=1, macs=1, peak_activation_bytes=1, latency_ms=2.5)
    trial = Trial(
        number=0, tokens=(1,), arch_id="a", cost=cost, outcome=Outcome(status="ok")
    )  # fmt: skip
    assert Trial.from_dict(trial.to_dict()) == trial
    assert (
        "latency_ms" not in replace(trial, cost=replace(cost, latency_ms=None)).to_dict()["cost"]
    )
