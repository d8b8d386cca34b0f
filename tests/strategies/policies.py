"""What tests of policy-gradient strategies share: bare spaces, rewards and a search among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from netwright.arch.cost import Cost, cost
from netwright.arch.graph import Architecture
from netwright.contracts import Choice, Strategy
from netwright.fakes import TinySpace
from netwright.records import Budget, Objective, Outcome, Tokens, Trial
from netwright.spaces.tokens import check, choice
from netwright.spaces.within import Range, Survey, Within
from netwright.strategies.controller import Controller

SCORE = Objective(metric="score")
COST: Cost = cost(TinySpace().decode((0, 0, 0, 0)))


@dataclass(frozen=True, kw_only=True)
class Levers:
    """A space of ``len(sizes)`` choices that all matter; its networks are of no interest."""

    sizes: tuple[int, ...]
    name: str = "levers"

    @property
    def choices(self) -> tuple[Choice, ...]:
        return tuple(choice(f"lever {i}", range(size)) for i, size in enumerate(self.sizes))

    def canonical(self, tokens: Tokens) -> Tokens:
        return check(self, tokens)

    def decode(self, tokens: Tokens) -> Architecture:
        return TinySpace().decode((0, 0, 0, 0))


def levers(*sizes: int) -> Within:
    """That space without a budget."""
    none = Survey(ranges=dict[str, Range](), cheapest={})
    return Within(
        space=Levers(sizes=sizes), budget=Budget(), anchor=(0,) * len(sizes), survey=none
    )


def trials(rows: Sequence[Tokens], score: Callable[[Tokens], float], first: int) -> list[Trial]:
    """What the loop would tell of rows with this score."""
    return [
        Trial(
            number=first + i,
            tokens=row,
            arch_id=str(row),
            cost=COST,
            outcome=Outcome(status="ok", metrics={"score": score(row)}),
        )
        for i, row in enumerate(rows)
    ]


def learn(strategy: Strategy, score: Callable[[Tokens], float], *, updates: int) -> None:
    """Ask and tell in batches of 20."""
    for batch in range(updates):
        strategy.tell(trials(strategy.ask(20), score, 20 * batch))


def probability(policy: Controller, row: Tokens) -> float:
    """Of drawing this row."""
    with torch.no_grad():
        return float(policy(torch.tensor([row]))[0].sum().exp())


def entropy(policy: Controller, row: Tokens) -> float:
    """Mean entropy of the softmaxes that lead to this row, in nats."""
    with torch.no_grad():
        return float(policy(torch.tensor([row]))[1].mean())


def parameters(policy: Controller) -> Tensor:
    """All weights in a row."""
    return torch.cat([p.detach().flatten() for p in policy.parameters()])
