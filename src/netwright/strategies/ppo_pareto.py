"""``ppo-pareto``: one controller, told which cost to aim at, finds a front of trade-offs.

MnasNet (Tan et al., CVPR 2019) runs one search per target T.  Here several targets share one
search: every row begins with the number of its target, which is not chosen but given, and the
policy has a distribution for each.

**Targets** are costs of the front found so far, taken at even steps along it, from its cheapest
network to its dearest, anew at every update; nobody has to know a cost beforehand.

**The reward** under a target is the share of the candidates so far that are beaten: of those that
cost at most T the larger objective wins, any of them beats what costs more, and of two that cost
more the cheaper wins.  This is the order of MnasNet's hard reward with a steep exponent, and needs
no unit.  The soft reward would not do: with one exponent on both sides ``(LAT / T) ** w`` is a
power of LAT times a constant, so that every T puts candidates in the same order.

**Credit.**  Every candidate has a reward under every target, whichever it was drawn for.  It is
learnt from under its own target (that of its first draw) and under the one where its reward is
largest, in comparison with the mean of its batch under the same target.  The best so far under
each target are imitated beside them, as in ``ppo``, whose other settings it shares.  What failed
has reward 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from netwright.errors import UsageError
from netwright.pareto import front
from netwright.records import Objective, Tokens, Trial
from netwright.rng import stream
from netwright.spaces.within import Within
from netwright.strategies.controller import Controller, adam
from netwright.strategies.nsga2 import cost_of
from netwright.strategies.ppo import halved, improve
from netwright.strategies.rollouts import REDRAWS, active_tokens, draw

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What an update learns from.

    Args:
        rows: Tokens of the batch, then of the best under each target (R, L).
        targets: Number of the target that each row is looked at under (R,).
        active: Whether a token changes anything (R, L).
        advantages: Of the first rows, those of the batch (B, 1).
    """

    rows: Tensor
    targets: Tensor
    active: Tensor
    advantages: Tensor


