"""What flows between the parts: tokens, budget, objective, outcome, trial.

All are frozen, made of plain types, and survive JSON exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from netwright.arch.cost import COST_NAMES, LATENCY, Cost, figure
from netwright.errors import UsageError
from netwright.units import format_bytes, format_count

Tokens = tuple[int, ...]
Status = Literal["ok", "failed", "rejected"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Upper limits on what a network may cost; None does not limit.

    Args:
        macs: Multiply-adds for one image.
        params: Trainable numbers.
        peak_activation_bytes: Activation memory for one image in float32.
        latency_ms: Milliseconds of a pass.
    """

    macs: float | None = None
    params: float | None = None
    peak_activation_bytes: float | None = None
    latency_ms: float | None = None

    def __post_init__(self) -> None:
        for name, limit in self.limits().items():
            if not limit > 0 or math.isinf(limit):
                raise UsageError(f"A budget of {limit} {name} makes no sense; give a number > 0.")

    def limits(self) -> dict[str, float]:
        """The limits that are set, by the name of the cost."""
        every = {name: getattr(self, name) for name in (*COST_NAMES, LATENCY)}
        return {name: limit for name, limit in every.items() if limit is not None}

    def excess(self, cost: Cost) -> float:
        """The largest ratio of a cost to its limit; at most 1 means that the network fits.

        Raises:
            UsageError: If latency is limited and the cost does not say it.
        """
        worst = 0.0
        if self.macs is not None:
            worst = cost.macs / self.macs
        if self.params is not None:
            worst = max(worst, cost.params / self.params)
        if self.peak_activation_bytes is not None:
            worst = max(worst, cost.peak_activation_bytes / self.peak_activation_bytes)
        if self.latency_ms is not None:
            if cost.latency_ms is None:
                raise UsageError("A latency budget needs a predictor; nothing tells the latency.")
            worst = max(worst, cost.latency_ms / self.latency_ms)
        return worst

    def violations(self, cost: Cost) -> tuple[str, ...]:
        """One phrase for every limit that the network breaks; empty when it fits."""
        if self.excess(cost) <= 1:
            return ()
        return tuple(
            _exceeds(name, getattr(cost, name), limit)
            for name, limit in self.limits().items()
            if getattr(cost, name) > limit
        )

    def __str__(self) -> str:
        limits = [f"{name} ≤ {print_cost(name, v)}" for name, v in self.limits().items()]
        return ", ".join(limits) or "no limit"


def _exceeds(name: str, value: float, limit: float) -> str:
    came, allowed = print_cost(name, value), print_cost(name, limit)
    if came == allowed:  # too close for three digits
        digits = ".6g" if name == LATENCY else ",.0f"
        came, allowed = format(value, digits), format(limit, digits)
    return f"{name} {came} > {allowed}"


def print_cost(name: str, value: float) -> str:
    """A cost as people write it: ``20.0M`` MACs or parameters, ``4.00MB``, ``5.2ms``."""
    if name == LATENCY:
        return f"{value:.3g}ms"
    return format_bytes(value) if name.endswith("bytes") else format_count(value)


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One cost in a multi-objective reward: ``(cost / target) ** w`` (MnasNet, Eq. 2-3).

    Args:
        cost: Name of a cost or metric, such as ``macs`` or ``latency_ms``.
        target: The value aimed at, in the unit of the cost.
        below: Exponent while the cost is at most the target (α in the paper).
        above: Exponent once it is more (β in the paper).  ``-0.07, -0.07`` is the paper's soft
            reward, ``0, -1`` its hard one.
    """

    cost: str
    target: float
    below: float = -0.07
    above: float = -0.07

    def __post_init__(self) -> None:
        if not self.target > 0:
            raise UsageError(f"The target of {self.cost} must be above 0; it is {self.target}.")

    def __call__(self, value: float) -> float:
        """What the cost multiplies the metric by.

        Raises:
            UsageError: If the cost is not above 0, where a power of it means nothing.
        """
        if not value > 0:
            raise UsageError(f"{self.cost} is {value}; it can only be weighed when above 0.")
        ratio = value / self.target
        return float(ratio ** (self.below if ratio <= 1 else self.above))


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a search makes as good as it can: a metric, optionally weighed against costs.

    Args:
        metric: Name of the metric, in its natural direction.
        direction: Whether more or less of it is better.
        factors: Costs to weigh it against; the metric must then be positive.

    Raises:
        UsageError: For a ``test_`` metric; search may only see validation data.  Also for a
            direction that is neither, or factors of what is to be small.
    """

    metric: str
    direction: Literal["max", "min"] = "max"
    factors: tuple[Factor, ...] = ()

    def __post_init__(self) -> None:
        if self.metric.startswith("test_"):
            raise UsageError(
                f"A search must not see {self.metric!r}: test data is for the end. "
                "Search on a validation metric."
            )
        if self.direction not in ("max", "min"):
            raise UsageError(f"Direction is {self.direction!r}; it must be 'max' or 'min'.")
        if self.factors and self.direction == "min":
            raise UsageError("Factors weigh a metric that is to be large; this one is minimised.")

    def __call__(self, metrics: Mapping[str, float], cost: Cost) -> float:
        """The value of a candidate, larger is better.

        Raises:
            UsageError: If a metric is missing, or not positive while there are factors.
        """
        value = _found(metrics, self.metric)
        if self.direction == "min":
            return -value
        if self.factors and value <= 0:
            raise UsageError(
                f"{self.metric} is {value:.4g}; a reward that multiplies it with costs needs a "
                "metric above 0, such as an accuracy."
            )
        for factor in self.factors:
            known = figure(cost, factor.cost)
            value *= factor(_found(metrics, factor.cost) if known is None else known)
        return value


