"""Rollouts: who gets the credit, what is compared with what, and when a batch is closed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from netwright.arch.cost import cost
from netwright.errors import UsageError
from netwright.fakes import TinySpace
from netwright.records import Budget, Objective, Outcome, Tokens, Trial
from netwright.spaces.nasbench201 import NASBench201Space
from netwright.spaces.within import Within
from netwright.strategies.rollouts import Rollout, Rollouts, active_tokens

SPACE = TinySpace()
COST = cost(SPACE.decode((0, 0, 0, 0)))
ROWS: list[Tokens] = [(0, 0, 0, 0), (1, 1, 0, 0), (2, 2, 3, 1), (3, 1, 4, 0)]


def trial(number: int, score: float, *, row: Tokens | None = None) -> Trial:
    """A trial with this score; NaN stands for one that failed."""
    came = Outcome(status="ok", metrics={"score": score}) if score == score else None
    failed = Outcome(status="failed", reason="loss became nan at step 4")
    tokens = ROWS[number % 4] if row is None else row
    return Trial(number=number, tokens=tokens, arch_id="a", cost=COST, outcome=came or failed)


def rollouts(**settings: Any) -> Rollouts:
    plain: dict[str, Any] = {
        "size": 4, "baseline": 0.5, "rewards": "value", "normalise": False,
    }  # fmt: skip
    within = Within.of(SPACE, Budget())
    return Rollouts(within, objective=Objective(metric="score"), seed=0, **(plain | settings))


def told(scores: list[float], **settings: Any) -> list[Rollout]:
    return list(rollouts(**settings).tell([trial(i, s) for i, s in enumerate(scores)]))


def test_tokens_that_change_nothing_get_no_credit() -> None:
    assert active_tokens(SPACE, (2, 0, 0, 0)) == [True, True, False, False]
    assert active_tokens(SPACE, (0, 1, 0, 0)) == [True] * 4  # 0 because it was chosen
    (rollout,) = told([1.0, 2.0, 3.0, 4.0])
    assert rollout.rows.tolist() == [list(row) for row in ROWS]
    assert rollout.active.all(axis=1).tolist() == [False, True, True, True]


def test_activity_of_benchmark_cells_is_found_by_trying_every_option() -> None:
    space = NASBench201Space()
    # Nothing reaches node 1, yet what leaves it matters where it is a convolution (of zeros).
    assert active_tokens(space, (0, 3, 3, 0, 0, 3)) == [True] * 6
    # Nothing reads node 2: the edges into it are none whatever was drawn.
    row = space.canonical((3, 3, 3, 3, 3, 0))
    for i, active in enumerate(active_tokens(space, row)):
        results = {space.canonical((*row[:i], option, *row[i + 1 :])) for option in range(5)}
        assert active == (len(results) > 1)


def test_the_baseline_is_the_average_of_rewards_before_the_batch() -> None:
    first, second = told([1.0, 2.0, 3.0, 6.0, 4.0, 4.0, 4.0, 5.0])
    assert first.advantages.tolist() == [-2.0, -1.0, 0.0, 3.0]  # less its own mean
    average = 3.0
    for reward in (1.0, 2.0, 3.0, 6.0):
        average = (average + reward) / 2
    assert second.advantages == pytest.approx([4 - average, 4 - average, 4 - average, 5 - average])
    assert (first.number, second.number) == (0, 1)


def test_rewards_by_rank_do_not_know_units() -> None:
    scores = [1.0, 2.0, 3.0, 6.0, 4.0, 4.0, 4.0, 5.0]
    plain, scaled = (told([f(s) for s in scores], rewards="rank") for f in (float, math.exp))
    for one, other in zip(plain, scaled, strict=True):
        assert one.advantages.tolist() == other.advantages.tolist()
    assert plain[0].advantages.tolist() == [-0.375, -0.125, 0.125, 0.375]
    spread = plain[1].advantages[3] - plain[1].advantages[0]
    assert spread == pytest.approx((6.5 - 4.5) / 8)  # ranks 3.5 to 6.5 of 8; equals share theirs


def test_normalised_advantages_have_root_mean_square_one() -> None:
    for rollout in told([1.0, 2.0, 3.0, 600.0, 4.0, 5.0, 4.0, 5.0], normalise=True):
        assert np.sqrt((rollout.advantages**2).mean()) == pytest.approx(1)
    (flat,) = told([2.0, 2.0, 2.0, 2.0], normalise=True)
    assert flat.advantages.tolist() == [0, 0, 0, 0]


def test_what_failed_counts_like_the_worst() -> None:
    (rollout,) = told([5.0, math.nan, 3.0, 4.0])
    assert rollout.advantages.tolist() == [1.25, -0.75, -0.75, 0.25]
    (ranked,) = told([5.0, math.nan, 3.0, 4.0], rewards="rank")
    assert ranked.advantages.argmin() == 1
    assert told([math.nan] * 8) == []  # nothing to compare with
    assert len(told([math.nan] * 4 + [1.0, 2.0, 3.0, 4.0])) == 1


def test_portions_do_not_matter() -> None:
    trials = [
        trial(i, s) for i, s in enumerate([3.0, 1.0, math.nan, 5.0, 2.0, 8.0, 2.0, 7.0, 1.0])
    ]
    whole = list(rollouts().tell(trials))
    one = rollouts()
    single = [r for t in trials for r in one.tell([t])]
    for a, b in zip(whole, single, strict=True):
        assert a.rows.tolist() == b.rows.tolist()
        assert a.advantages.tolist() == b.advantages.tolist()


def test_the_best_are_kept_for_the_warm_start() -> None:
    first, second = told([1.0, 9.0, 3.0, 2.0, 4.0, 4.0, 5.0, 5.0], elites=2)
    assert first.elites.tolist() == [list(ROWS[1]), list(ROWS[2])]
    assert second.elites.tolist() == [list(ROWS[1]), list(ROWS[2])]  # 9 and, of row 2, 5


def test_what_was_tried_is_drawn_again() -> None:
    memory = rollouts()
    memory.seen.add((0, 0, 0, 0))
    drawn = iter([(0, 0, 0, 0), (0, 0, 3, 1), (1, 1, 1, 1)])  # the second is the first

    def sample(numbers: Any) -> list[Tokens]:
        return [next(drawn) for _ in numbers]

    assert memory.ask(1, sample=sample) == [(1, 1, 1, 1)]
    calls: list[int] = []

    def same(numbers: Any) -> list[Tokens]:
        calls.append(len(numbers))
        return [(0, 0, 0, 0)] * len(numbers)

    assert memory.ask(2, sample=same) == [(0, 0, 0, 0)] * 2  # a duplicate, which costs nothing
    assert calls == [2, 4, 8, 16, 32, 64]


def test_what_is_drawn_is_repaired() -> None:
    within = Within.of(SPACE, Budget(params=2000))
    memory = Rollouts(
        within, objective=Objective(metric="score"), seed=0, size=4, baseline=0.9,
        rewards="rank", normalise=False,
    )  # fmt: skip
    rows = memory.ask(5, sample=lambda numbers: [(3, 2, 0, 1)] * len(numbers))
    assert all(within.fits(row) for row in rows)


@pytest.mark.parametrize(
    "settings",
    [{"size": 0}, {"baseline": 1.0}, {"rewards": "log"}, {"elites": -1}, {"redraws": -1}],
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="make no sense"):
        rollouts(**settings)


@pytest.mark.parametrize(("redraws", "expected"), [(0, [2]), (1, [2, 2]), (6, [2, 4, 8])])
def test_redraws_have_a_limit(redraws: int, expected: list[int]) -> None:
    memory, calls = rollouts(redraws=redraws), list[int]()
    memory.seen.add((0, 0, 0, 0))

    def same(numbers: Any) -> list[Tokens]:
        calls.append(len(numbers))
        return [(0, 0, 0, 0)] * len(numbers)

    assert memory.ask(2, sample=same) == [(0, 0, 0, 0)] * 2
    assert calls == expected
