"""PPO for a front: pure and replayable, rewards by target, a policy that goes where it is told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from netwright.contracts import Space, Strategy
from netwright.errors import UsageError
from netwright.pareto import hypervolume
from netwright.records import Budget, Outcome, Tokens, Trial
from netwright.rng import stream
from netwright.spaces.within import Within
from netwright.strategies.ppo_pareto import ParetoPPO, rewards_by_target
from netwright.strategies.uniform import Uniform
from netwright.testing import StrategyContract
from strategies.policies import COST, SCORE, levers


class TestParetoPPO(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        within = Within.of(space, Budget())
        return ParetoPPO(
            within,
            objective=SCORE,
            seed=seed,
            costs=("params",),
            targets=3,
            per_update=5,
            epochs=2,
        )


class TestUnderABudget(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        within = Within.of(space, Budget(params=5000))
        return ParetoPPO(
            within, objective=SCORE, seed=seed, targets=2, per_update=4, epochs=2, elites=1
        )


def told(rows: list[Tokens], first: int) -> list[Trial]:
    """Every lever that is up costs one and brings a little less than the one before it."""
    made = []
    for i, row in enumerate(rows):
        gains = [t / (1 + k) for k, t in enumerate(row)]
        metrics = {"score": sum(gains), "price": 1.0 + sum(row)}
        outcome = Outcome(status="ok", metrics=metrics)
        made.append(
            Trial(number=first + i, tokens=row, arch_id=str(row), cost=COST, outcome=outcome)
        )
    return made


def pareto(*sizes: int, **settings: Any) -> ParetoPPO:
    plain: dict[str, Any] = {"costs": ("price",), "seed": 0}
    return ParetoPPO(levers(*sizes), objective=SCORE, **(plain | settings))


def test_rewards_are_those_of_a_limit() -> None:
    points = [(1.0, 1.0), (2.0, 2.0), (1.5, 3.0), (4.0, 4.0)]  # the third is dominated
    rewards = rewards_by_target(points, targets=3)  # at 1, 2 and 4
    assert (rewards * 4 - 0.5).tolist() == [[3, 2, 1, 0], [2, 3, 1, 0], [0, 2, 1, 3]]


def test_rewards_do_not_know_units_nor_signs() -> None:
    points = [(1.0, 1.0), (2.0, 2.0), (1.5, 3.0), (4.0, 4.0)]
    other = [(value - 9, 1e6 * cost) for value, cost in points]
    assert np.array_equal(
        rewards_by_target(points, targets=5), rewards_by_target(other, targets=5)
    )


def test_one_point_is_every_target() -> None:
    assert rewards_by_target([(-3.0, 2.0)], targets=2).tolist() == [[0.5], [0.5]]


def test_a_row_is_learnt_from_under_its_target_and_where_it_is_best() -> None:
    strategy = pareto(2, 2, targets=2, per_update=3, elites=1)
    rows: list[Tokens] = [(0, 0), (1, 0), (1, 1)]
    for trial in told(rows, 0):
        strategy._known[trial.tokens] = (trial.value(SCORE), trial.outcome.metrics["price"])
    lesson = strategy._lesson([((0, 0), 1), ((1, 1), 1), ((0, 1), 0)])  # the last one failed
    assert lesson.rows.tolist() == [[0, 0], [0, 0], [1, 1], [0, 1], [0, 0], [1, 1]]
    assert lesson.targets.tolist() == [0, 1, 1, 0, 0, 1]  # then the best under each
    means = [(5 / 6 + 1 / 6) / 3, (1 / 6 + 5 / 6) / 3]
    expected = [5 / 6 - means[0], 1 / 6 - means[1], 5 / 6 - means[1], -means[0]]
    assert lesson.advantages.squeeze(1).tolist() == pytest.approx(expected)


def test_it_goes_where_it_is_told() -> None:
    """After some batches the first target draws what is cheap and the last what is good."""
    strategy = pareto(2, 2, 2, 2, 2, 2, targets=3, learning_rate=1e-2, entropy=0.02)
    for batch in range(12):
        strategy.tell(told(list(strategy.ask(20)), 20 * batch))
    numbers = stream(0, "levers").random((60, 6))
    prices = [
        float(np.mean([sum(row) for row in strategy.policy.sample(numbers, start)]))
        for start in (torch.full((60,), k) for k in range(3))
    ]
    assert prices[0] + 1 < prices[1] < prices[2] - 1


def test_its_front_beats_that_of_uniform_search() -> None:
    volumes = []
    strategies: list[Strategy] = [
        pareto(*[3] * 10, targets=6, learning_rate=1e-2), Uniform(levers(*[3] * 10), seed=0),
    ]  # fmt: skip
    for strategy in strategies:
        points = []
        for batch in range(12):
            trials = told(list(strategy.ask(20)), 20 * batch)
            strategy.tell(trials)
            points += [(t.value(SCORE), t.outcome.metrics["price"]) for t in trials]
        volumes.append(hypervolume(points, reference=(0.0, 22.0), directions=("max", "min")))
    assert volumes[0] > 1.05 * volumes[1]


def test_targets_are_given_evenly() -> None:
    strategy = pareto(2, targets=4)
    drawn = Counter(
        int(strategy._targets_of(strategy._stream(i).random((1, 2)))[0]) for i in range(400)
    )
    assert sorted(drawn) == [0, 1, 2, 3] and min(drawn.values()) > 70


def test_an_unknown_cost_is_named() -> None:
    with pytest.raises(UsageError, match="no cost 'latency' .* macs, .*score, price"):
        pareto(2, 2, costs=("latency",)).tell(told([(0, 1)], 0))


@pytest.mark.parametrize(
    "settings", [{"targets": 0}, {"clip": 0.0}, {"entropy": -1.0}, {"redraws": -1}]
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="PPO for a front cannot have"):
        pareto(2, **settings)


@pytest.mark.parametrize("costs", [(), ("macs", "params"), "macs"])
def test_it_aims_at_one_cost(costs: Any) -> None:
    with pytest.raises(UsageError, match="aims at one cost.* nsga2"):
        pareto(2, costs=costs)