class ParetoPPO:
    """Reinforcement learning of a front: the objective against one cost, under a budget.

    Args:
        within: The space and the budget; what is drawn above it is repaired.
        objective: What is to be large.
        seed: The same seed and history ask for the same candidates.
        costs: The one that is to be small beside it: ``macs``, ``params``,
            ``peak_activation_bytes`` or a metric of the evaluator, such as ``latency_ms``.
        targets: Costs aimed at, side by side.
        learning_rate: Of Adam.
        clip: A token's ratio of probabilities counts up to 1 ± this.
        epochs: Gradient steps per batch.
        entropy: Weight of the entropy, in nats per token, at first.
        entropy_half_life: Updates after which that weight has halved.
        per_update: Architectures per update.
        elites: How many of the best under each target are imitated.
        elite_weight: Of their mean log-probability.
        redraws: How often a candidate that was tried before is drawn anew.

    Raises:
        UsageError: If a number is out of range, or there is not one cost.
    """

    def __init__(
        self,
        within: Within,
        *,
        objective: Objective,
        seed: int,
        costs: Sequence[str] = ("macs",),
        targets: int = 16,
        learning_rate: float = 3.5e-3,
        clip: float = 0.2,
        epochs: int = 8,
        entropy: float = 0.1,
        entropy_half_life: float = 50,
        per_update: int = 20,
        elites: int = 2,
        elite_weight: float = 0.3,
        redraws: int = REDRAWS,
    ) -> None:
        positive = (targets, learning_rate, clip, epochs, entropy_half_life, per_update, elites)
        if not all(x > 0 for x in positive) or not all(
            x >= 0 for x in (entropy, elite_weight, redraws)
        ):
            raise UsageError(
                f"PPO for a front cannot have targets, rate, clip, epochs, half-life, update and "
                f"elites of {', '.join(map(str, positive))} with weights {entropy} of entropy and "
                f"{elite_weight} of elites and {redraws} redraws; give numbers above 0, and from "
                "0 for the last three."
            )
        if isinstance(costs, str) or len(costs) != 1:
            raise UsageError(
                f"PPO for a front aims at one cost, such as ('macs',); {costs!r} came. For more "
                "of them take nsga2."
            )
        self.within, self.objective, self.seed = within, objective, seed
        self.cost = costs[0]
        self.targets, self.clip, self.epochs = targets, clip, epochs
        self.entropy, self.half_life = entropy, entropy_half_life
        self.size, self.elites, self.elite_weight = per_update, elites, elite_weight
        self.redraws = redraws
        sizes = [len(c.options) for c in within.space.choices]
        self.policy = Controller(sizes, seed=seed, starts=targets)
        self._adam = adam(self.policy, rate=learning_rate)
        self._told = self._updates = 0
        self._seen: set[Tokens] = set()
        self._known: dict[Tokens, tuple[float, float]] = {}  # objective and cost
        self._waiting: list[tuple[Tokens, int]] = []  # and its target

    def ask(self, n: int) -> Sequence[Tokens]:
        """The next ``n`` candidates, each for a target drawn at random."""
        length = 1 + len(self.within.space.choices)
        streams = [self._stream(self._told + i) for i in range(n)]
        return draw(
            self.within, streams, sample=self._sample, length=length, seen=self._seen,
            redraws=self.redraws,
        )  # fmt: skip

    def tell(self, trials: Sequence[Trial]) -> None:
        """Remember trials and improve the policy, once for every full batch."""
        for trial in trials:
            first = self._stream(self._told).random((1, 1))
            self._waiting.append((trial.tokens, int(self._targets_of(first)[0])))
            self._told += 1
            self._seen.add(trial.tokens)
            if trial.ok:
                point = trial.value(self.objective), cost_of(trial, self.cost)
                self._known.setdefault(trial.tokens, point)
            if len(self._waiting) == self.size:
                waiting, self._waiting = self._waiting, []
                if self._known:
                    self._learn(self._lesson(waiting))

    def _stream(self, number: int) -> np.random.Generator:
        return stream(self.seed, "ppo-pareto", number)

    def _targets_of(self, numbers: npt.NDArray[Any]) -> Tensor:
        """The target that the first number of each row picks (B,)."""
        return torch.from_numpy((numbers[:, 0] * self.targets).astype(np.int64))

    def _sample(self, numbers: npt.NDArray[Any]) -> list[Tokens]:
        return self.policy.sample(numbers[:, 1:], self._targets_of(numbers))

    def _lesson(self, waiting: Sequence[tuple[Tokens, int]]) -> Lesson:
        every = list(self._known)
        rewards = rewards_by_target(list(self._known.values()), targets=self.targets)
        place = {row: i for i, row in enumerate(every)}
        mine = np.zeros((self.targets, len(waiting)))  # what failed stays at 0
        for i, (row, _) in enumerate(waiting):
            if row in place:
                mine[:, i] = rewards[:, place[row]]
        advantages = mine - mine.mean(axis=1, keepdims=True)
        seen = [
            (row, target, float(advantages[target, i]))
            for i, (row, own) in enumerate(waiting)
            for target in sorted({own, int(mine[:, i].argmax())})
        ]
        best = [
            (every[i], target)
            for target in range(self.targets)
            for i in np.argsort(-rewards[target], kind="stable")[: self.elites].tolist()
        ]
        pairs = [(row, target) for row, target, _ in seen] + best
        space = self.within.space
        return Lesson(
            rows=torch.tensor([row for row, _ in pairs]),
            targets=torch.tensor([target for _, target in pairs]),
            active=torch.tensor([active_tokens(space, row) for row, _ in pairs]),
            advantages=torch.tensor([[a] for _, _, a in seen], dtype=torch.float64),
        )

    def _learn(self, lesson: Lesson) -> None:
        improve(
            lambda: self.policy(lesson.rows, lesson.targets), self._adam, active=lesson.active,
            advantages=lesson.advantages, epochs=self.epochs, clip=self.clip,
            entropy=halved(self.entropy, self._updates, half_life=self.half_life),
            elite_weight=self.elite_weight,
        )  # fmt: skip
        self._updates += 1


def rewards_by_target(points: Sequence[tuple[float, float]], *, targets: int) -> _Floats:
    """Share of the points that each beats under each target, from 0 to 1: (T, N).

    Args:
        points: Objective, which is to be large, and cost, which is to be small; at least one.
        targets: T, from the cheapest of the front to its dearest.
    """
    values, costs = np.array(points, dtype=np.float64).T
    best = np.sort(costs[front(points, directions=("max", "min"))])
    aims = best[np.linspace(0, len(best) - 1, targets).round().astype(int)]
    rewards = np.empty((targets, len(values)))
    for target, aim in enumerate(aims):
        above = np.maximum(costs - aim, 0)
        # Ascending by merit: the dearest of those above the target first, then by value.
        order = np.lexsort((np.where(above > 0, 0, values), -above))
        rewards[target, order] = (np.arange(len(order)) + 0.5) / len(order)
    return rewards
