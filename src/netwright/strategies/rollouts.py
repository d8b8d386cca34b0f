"""Rollouts: what a policy asks for, and what was told of it as batches to learn from.

**Which tokens get the credit.**  A drawn row is made canonical and repaired into the budget before
it is evaluated, and it is what was *evaluated* that is learnt from: the policy is told "this row
scored so much", whichever row it had drawn.  Tokens that change nothing in the evaluated row get
neither credit nor blame, since their 0 is a convention and no decision.

**Resuming.**  A batch is closed after a fixed number of told trials and a policy is a function of
the closed batches alone, so it does not matter in which portions trials are told.  Rows asked for
before the last batch was closed come from the policy before; the ratio of PPO is taken to the
policy at the start of the update, as if they came from it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from netwright.contracts import Space
from netwright.errors import UsageError
from netwright.records import Objective, Tokens, Trial
from netwright.rng import stream
from netwright.spaces.within import Within

Rewards = Literal["value", "rank"]
REDRAWS = 62  # most of them at once: in portions of 2, 4, 8, 16 and 32
Sample = Callable[[npt.NDArray[Any]], list[Tokens]]


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """Candidates to learn from at once.

    Args:
        number: Of the update, from 0.
        rows: Tokens (B, L) that were evaluated.
        active: Whether a token changes anything (B, L).
        advantages: Reward less baseline (B,), divided by the spread if so set.
        elites: Tokens (E, L) of the best candidates of all so far, the best first.
        elites_active: Whether a token of those changes anything (E, L).
    """

    number: int
    rows: npt.NDArray[np.int64]
    active: npt.NDArray[np.bool_]
    advantages: npt.NDArray[np.float64]
    elites: npt.NDArray[np.int64]
    elites_active: npt.NDArray[np.bool_]


def active_tokens(space: Space, row: Tokens) -> list[bool]:
    """Which tokens of a canonical row say something: some other option is another network."""
    return [
        token > 0
        or any(
            space.canonical((*row[:i], option, *row[i + 1 :])) != row
            for option in range(1, len(choice.options))
        )
        for i, (token, choice) in enumerate(zip(row, space.choices, strict=True))
    ]


def draw(
    within: Within,
    streams: Sequence[np.random.Generator],
    *,
    sample: Sample,
    length: int,
    seen: AbstractSet[Tokens],
    redraws: int,
) -> list[Tokens]:
    """Candidates of a policy, each redrawn until it is new or there were enough redraws.

    Args:
        within: The space and the budget; what is drawn is repaired into it.
        streams: Where the numbers of each candidate come from.
        sample: Makes rows out of uniform numbers (B, ``length``).
        length: Numbers for one row.
        seen: What is not new.
        redraws: How many at most; the known candidate stays after them.
    """
    known, rows = set(seen), dict[int, Tokens]()
    left, width, undrawn = list(range(len(streams))), 1, 1 + redraws
    while left and undrawn:
        drawn = sample(np.concatenate([streams[i].random((width, length)) for i in left]))
        again = []
        for k, i in enumerate(left):
            for raw in drawn[k * width : (k + 1) * width]:
                rows[i] = within.repair(raw, rng=streams[i])
                if rows[i] not in known:
                    break
            else:
                again.append(i)
            known.add(rows[i])
        left, undrawn = again, undrawn - width
        width = min(2 * width, undrawn)
    return [rows[i] for i in range(len(streams))]


class Rollouts:
    """The memory that policy-gradient strategies share.

    Args:
        within: The space and the budget.
        objective: What is to be large.
        seed: Of the draws.
        size: Architectures per update (NASNet: 20).
        baseline: Weight of the past in the moving average of rewards, per reward (NASNet: .95).
        rewards: ``value``, or ``rank``: the share of the candidates so far that it beats, so that
            neither the unit of the objective nor one that is far off matters.
        normalise: Whether advantages are divided by their root mean square in the batch.
        elites: How many of the best candidates are handed out with every batch.
        redraws: How often a candidate that was tried before is drawn anew; then it is asked for
            again, which costs nothing but its number.

    Raises:
        UsageError: If one of the last six is out of range.
    """

    def __init__(
        self,
        within: Within,
        *,
        objective: Objective,
        seed: int,
        size: int,
        baseline: float,
        rewards: Rewards,
        normalise: bool,
        elites: int = 0,
        redraws: int = REDRAWS,
    ) -> None:
        known = rewards in ("value", "rank")
        if size < 1 or min(elites, redraws) < 0 or not 0 <= baseline < 1 or not known:
            raise UsageError(
                f"Updates of {size} architectures, {elites} elites and {redraws} redraws with a "
                f"baseline weight of {baseline} and rewards by {rewards!r} make no sense; give 1 "
                "or more, 0 or more twice, a weight from 0 to below 1, and 'value' or 'rank'."
            )
        self.within, self.objective, self.seed = within, objective, seed
        self.size, self.weight, self.rewards, self.normalise = size, baseline, rewards, normalise
        self.elites, self.redraws = elites, redraws
        self.seen: set[Tokens] = set()
        self.told = self.updates = 0
        self._waiting: list[tuple[Tokens, float]] = []
        self._values: list[float] = []  # sorted
        self._average: float | None = None
        self._elites: list[tuple[float, Tokens]] = []  # the best first, each once

    def ask(self, n: int, *, sample: Sample) -> list[Tokens]:
        """The next ``n`` candidates, each redrawn until it is new or there were enough redraws.

        Args:
            n: How many.
            sample: Makes rows (B, L) out of uniform numbers (B, L).
        """
        streams = [stream(self.seed, "policy", self.told + i) for i in range(n)]
        length = len(self.within.space.choices)
        return draw(
            self.within, streams, sample=sample, length=length, seen=self.seen,
            redraws=self.redraws,
        )  # fmt: skip

    def tell(self, trials: Sequence[Trial]) -> Iterator[Rollout]:
        """Remember trials; whenever enough are together, a batch to learn from.

        What failed or was rejected counts like the worst candidate so far.
        """
        for trial in trials:
            self.told += 1
            self.seen.add(trial.tokens)
            value = trial.value(self.objective) if trial.ok else -math.inf
            if trial.ok:
                insort(self._values, value)
                self._crown(trial.tokens, value)
            self._waiting.append((trial.tokens, value))
            if len(self._waiting) == self.size:
                waiting, self._waiting = self._waiting, []
                if self._values:
                    yield self._close(waiting)

    def _close(self, waiting: Sequence[tuple[Tokens, float]]) -> Rollout:
        rewards = np.array([self._reward(value) for _, value in waiting])
        average = float(rewards.mean()) if self._average is None else self._average
        advantages = rewards - average
        for reward in rewards.tolist():
            average = self.weight * average + (1 - self.weight) * reward
        self._average = average
        if self.normalise:
            spread = float(np.sqrt((advantages**2).mean()))
            advantages = advantages / spread if spread > 0 else advantages
        self.updates += 1
        space = self.within.space
        rows, elites = [row for row, _ in waiting], [row for _, row in self._elites]
        length = len(space.choices)
        return Rollout(
            number=self.updates - 1,
            rows=np.array(rows, dtype=np.int64),
            active=np.array([active_tokens(space, row) for row in rows]),
            advantages=advantages,
            elites=np.array(elites, dtype=np.int64).reshape(-1, length),
            elites_active=np.array(
                [active_tokens(space, row) for row in elites], dtype=np.bool_
            ).reshape(-1, length),
        )

    def _crown(self, row: Tokens, value: float) -> None:
        if self.elites and row not in {elite for _, elite in self._elites}:
            self._elites.append((value, row))
            self._elites.sort(key=lambda elite: -elite[0])
            del self._elites[self.elites :]

    def _reward(self, value: float) -> float:
        if self.rewards == "value":
            return max(value, self._values[0])
        below, above = bisect_left(self._values, value), bisect_right(self._values, value)
        return (below + above) / 2 / len(self._values)