def _found(metrics: Mapping[str, float], name: str) -> float:
    if name not in metrics:
        raise UsageError(f"The evaluator gave {', '.join(metrics) or 'nothing'}, not {name!r}.")
    return metrics[name]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of looking at one candidate.

    Args:
        status: ``ok``, ``failed`` (a reason is given) or ``rejected`` (over budget; free).
        metrics: Finite numbers by name; a ``nan`` is a failure, never a metric.
        reason: Why it failed or was rejected.
        seconds: What the look cost.
        device: Where it was taken, such as ``cpu``.
    """

    status: Status
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0
    device: str = ""

    def __post_init__(self) -> None:
        # A copy of plain numbers: what an evaluator does with its own dict later changes nothing.
        object.__setattr__(self, "metrics", {k: float(v) for k, v in self.metrics.items()})
        bad = [name for name, value in self.metrics.items() if not math.isfinite(value)]
        if bad:
            raise ValueError(f"Metric {bad[0]} is {self.metrics[bad[0]]}; that is a failure.")
        if self.status not in ("ok", "failed", "rejected"):
            raise ValueError(f"No status is called {self.status!r}: ok, failed or rejected.")
        if self.status != "ok" and not self.reason:
            raise ValueError(f"A {self.status} outcome needs a reason.")

    @staticmethod
    def of(metrics: Mapping[str, float], *, seconds: float, device: str) -> Outcome:
        """``ok`` if every metric is finite, else ``failed``, naming the first that is not."""
        bad = [name for name, value in metrics.items() if not math.isfinite(value)]
        if bad:
            kept = {k: v for k, v in metrics.items() if k not in bad}
            reason = f"{bad[0]} became {metrics[bad[0]]}"
            return Outcome(
                status="failed", metrics=kept, reason=reason, seconds=seconds, device=device
            )
        return Outcome(status="ok", metrics=dict(metrics), seconds=seconds, device=device)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One candidate of a search and what came of it.

    Args:
        number: Place in the order in which candidates were asked for, from 0.
        tokens: The candidate, canonical.
        arch_id: Content id of its architecture.
        cost: What it costs.
        outcome: What came of it; a duplicate carries the outcome of its original, at 0 seconds.
        duplicate_of: Number of the earlier trial that is the same network, if there is one.
    """

    number: int
    tokens: Tokens
    arch_id: str
    cost: Cost
    outcome: Outcome
    duplicate_of: int | None = None

    @property
    def ok(self) -> bool:
        """Whether it has metrics to learn from."""
        return self.outcome.status == "ok"

    def value(self, objective: Objective) -> float:
        """What the objective says of it; larger is better."""
        return objective(self.outcome.metrics, self.cost)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; ``Trial.from_dict`` reads them back exactly."""
        return {
            "number": self.number,
            "tokens": list(self.tokens),
            "arch_id": self.arch_id,
            "cost": {
                name: getattr(self.cost, name)
                for name in (*COST_NAMES, LATENCY)
                if name in COST_NAMES or self.cost.latency_ms is not None
            },
            "status": self.outcome.status,
            "metrics": dict(self.outcome.metrics),
            "reason": self.outcome.reason,
            "seconds": self.outcome.seconds,
            "device": self.outcome.device,
            "duplicate_of": self.duplicate_of,
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Trial:
        """The trial that ``to_dict`` described."""
        return Trial(
            number=data["number"],
            tokens=tuple(data["tokens"]),
            arch_id=data["arch_id"],
            cost=Cost(**data["cost"]),
            outcome=Outcome(
                status=data["status"],
                metrics=data["metrics"],
                reason=data["reason"],
                seconds=data["seconds"],
                device=data["device"],
            ),
            duplicate_of=data["duplicate_of"],
        )
