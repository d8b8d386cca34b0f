"""REINFORCE: pure and replayable; right in sign, baseline and gradient; it learns what it must."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from netwright.contracts import Space, Strategy
from netwright.errors import UsageError
from netwright.records import Budget
from netwright.spaces.within import Within
from netwright.strategies.controller import Controller
from netwright.strategies.reinforce import Reinforce
from netwright.testing import StrategyContract
from strategies.policies import SCORE, entropy, learn, levers, parameters, probability, trials


class TestReinforce(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        return Reinforce(Within.of(space, Budget()), objective=SCORE, seed=seed, per_update=5)


class TestUnderABudget(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        within = Within.of(space, Budget(params=5000))
        return Reinforce(within, objective=SCORE, seed=seed, per_update=4)


def reinforce(*sizes: int, **settings: Any) -> Reinforce:
    return Reinforce(levers(*sizes), objective=SCORE, seed=0, **settings)


def test_a_bandit_with_a_known_optimum() -> None:
    strategy, best = reinforce(4, 3, entropy=0.0), (2, 1)
    learn(strategy, lambda row: -abs(row[0] - 2) - abs(row[1] - 1), updates=40)
    assert probability(strategy.policy, best) > 0.9


@pytest.mark.parametrize("rewards", ["value", "rank"])
def test_equal_rewards_teach_nothing(rewards: str) -> None:
    strategy = reinforce(4, 3, entropy=0.0, rewards=rewards)
    before = parameters(strategy.policy)
    learn(strategy, lambda row: 5.0, updates=3)
    assert torch.allclose(parameters(strategy.policy), before, atol=1e-9)


def test_the_gradient_is_the_numerical_one() -> None:
    """Of the mean over rows of (reward - mean) log p + weight x entropy, before the step."""
    strategy = reinforce(3, 2, entropy=0.2, rewards="value")
    rows = list(strategy.ask(20))
    strategy.tell(trials(rows, lambda row: row[0] + 10 * row[1], 0))
    rewards = torch.tensor([float(row[0] + 10 * row[1]) for row in rows])
    policy = Controller((3, 2), seed=0)  # as it was

    def value() -> float:
        with torch.no_grad():
            log_p, spread = policy(torch.tensor(rows))
        gain = (rewards - rewards.mean()) * log_p.sum(1) + 0.2 * spread.sum(1)
        return -float(gain.mean())

    for weight, moved in zip(policy.parameters(), strategy.policy.parameters(), strict=True):
        assert moved.grad is not None
        place = int(moved.grad.abs().argmax())
        flat = weight.detach().view(-1)
        flat[place] += 1e-5
        above = value()
        flat[place] -= 2e-5
        slope = (above - value()) / 2e-5
        flat[place] += 1e-5
        assert abs(slope) > 1e-4
        assert moved.grad.view(-1)[place].item() == pytest.approx(slope, rel=1e-5)


def test_entropy_falls_unless_it_is_paid_for() -> None:
    free, paid = reinforce(4, 4, entropy=0.0), reinforce(4, 4, entropy=10.0)
    for strategy in (free, paid):
        learn(strategy, lambda row: row[0] + row[1], updates=25)
    assert entropy(free.policy, (3, 3)) < 0.4 * math.log(4)
    assert entropy(paid.policy, (3, 3)) > 0.95 * math.log(4)


@pytest.mark.parametrize("settings", [{"learning_rate": 0.0}, {"entropy": -1.0}])
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="REINFORCE cannot have"):
        reinforce(2, **settings)
