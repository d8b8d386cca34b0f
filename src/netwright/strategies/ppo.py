"""``ppo``: NASNet's and MnasNet's search, a controller trained by proximal policy optimisation.

Zoph et al., "Learning Transferable Architectures" (CVPR 2018, appendix A) and Tan et al.,
"MnasNet" (CVPR 2019, section 5).  As published: the controller, 20 architectures per update,
a moving average of rewards of weight .95 as the baseline.

**What the papers leave open**, and what is done here:

- the clip: .2, as in PPO (Schulman et al., 2017), on the ratio of every token by itself;
- the optimiser: Adam, whose rate of 3.5e-4 they do give;
- epochs per batch: 8;
- the baseline's average runs over single rewards, and a batch is compared with it as it stood
  before the batch; the first batch is compared with its own mean;
- a candidate that was drawn before is redrawn, as the other strategies here do.

**Where the defaults differ from the papers**, who trained 8,000 to 20,000 networks: at a rate of
3.5e-4 a few hundred hardly move the policy.  Here the rate is 3.5e-3; rewards are ranks; the best
five so far are imitated beside every batch (priority queue training, Abolafia et al., 2018), which
gains most in the first hundred; and an entropy bonus, without which the policy would soon draw
nothing new, starts at .1 and halves every 50 updates.  ``learning_rate=3.5e-4, entropy=1e-5,
entropy_half_life=None, rewards="value", elites=0`` are the papers' settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from netwright.errors import UsageError
from netwright.records import Objective, Tokens, Trial
from netwright.spaces.within import Within
from netwright.strategies.controller import Controller, adam
from netwright.strategies.rollouts import REDRAWS, Rewards, Rollout, Rollouts


class PPO:
    """Reinforcement learning of a policy over the tokens of any space, under a budget.

    Args:
        within: The space and the budget; what is drawn above it is repaired.
        objective: What is to be large.
        seed: The same seed and history ask for the same candidates.
        learning_rate: Of Adam (papers: 3.5e-4).
        clip: A token's ratio of probabilities counts up to 1 ± this.
        epochs: Gradient steps per batch.
        entropy: Weight of the entropy, in nats per token, at first (papers: 1e-5 throughout).
        entropy_half_life: Updates after which that weight has halved; None keeps it.
        per_update: Architectures per update (papers: 20).
        baseline: Weight of the past in the average of rewards (papers: .95).
        rewards: ``rank``, the share of the candidates so far that are worse, or the ``value`` of
            the objective itself, as in the papers.
        normalise: Whether advantages are divided by their root mean square in the batch.
        elites: How many of the best candidates so far are imitated at every update, beside the
            batch; 0 does without.
        elite_weight: Of their mean log-probability.
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
        learning_rate: float = 3.5e-3,
        clip: float = 0.2,
        epochs: int = 8,
        entropy: float = 0.1,
        entropy_half_life: float | None = 50,
        per_update: int = 20,
        baseline: float = 0.95,
        rewards: Rewards = "rank",
        normalise: bool = False,
        elites: int = 5,
        elite_weight: float = 0.3,
        redraws: int = REDRAWS,
    ) -> None:
        half_life = math.inf if entropy_half_life is None else entropy_half_life
        if not all(x > 0 for x in (epochs, clip, learning_rate, half_life)):
            raise UsageError(
                f"PPO cannot have clip {clip}, {epochs} epochs, learning rate {learning_rate} and "
                f"an entropy half-life of {half_life}; give numbers above 0."
            )
        if not (entropy >= 0 and elite_weight >= 0):
            raise UsageError(
                f"PPO cannot have weights of {entropy} for entropy and {elite_weight} for elites; "
                "give numbers from 0."
            )
        self.rollouts = Rollouts(
            within, objective=objective, seed=seed, size=per_update, baseline=baseline,
            rewards=rewards, normalise=normalise, elites=elites, redraws=redraws,
        )  # fmt: skip
        self.clip, self.epochs, self.elite_weight = clip, epochs, elite_weight
        self.entropy, self.half_life = entropy, half_life
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
        rows = torch.from_numpy(np.concatenate([rollout.rows, rollout.elites]))
        active = torch.from_numpy(np.concatenate([rollout.active, rollout.elites_active]))
        advantages = torch.from_numpy(rollout.advantages).unsqueeze(1)
        improve(
            lambda: self.policy(rows), self._adam, active=active, advantages=advantages,
            epochs=self.epochs, clip=self.clip,
            entropy=self._entropy_at(rollout.number), elite_weight=self.elite_weight,
        )  # fmt: skip

    def _entropy_at(self, update: int) -> float:
        return halved(self.entropy, update, half_life=self.half_life)


def halved(weight: float, updates: int, *, half_life: float) -> float:
    """A weight that fades: half of it is left after ``half_life`` updates."""
    return float(weight * 0.5 ** (updates / half_life))


def improve(
    look: Callable[[], tuple[Tensor, Tensor]],
    optimiser: torch.optim.Optimizer,
    *,
    active: Tensor,
    advantages: Tensor,
    epochs: int,
    clip: float,
    entropy: float,
    elite_weight: float,
) -> None:
    """Some gradient steps on one batch, and on the elites beside it.

    Args:
        look: The policy's log-probability and entropy of every token, each (R, L): the rows of
            the batch, then those of the elites, of which there may be none.
        optimiser: Of the policy's parameters.
        active: Whether a token changes anything (R, L).
        advantages: Of the batch (B, 1).
        epochs: Steps.
        clip: See :func:`surrogate`.
        entropy: Weight of the entropy, in nats per token.
        elite_weight: Of the elites' mean log-probability.
    """
    count = len(advantages)
    old = None
    for _ in range(epochs):
        log_p, spread = look()
        mine = log_p[:count]
        old = mine.detach() if old is None else old
        gain = surrogate(mine - old, advantages, clip=clip) + entropy * spread[:count]
        loss = -(gain * active[:count]).sum() / count
        if len(log_p) > count:
            known = (log_p[count:] * active[count:]).sum() / (len(log_p) - count)
            loss = loss - elite_weight * known
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()


def surrogate(log_ratio: Tensor, advantages: Tensor, *, clip: float) -> Tensor:
    """PPO's clipped gain of every token: the ratio times the advantage, no more than the clip's.

    Args:
        log_ratio: Log-probability now less that of the policy before the update (B, L).
        advantages: Of the rows (B, 1).
        clip: The ratio counts from 1 - clip to 1 + clip where that is the smaller gain.
    """
    ratio = log_ratio.exp()
    return torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
