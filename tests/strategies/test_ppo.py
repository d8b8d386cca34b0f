"""PPO: pure and replayable; right in sign, baseline, clip and credit; it learns what it must."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from netwright.contracts import Space, Strategy
from netwright.errors import UsageError
from netwright.fakes import TinySpace
from netwright.records import Budget, Tokens
from netwright.rng import stream
from netwright.spaces.tokens import sample
from netwright.spaces.within import Within
from netwright.strategies.controller import Controller
from netwright.strategies.ppo import PPO, surrogate
from netwright.strategies.uniform import Uniform
from netwright.testing import StrategyContract
from strategies.policies import SCORE, entropy, learn, levers, parameters, probability, trials


class TestPPO(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        return PPO(Within.of(space, Budget()), objective=SCORE, seed=seed, per_update=5, epochs=2)


class TestUnderABudget(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        within = Within.of(space, Budget(params=5000))
        return PPO(within, objective=SCORE, seed=seed, per_update=4, elites=2, epochs=2)


def ppo(*sizes: int, **settings: Any) -> PPO:
    """PPO alone, without the imitation of the best."""
    return PPO(levers(*sizes), objective=SCORE, seed=0, **({"elites": 0} | settings))


def test_a_bandit_with_a_known_optimum() -> None:
    """A wrong sign, or log-probabilities without a gradient, would not get there."""
    strategy, best = ppo(4, 3, entropy=0.0), (2, 1)
    start = probability(strategy.policy, best)
    learn(strategy, lambda row: -abs(row[0] - 2) - abs(row[1] - 1), updates=15)
    assert start < 0.1 and probability(strategy.policy, best) > 0.9


def test_the_worst_is_unlearnt() -> None:
    strategy, worst = ppo(4, 3, entropy=0.0, rewards="value"), (0, 2)
    start = probability(strategy.policy, worst)
    learn(strategy, lambda row: -float(row == worst), updates=8)
    assert probability(strategy.policy, worst) < 0.5 * start


@pytest.mark.parametrize("rewards", ["value", "rank"])
def test_equal_rewards_teach_nothing(rewards: str) -> None:
    """Without a baseline everything that was drawn would become more likely."""
    strategy = ppo(4, 3, entropy=0.0, rewards=rewards)
    before = parameters(strategy.policy)
    learn(strategy, lambda row: 5.0, updates=3)
    assert torch.allclose(parameters(strategy.policy), before, atol=1e-9)


def test_a_shift_of_all_rewards_changes_nothing() -> None:
    """The baseline takes it out; powers of two keep the arithmetic exact."""
    shifted, plain = (ppo(4, 3, rewards="value") for _ in range(2))
    learn(plain, lambda row: float(row[0]), updates=3)
    learn(shifted, lambda row: float(row[0]) + 1024, updates=3)
    assert torch.allclose(parameters(shifted.policy), parameters(plain.policy), atol=1e-4)


def test_the_gradient_is_the_numerical_one() -> None:
    """Of the mean over rows of (reward - mean) log p + weight x entropy, before the step."""
    strategy = ppo(3, 2, epochs=1, entropy=0.2, rewards="value")
    rows = list(strategy.ask(20))
    strategy.tell(trials(rows, lambda row: row[0] + 10 * row[1], 0))
    rewards = torch.tensor([float(row[0] + 10 * row[1]) for row in rows])
    policy = Controller((3, 2), seed=0)  # as it was

    def value() -> float:
        with torch.no_grad():
            log_p, spread = policy(torch.tensor(rows))
        gain = (rewards - rewards.mean()) * log_p.sum(1) + 0.2 * spread.sum(1)
        return -float(gain.mean())

    steepest = []
    for weight, moved in zip(policy.parameters(), strategy.policy.parameters(), strict=True):
        assert moved.grad is not None
        place = int(moved.grad.abs().argmax())
        flat = weight.detach().view(-1)
        flat[place] += 1e-5
        above = value()
        flat[place] -= 2e-5
        slope = (above - value()) / 2e-5
        flat[place] += 1e-5
        steepest.append(abs(slope))
        assert moved.grad.view(-1)[place].item() == pytest.approx(slope, rel=1e-5)
    assert min(steepest) > 1e-4  # no part of the policy is left out


def test_entropy_falls_unless_it_is_paid_for() -> None:
    free, paid = ppo(4, 4, entropy=0.0), ppo(4, 4, entropy=10.0)
    for strategy in (free, paid):
        learn(strategy, lambda row: row[0] + row[1], updates=12)
    assert entropy(free.policy, (3, 3)) < 0.3 * math.log(4)
    assert entropy(paid.policy, (3, 3)) > 0.95 * math.log(4)


def test_a_token_that_must_match_another_one_two_steps_before() -> None:
    """Softmaxes of their own, or a policy that forgets, cannot be sure in both cases."""
    strategy = ppo(2, 2, 2, entropy=0.05, learning_rate=1e-2)
    learn(strategy, lambda row: float(row[0] == row[2]), updates=25)
    for first in (0, 1):
        for between in (0, 1):
            match = probability(strategy.policy, (first, between, first))
            other = probability(strategy.policy, (first, between, 1 - first))
            assert match / (match + other) > 0.9, (first, between)


def test_the_clip() -> None:
    """Beyond 1 ± clip there is no more to gain, but losses count in full."""
    for ratio, advantage, expected, slope in (
        (1.5, 2.0, 1.2 * 2, 0),
        (1.1, 2.0, 1.1 * 2, 1.1 * 2),
        (0.5, 2.0, 0.5 * 2, 0.5 * 2),
        (0.5, -1.0, -0.8, 0),
        (0.9, -1.0, -0.9, -0.9),
        (1.5, -1.0, -1.5, -1.5),
    ):
        log_ratio = torch.tensor([[math.log(ratio)]], requires_grad=True)
        gain = surrogate(log_ratio, torch.tensor([[advantage]]), clip=0.2)
        gain.sum().backward()  # type: ignore[no-untyped-call]
        assert gain.item() == pytest.approx(expected) and log_ratio.grad is not None
        assert log_ratio.grad.item() == pytest.approx(slope)


def test_a_batch_moves_a_token_about_as_far_as_the_clip() -> None:
    wide, narrow = (
        ppo(4, clip=c, epochs=40, entropy=0.0, learning_rate=5e-4) for c in (0.5, 0.05)
    )
    change = []
    for strategy in (wide, narrow):
        before = probability(strategy.policy, (3,))
        strategy.tell(trials(strategy.ask(20), lambda row: row[0], 0))
        change.append(probability(strategy.policy, (3,)) / before - 1)
    assert 0.03 < change[1] < 0.2 < change[0]


def test_inactive_tokens_are_neither_praised_nor_blamed() -> None:
    within = Within.of(TinySpace(), Budget())
    strategy = PPO(within, objective=SCORE, seed=0, per_update=4, epochs=1)
    rows: list[Tokens] = [(i, 0, 0, 0) for i in range(4)]  # of depth 0: no kind, no kernel
    strategy.tell(trials(rows, lambda row: row[0], 0))
    grads = strategy.policy.head.grad
    assert grads is not None
    assert [bool(g.any()) for g in grads] == [True, True, False, False]


def test_the_bonus_for_entropy_halves() -> None:
    strategy = ppo(2, entropy=0.8, entropy_half_life=5)
    assert [strategy._entropy_at(n) for n in (0, 5, 10)] == [0.8, 0.4, 0.2]
    assert ppo(2, entropy=0.8, entropy_half_life=None)._entropy_at(1000) == 0.8


def test_the_best_so_far_are_learnt_beside_the_batch() -> None:
    strategy = ppo(4, 4, entropy=0.0, elites=1, elite_weight=1.0)
    best = (1, 2)
    strategy.tell(trials([best] + [(0, 0)] * 19, lambda row: float(row == best), 0))
    start = probability(strategy.policy, best)
    for batch in range(1, 6):  # equal rewards, among which the best is not
        strategy.tell(trials([(0, 0)] * 20, lambda row: 0.5, 20 * batch))
    assert probability(strategy.policy, best) > 1.5 * start


def test_it_beats_uniform_search() -> None:
    within = levers(*[4] * 20)
    for seed in range(2):
        target = sample(within.space, stream(seed, "target"))

        def score(row: Tokens, target: Tokens = target) -> float:
            return float(sum(a == b for a, b in zip(row, target, strict=True)))

        best = []
        for strategy in (
            PPO(within, objective=SCORE, seed=seed, learning_rate=1e-2),
            Uniform(within, seed=seed),
        ):
            learn(strategy, score, updates=12)
            best.append(max(score(row) for row in strategy.ask(20)))
        assert best[0] >= best[1] + 3, best


@pytest.mark.parametrize(
    "settings",
    [
        {"clip": 0.0},
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"entropy_half_life": 0.0},
        {"entropy": math.nan},
        {"elite_weight": -0.1},
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="PPO cannot have"):
        ppo(2, **settings)
