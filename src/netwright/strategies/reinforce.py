"""``reinforce``: the controller trained by plain policy gradients, as the first NAS did.

Williams, "Simple statistical gradient-following algorithms" (1992), as Zoph & Le used it (ICLR
2017) before NASNet took PPO: one gradient step per batch, along the log-probability of what was
evaluated times its reward less the moving average of rewards.  As published: 20 architectures per
update and an average of weight .95.  The papers leave open what ``ppo.py`` names; the optimiser
here is Adam, whose rate of 3.5e-4 suits 8,000 to 20,000 networks and is larger by default.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from netwright.errors import UsageError
from netwright.records import Objective, Tokens, Trial
from netwright.spaces.within import Within
from netwright.strategies.controller import Controller, adam
from netwright.strategies.rollouts import REDRAWS, Rewards, Rollout, Rollouts


class Reinforce:
    """REINFORCE with a moving-average baseline over the tokens of any space, under a budget.

    Args:
        within: The space and the budget; what is drawn above it is repaired.
        objective: What is to be large.
        seed: The same seed and history ask for the same candidates.
        learning_rate: Of Adam (papers: 3.5e-4).
        entropy: Weight of the entropy, in nats per token (papers: 1e-5).
        per_update: Architectures per update (papers: 20).
        baseline: Weight of the past in the average of rewards (papers: .95).
        rewards: ``rank``, the share of the candidates so far that are worse, or the ``value`` of
            the objective itself, as in the papers.
        normalise: Whether advantages are divided by their root mean square in the batch.
        redraws: How often a candidate that was tried before is drawn anew (papers: never).

    Raises:
        UsageError: If a number is out of range.
    """

    def __init__(
        self,
        within: Within,
        *,
        objective: Objective,
        seed: int,
        learning_rate: float = 1e-2,
        entropy: float = 0.03,
        per_update: int = 20,
        baseline: float = 0.95,
        rewards: Rewards = "rank",
        normalise: bool = False,
        redraws: int = REDRAWS,
    ) -> None:
        if not learning_rate > 0 or not entropy >= 0:
            raise UsageError(
                f"REINFORCE cannot have learning rate {learning_rate} and entropy {entropy}; give "
                "a rate above 0 and an entropy from 0."
            )
        self.rollouts = Rollouts(
            within,
            objective=objective,
            seed=seed,
            size=per_update,
            baseline=baseline,
            rewards=rewards,
            normalise=normalise,
            redraws=redraws,
        )
        self.entropy = entropy
        sizes = [len(c.options) for c in within.space.choices]
        self.policy = Controller(sizes, seed=seed)
        self._adam = adam(self.policy, rate=learning_rate)

    def ask(self, n: int) -> Sequence[Tokens]:
        """The next ``n`` candidates, drawn from the policy."""
        return self.rollouts.ask(n, sample=self.policy.sample)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Remember trials and improve the policy, once for every full batch."""
        for rollout in self.rollouts.tell(trials):
            self._learn(rollout)

    def _learn(self, rollout: Rollout) -> None:
        log_p, spread = self.policy(torch.from_numpy(rollout.rows))
        advantages = torch.from_numpy(rollout.advantages).unsqueeze(1)
        gain = log_p * advantages + self.entropy * spread
        loss = -(gain * torch.from_numpy(rollout.active)).sum() / len(rollout.rows)
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()
