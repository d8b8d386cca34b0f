"""Families of sizes: find α, β, γ for a base network, and grow it to several budgets.

Tan & Le, "EfficientNet" (ICML 2019), section 3.3, step 1: with φ = 1, a grid search over depth,
width and resolution under α·β²·γ² ≈ 2.  The paper gives neither grid nor tolerance; a step of 0.05
and a tolerance of 0.08 are used here, the tightest round one that admits the published triple
(1.2, 1.1, 1.15), whose product is 1.92.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property

from netwright.arch.cost import Cost
from netwright.arch.graph import Architecture
from netwright.arch.staged import read_staged
from netwright.contracts import Choice, Evaluator
from netwright.errors import UsageError
from netwright.ledger import Progress, TimedStore
from netwright.loop import run_search
from netwright.records import Budget, Objective, Tokens
from netwright.scaling import COMPOUND, Rule, scaled_by_phi
from netwright.spaces.tokens import check
from netwright.strategies.exhaustive import Exhaustive


def grid(*, step: float = 0.05, tolerance: float = 0.08, factor: float = 2.0) -> tuple[Rule, ...]:
    """All triples of the grid whose MACs per φ are about ``factor``.

    Args:
        step: Between two values of a coefficient.
        tolerance: Largest distance of α·β²·γ² from ``factor``.
        factor: How many times the MACs one φ is to take.

    Returns:
        Rules with α in [1, 1.5], β and γ in [1, 1.4], in lexicographic order.

    Raises:
        UsageError: If the step or the tolerance admits no triple.
    """
    if not step > 0:
        raise UsageError(f"A grid needs a step above 0; {step} came.")

    def values(top: float) -> list[float]:
        return [round(1 + step * i, 6) for i in range(math.floor((top - 1) / step + 1e-9) + 1)]

    found = tuple(
        Rule(alpha=a, beta=b, gamma=g)
        for a in values(1.5)
        for b in values(1.4)
        for g in values(1.4)
        if max(a, b, g) > 1 and abs(a * b**2 * g**2 - factor) <= tolerance + 1e-9
    )
    if not found:
        raise UsageError(
            f"No triple with step {step} is within {tolerance} of {factor}; raise the tolerance."
        )
    return found


@dataclass(frozen=True)
class ScalingSpace:
    """The networks that one φ makes of a base network, one for every rule.

    Being a space, it is searched, stored and resumed like any other.

    Args:
        base: A staged network.
        rules: What one φ may multiply.
        phi: How far to scale.
    """

    base: Architecture
    rules: tuple[Rule, ...]
    phi: float = 1.0

    @property
    def name(self) -> str:
        """With the base's content id, so that the trials of another base cannot be resumed."""
        return f"scaling of {self.base.id} by {self.phi:g}"

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """One: which rule."""
        labels = tuple(f"{r.alpha:g} {r.beta:g} {r.gamma:g}" for r in self.rules)
        return (Choice("alpha beta gamma", labels),)

    def canonical(self, tokens: Tokens) -> Tokens:
        """The tokens themselves."""
        return check(self, tokens)

    def decode(self, tokens: Tokens) -> Architecture:
        """The base scaled by the rule that the token names."""
        (number,) = check(self, tokens)
        return scaled_by_phi(read_staged(self.base), self.phi, self.rules[number]).architecture()


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A rule and what came of the network that it makes."""

    rule: Rule
    cost: Cost
    resolution: int
    """Side of the network's images in pixels."""
    value: float | None
    """What the objective says, larger is better; None where evaluation failed."""
    reason: str
    """Why there is no value."""


@dataclass(frozen=True, kw_only=True)
class ScalingFit:
    """The whole table of a grid search over scaling rules, best first."""

    table: tuple[Judged, ...]

    @property
    def best(self) -> Rule:
        """The rule of the best network.

        Raises:
            UsageError: If no network could be judged.
        """
        if self.table[0].value is None:
            raise UsageError(f"No scaled network could be judged: {self.table[0].reason}.")
        return self.table[0].rule


def fit_scaling(
    base: Architecture,
    judge: Evaluator,
    *,
    objective: Objective,
    store: TimedStore,
    executor: Executor,
    seed: int,
    rules: Sequence[Rule] | None = None,
    phi: float = 1.0,
    on_progress: Callable[[Progress], None] | None = None,
) -> ScalingFit:
    """Judge every rule of a grid at one φ: by short trainings, or more cheaply by a proxy.

    A killed fit is resumed by calling it again with the same store.

    Args:
        base: A staged network.
        judge: Trains or scores a network, such as a ``TrainingEvaluator``; it must open its
            images at the size that the network takes, as ours do.
        objective: What is to be large.
        store: Empty, or of the same fit before.
        executor: Who judges.
        seed: Of the judgements.
        rules: What to try; :func:`grid` where None.
        phi: How far to scale.
        on_progress: Called with every change.

    Raises:
        UsageError: If the base is not staged.
        StoreError: If the store holds another search.
    """
    space = ScalingSpace(base, tuple(rules or grid()), phi)
    run_search(
        space,
        Exhaustive(space),
        evaluator=judge,
        store=store,
        executor=executor,
        objective=objective,
        budget=Budget(),
        seed=seed,
        trials=len(space.rules),
        on_progress=on_progress,
    )
    rows = [
        Judged(
            rule=space.rules[trial.tokens[0]],
            cost=trial.cost,
            resolution=space.decode(trial.tokens).input_shape[1],
            value=trial.value(objective) if trial.ok else None,
            reason=trial.outcome.reason,
        )
        for trial in store
    ]
    ordered = sorted(rows, key=lambda row: -math.inf if row.value is None else row.value)
    return ScalingFit(table=tuple(reversed(ordered)))


def single_dimensions(rule: Rule = COMPOUND) -> dict[str, Rule]:
    """The compound rule and the three that scale one dimension alone, at equal MACs per φ."""
    return {
        "compound": rule,
        "depth": rule.only("depth"),
        "width": rule.only("width"),
        "resolution": rule.only("resolution"),
    }
