"""Who is in the finals: what promises most, by two orders, and plain networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netwright.arch.cost import Cost, cost
from netwright.arch.graph import Architecture
from netwright.errors import BudgetError
from netwright.fakes import ONE, TinySpace
from netwright.finalists import RACERS, by_predictor, choose, most_params, with_rivals
from netwright.records import Budget, Objective, Outcome, Tokens, Trial
from netwright.rng import stream
from netwright.spaces.tokens import enumerate_tokens
from netwright.spaces.within import Within

SPACE = TinySpace()
WITHIN = Within.of(SPACE, Budget(params=3000))
SCORE = Objective(metric="score")
ROWS: tuple[Tokens, ...] = ((0, 1, 0, 0), (1, 1, 1, 0), (0, 2, 2, 1))
PLAIN = ["random", "random 2", "random 3", "most params"]


def trial(number: int, tokens: Tokens, score: float | None, **parts: Any) -> Trial:
    arch = SPACE.decode(tokens)
    outcome = Outcome(status="failed", reason="loss became nan", device="cpu")
    if score is not None:
        outcome = Outcome(status="ok", metrics={"score": score}, device="cpu")
    return Trial(
        number=number, tokens=tokens, arch_id=arch.id, cost=cost(arch), outcome=outcome, **parts
    )


def test_the_best_and_plain_ones_are_chosen() -> None:
    rows = [row for row in enumerate_tokens(SPACE) if WITHIN.fits(row)][:6]
    scores = [1.0, None, 5.0, 5.0, 2.0, 9.0]
    trials = [trial(i, row, s) for i, (row, s) in enumerate(zip(rows, scores, strict=True))]
    trials[5] = replace(trials[5], duplicate_of=2)  # is not to be trained twice
    chosen = choose(WITHIN, trials, SCORE, seed=0)
    assert [f.role for f in chosen] == [f"search {i}" for i in range(1, 5)] + PLAIN
    found = [f.tokens for f in chosen if f.races]
    assert found == [rows[2], rows[3], rows[4], rows[0]]  # the earlier of equals first
    assert all(WITHIN.fits(f.tokens) and f.arch == SPACE.decode(f.tokens) for f in chosen)
    assert choose(WITHIN, trials, SCORE, seed=0) == chosen


def test_fewer_trials_give_fewer_finalists() -> None:
    chosen = choose(WITHIN, [trial(0, ROWS[0], 1.0)], SCORE, seed=0)
    assert [f.role for f in chosen] == ["search 1", *PLAIN]
    smaller = Objective(metric="score", direction="min")
    pair = [trial(0, ROWS[0], 1.0), trial(1, ROWS[1], 0.5)]
    assert choose(WITHIN, pair, smaller, seed=0)[0].tokens == ROWS[1]


def lucky() -> list[Trial]:
    """Scores that grow with the parameters, less noise, and one small network that was lucky."""
    rows = [row for row in enumerate_tokens(SPACE) if WITHIN.fits(row)][::3]
    noise = stream(0, "noise").normal(0, 0.15, len(rows)).tolist()
    params = [cost(SPACE.decode(row)).params for row in rows]
    scores = [p / 3000 + n for p, n in zip(params, noise, strict=True)]
    scores[len(rows) // 4] = max(scores) + 0.05
    return [trial(i, row, s) for i, (row, s) in enumerate(zip(rows, scores, strict=True))]


def test_the_predictor_sees_through_luck_and_has_the_first_word() -> None:
    trials = lucky()
    measured = max(trials, key=lambda t: t.value(SCORE))
    order = by_predictor(WITHIN, trials, SCORE, seed=0)
    assert sorted(t.number for t in order) == [t.number for t in trials]
    assert order.index(measured) > 0 and order[0].cost.params > 1.5 * measured.cost.params
    racers = [f.tokens for f in choose(WITHIN, trials, SCORE, seed=0) if f.races]
    assert racers[:2] == [order[0].tokens, measured.tokens]
    assert len(racers) == len(set(racers)) == RACERS


def test_rivals_are_as_costly_as_the_budget_allows_or_as_the_first() -> None:
    within = Within.of(TinySpace(resolution=32), Budget())
    chosen = choose(within, [trial(0, (3, 2, 2, 1), 1.0)], SCORE, seed=0)
    everyone, found = with_rivals(chosen, within)
    assert [f.role for f in everyone[-2:]] == list(found.networks) and not everyone[-1].tokens
    least = cost(chosen[0].arch).macs
    assert all(cost(f.arch).macs <= least for f in everyone[-2:])
    tight = Within.of(SPACE, Budget(params=3000))
    everyone, found = with_rivals(choose(tight, [trial(0, ROWS[0], 1.0)], SCORE, seed=0), tight)
    assert everyone[-1].role == "most params" and len(found.left_out) == 2


def test_most_params_is_what_enumeration_finds() -> None:
    counts = [cost(SPACE.decode(r)).params for r in enumerate_tokens(SPACE) if WITHIN.fits(r)]
    found = most_params(WITHIN, seed=0, looks=600)
    assert WITHIN.fits(found) and cost(SPACE.decode(found)).params == max(counts)
    alone = Within.of(ONE, Budget())
    assert most_params(alone, seed=0, looks=5) == (0, 0, 0, 0)


def test_who_was_measured_above_the_limit_is_passed_over() -> None:
    rows = [row for row in enumerate_tokens(SPACE) if WITHIN.fits(row)][:6]
    trials = [trial(i, row, float(i)) for i, row in enumerate(rows)]
    looked: list[str] = []

    def meets(arch: Architecture) -> bool:
        looked.append(arch.id)
        return arch.id != SPACE.decode(rows[5]).id

    chosen = choose(WITHIN, trials, SCORE, seed=0, meets=meets, racers=2)
    found = [f.tokens for f in chosen if f.races]
    assert len(found) == 2 and rows[5] not in found
    assert all(meets(f.arch) for f in chosen)
    racing = {SPACE.decode(row).id for row in rows}
    assert len([i for i in looked if i in racing]) <= 3 + len(chosen) * 2  # no more than needed


def test_where_nobody_meets_it_the_cheapest_is_looked_at_last() -> None:
    rows = [row for row in enumerate_tokens(SPACE) if WITHIN.fits(row)][:6]
    trials = [trial(i, row, float(i)) for i, row in enumerate(rows)]
    with pytest.raises(BudgetError, match="Not one of 6 candidates was measured within"):
        choose(WITHIN, trials, SCORE, seed=0, meets=lambda arch: False)
    anchor = SPACE.decode(WITHIN.anchor).id
    chosen = choose(WITHIN, trials, SCORE, seed=0, meets=lambda arch: arch.id == anchor)
    assert [f.tokens for f in chosen if f.races] == [WITHIN.anchor]


def test_rivals_that_are_too_slow_are_left_out_with_the_reason() -> None:
    finalists, found = with_rivals(
        choose(WITHIN, [trial(0, ROWS[0], 1.0)], SCORE, seed=0), WITHIN, meets=lambda arch: False
    )
    assert not found.networks and all(f.tokens for f in finalists)
    assert found.left_out


def test_where_the_limit_moved_the_best_is_repaired_once_more() -> None:
    limit = {"params": 1.0}  # times the parameters that are counted

    def slower(arch: Architecture) -> Cost:
        counts = cost(arch)
        return replace(counts, params=round(limit["params"] * counts.params))

    within = Within.of(SPACE, Budget(params=3000), costing=slower)
    rows = [row for row in enumerate_tokens(SPACE) if WITHIN.fits(row)]
    rows = sorted(rows, key=lambda row: cost(SPACE.decode(row)).params)[-3:]
    limit["params"] = 1.5  # measured since
    trials = [trial(i, row, float(i)) for i, row in enumerate(rows)]
    chosen = choose(within, trials, SCORE, seed=0, meets=lambda arch: slower(arch).params <= 3000)
    [found] = [f for f in chosen if f.races]
    assert 1000 < cost(found.arch).params <= 2000
