"""Budgets are always held, in few decodings, and what cannot be reached is said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.arch.cost import COST_NAMES, Cost, cost
from netwright.arch.graph import Architecture
from netwright.contracts import Choice
from netwright.errors import BudgetError
from netwright.fakes import ONE, TinySpace
from netwright.records import Budget, Tokens
from netwright.rng import stream
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import enumerate_tokens, sample
from netwright.spaces.within import Within, survey

MOBILE = MobileSpace(resolution=32, classes=10)


@dataclass(frozen=True)
class Counting:
    """A space that counts how often it decodes."""

    space: Any
    rows: list[Tokens] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.space.name)

    @property
    def choices(self) -> tuple[Choice, ...]:
        return tuple(self.space.choices)

    def canonical(self, tokens: Tokens) -> Tokens:
        row: Tokens = self.space.canonical(tokens)
        return row

    def decode(self, tokens: Tokens) -> Architecture:
        self.rows.append(tokens)
        arch: Architecture = self.space.decode(tokens)
        return arch


def shuffled() -> TinySpace:
    """Options in no order."""
    return TinySpace(widths=(12, 4, 30, 6, 8, 20), depths=(2, 0, 1))


BUDGETS = [
    Budget(macs=2e6),
    Budget(params=100e3),
    Budget(peak_activation_bytes=150e3),
    Budget(macs=3e6, params=150e3, peak_activation_bytes=200e3),
    Budget(macs=30e6),
]
MADE = {str(b): Within.of(MOBILE, b) for b in BUDGETS}


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(BUDGETS), st.integers(0, 10**6))
def test_every_draw_and_every_repair_is_within(budget: Budget, seed: int) -> None:
    within = MADE[str(budget)]
    drawn = within.sample(rng=stream(seed, "a"))
    repaired = within.repair(sample(MOBILE, stream(seed, "b")), rng=stream(seed, "c"))
    for row in (drawn, repaired, within.anchor):
        assert MOBILE.canonical(row) == row and within.fits(row)
        assert budget.violations(cost(MOBILE.decode(row))) == ()
    assert within.sample(rng=stream(seed, "a")) == drawn
    assert within.repair(drawn, rng=stream(seed, "c")) == drawn


def test_repairs_take_few_decodings_and_stay_near() -> None:
    space = Counting(MOBILE)
    within = Within.of(space, Budget(macs=5e6))
    steps = sum(len(c.options) - 1 for c in MOBILE.choices)
    most = 1 + int(np.ceil(np.log2(steps)))
    for i in range(50):
        space.rows.clear()
        within.sample(rng=stream(i, "t"))
        assert len(space.rows) <= most
    macs = [cost(MOBILE.decode(within.sample(rng=stream(i, "t")))).macs for i in range(50)]
    assert np.median(macs) > 0.75 * 5e6  # the budget is used, not only held


def test_a_survey_decodes_no_candidate_twice() -> None:
    space = Counting(MOBILE)
    Within.of(space, Budget(macs=5e6, params=100e3))
    assert len(space.rows) == len(set(space.rows)) < 1500


def test_without_limits_nothing_is_decoded() -> None:
    space = Counting(MOBILE)
    within = Within.of(space, Budget())
    space.rows.clear()
    drawn = [within.sample(rng=stream(i, "t")) for i in range(5)]
    assert drawn == [sample(MOBILE, stream(i, "t")) for i in range(5)] and not space.rows
    row = (0, 0, 2, 3, 1, 1, *sample(MOBILE, stream(0, "t"))[6:])
    assert within.repair(row, rng=stream(0, "t")) == MOBILE.canonical(row) != row


@pytest.mark.parametrize("space", [TinySpace(), shuffled()])
def test_the_survey_finds_the_ends_of_small_spaces(space: TinySpace) -> None:
    costs = [cost(space.decode(row)) for row in enumerate_tokens(space)]
    found = survey(space)
    for name in COST_NAMES:
        values = [getattr(c, name) for c in costs]
        assert found.ranges[name].least == min(values)
        assert found.ranges[name].most == max(values)
        assert min(values) < found.ranges[name].median < max(values)
        assert getattr(cost(space.decode(found.cheapest[name])), name) == min(values)


def test_unordered_spaces_are_repaired_too() -> None:
    space = shuffled()
    rows = list(enumerate_tokens(space))
    params = sorted(cost(space.decode(r)).params for r in rows)
    for limit in (params[0], params[len(rows) // 10], params[len(rows) // 2]):
        within = Within.of(space, Budget(params=limit))
        for i, row in enumerate(rows):
            repaired = within.repair(row, rng=stream(i, "t"))
            assert cost(space.decode(repaired)).params <= limit


def test_a_limit_at_the_very_end_leaves_the_anchor() -> None:
    least = survey(MOBILE).ranges["macs"].least
    within = Within.of(MOBILE, Budget(macs=least))
    assert cost(MOBILE.decode(within.sample(rng=stream(0, "t")))).macs == least
    one = Within.of(ONE, Budget(macs=1e9))
    assert one.sample(rng=stream(0, "t")) == one.anchor == (0, 0, 0, 0)


@pytest.mark.parametrize(("budget", "flag"), [
    (Budget(macs=1000), "--max-macs"), (Budget(params=100), "--max-params"),
    (Budget(peak_activation_bytes=1000), "--max-memory"),
    (Budget(macs=1e9, params=7), "--max-params"),
])  # fmt: skip
def test_what_is_out_of_reach_is_said_with_the_range(budget: Budget, flag: str) -> None:
    with pytest.raises(BudgetError) as caught:
        Within.of(MOBILE, budget)
    text = str(caught.value)
    assert text.startswith("No network of the mobile space has ") and flag in text
    assert text.count("range from") == 1 and "(median) to" in text and "\n" not in text


@dataclass(frozen=True)
class Opposed:
    """Wide and shallow or narrow and deep: cheap in memory or in parameters, never in both."""

    name: str = "opposed"
    choices: tuple[Choice, ...] = (Choice("which", ("few parameters", "little memory")),)

    def canonical(self, tokens: Tokens) -> Tokens:
        return tokens

    def decode(self, tokens: Tokens) -> Architecture:
        if tokens == (0,):
            return TinySpace(resolution=64, widths=(4,), depths=(0,)).decode((0, 0, 0, 0))
        return TinySpace(resolution=8, widths=(64,), depths=(0,)).decode((0, 0, 0, 0))


def test_limits_that_only_fail_together() -> None:
    few, little = (cost(Opposed().decode((i,))) for i in (0, 1))
    assert few.params < little.params
    assert few.peak_activation_bytes > little.peak_activation_bytes
    budget = Budget(params=few.params, peak_activation_bytes=little.peak_activation_bytes)
    with pytest.raises(
        BudgetError, match=r"meets .* together, though each limit can be met alone"
    ):
        Within.of(Opposed(), budget)


def _timed(arch: Architecture) -> Cost:
    """A made-up device: what the maps hold decides, not the multiply-adds."""
    counts = cost(arch)
    return replace(counts, latency_ms=counts.peak_activation_bytes / 2e5 + 0.1 * len(arch.placed))


def test_a_predicted_latency_is_a_limit_like_any_other() -> None:
    within = Within.of(MOBILE, Budget(latency_ms=3.0, macs=30e6), costing=_timed)
    reach = within.survey.ranges["latency_ms"]
    assert reach.least < 3.0 < reach.median < reach.most
    rng = stream(0, "latency")
    for _ in range(40):
        found = _timed(MOBILE.decode(within.sample(rng=rng)))
        assert found.latency_ms is not None and found.latency_ms <= 3.0 and found.macs <= 30e6


def test_a_latency_out_of_reach_is_said_in_milliseconds() -> None:
    with pytest.raises(BudgetError, match=r"latency_ms ≤ 0.1ms: .* try --max-latency"):
        Within.of(MOBILE, Budget(latency_ms=0.1), costing=_timed)
