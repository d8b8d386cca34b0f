"""What a check found: the trained probes, how far each score may be trusted, and the verdict."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from netwright.arch.cost import Cost
from netwright.proxies.ensembles import Ensemble, Panel
from netwright.proxies.listing import CONTROLS, Proxy
from netwright.records import Outcome, Tokens
from netwright.trust import Kind, Scores, Trust, Weighed


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A network that was trained briefly.

    Args:
        tokens: Its candidate.
        arch_id: Its network.
        cost: What it costs.
        outcome: Of the training; None where the time was up before it.
        again: Of a training with another seed, for those that had one.
    """

    tokens: Tokens
    arch_id: str
    cost: Cost
    outcome: Outcome | None
    again: Outcome | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        status = "not trained" if self.outcome is None else self.outcome.status
        return {
            "arch_id": self.arch_id,
            "tokens": list(self.tokens),
            "params": self.cost.params,
            "macs": self.cost.macs,
            "status": status,
            "reason": self.outcome.reason if self.outcome else "the time was up",
            **{name: _metric(self.outcome, name) for name in ("val_accuracy", "val_loss")},
            "again": None if self.again is None else dict(self.again.metrics),
        }


@dataclass(frozen=True, kw_only=True)
class Check:
    """How far each proxy may be trusted on some images and in some space.

    Args:
        probes: The networks that were chosen.
        weighed: Every score against the trainings.
        metric: What a training is judged by, ``val_loss`` or ``val_accuracy``.
        noise: Trainings of which the metric differs by no more are ties: twice the root mean
            square of the differences between two seeds; None where it was not measured.
        steps: Length of each training.
        epochs: The same in passes over the training images.
        seconds: Wall clock by part.
        facts: Images, space, budget, seed, device.
    """

    probes: tuple[Probe, ...]
    weighed: Weighed
    metric: str
    noise: float | None
    steps: int
    epochs: float
    seconds: Mapping[str, float]
    facts: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        """One sentence."""
        return self.weighed.verdict

    @property
    def scores(self) -> tuple[Trust, ...]:
        """One row per score, the best first."""
        return self.weighed.rows

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, as in ``check.json``."""
        return {
            **self.facts,
            "metric": self.metric,
            "steps": self.steps,
            "epochs": self.epochs,
            "noise": self.noise,
            "networks": self.weighed.networks,
            "pairs": self.weighed.pairs,
            "pairs_apart": self.weighed.apart,
            "best_by_luck": self.weighed.by_luck,
            "verdict": self.verdict,
            "scores": [row.to_dict() for row in self.scores],
            "probes": [probe.to_dict() for probe in self.probes],
            "seconds": dict(self.seconds),
        }

    def to_csv(self) -> str:
        """The table of scores, a row each; what has no value is empty."""
        text = io.StringIO()
        rows = [_flat(row) for row in self.scores]
        if rows:
            writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return text.getvalue()


def merit(outcome: Outcome | None, metric: str) -> float | None:
    """How good a training came out, larger is better; None where it failed.

    Args:
        outcome: Of the training.
        metric: ``val_loss`` or ``val_accuracy``.
    """
    if outcome is None or outcome.status != "ok" or metric not in outcome.metrics:
        return None
    return -outcome.metrics[metric] if metric == "val_loss" else outcome.metrics[metric]


def seed_noise(probes: Sequence[Probe], metric: str) -> float | None:
    """Twice the root mean square of the differences between two seeds; None where there is none.

    Args:
        probes: Some of them trained twice.
        metric: ``val_loss`` or ``val_accuracy``.
    """
    pairs = [(merit(p.outcome, metric), merit(p.again, metric)) for p in probes]
    gaps = [a - b for a, b in pairs if a is not None and b is not None]
    return 2 * math.sqrt(statistics.fmean(gap * gap for gap in gaps)) if gaps else None


def score_columns(
    scored: Sequence[Outcome], proxies: Sequence[Proxy], ensembles: Sequence[Ensemble]
) -> list[Scores]:
    """The scores of networks by score: counts, proxies, and ensembles ranked among the networks.

    Args:
        scored: Of every network, with times.
        proxies: What was scored.
        ensembles: Left out where a member was not scored.
    """
    columns = []
    listed = {p.name: p for p in proxies}
    for name in dict.fromkeys((*CONTROLS, *listed)):
        kind: Kind = "control" if name in CONTROLS else "proxy"
        values = tuple(o.metrics.get(name) for o in scored)
        up = listed[name].higher_is_better if name in listed else True
        columns.append(
            Scores(
                name=name,
                kind=kind,
                values=values,
                higher_is_better=up,
                ms=_middle(scored, (name,)),
                reason=_reason(scored, name),
            )  # fmt: skip
        )
    there = {c.name for c in columns}
    for ensemble in ensembles:
        if scored and there.issuperset(ensemble.members):
            sample = [{m: o.metrics.get(m) for m in ensemble.members} for o in scored]
            panel = Panel.of(ensemble, sample)
            values = tuple(panel.score(row) for row in sample)
            ms = _middle(scored, ensemble.members)
            columns.append(Scores(name=ensemble.name, kind="ensemble", values=values, ms=ms))
    return columns


def _flat(row: Trust) -> dict[str, Any]:
    found: dict[str, Any] = {"name": row.name, "kind": row.kind}
    for name in ("spearman", "kendall"):
        interval = getattr(row, name)
        ends = asdict(interval) if interval else {}
        found |= {name: ends.get("value")}
        found |= {f"{name}_{end}": ends.get(end) for end in ("low", "high")}
    for name in ("partial", "p_value", "lead", "lead_at_least", "failed", "ms", "reason"):
        found[name] = getattr(row, name)
    return found


def _metric(outcome: Outcome | None, name: str) -> float | None:
    return outcome.metrics.get(name) if outcome is not None and outcome.status == "ok" else None


def _middle(scored: Sequence[Outcome], names: Sequence[str]) -> float | None:
    taken = [
        math.fsum(o.metrics.get(f"{name} ms", 0.0) for name in names)
        for o in scored
        if any(f"{name} ms" in o.metrics for name in names)
    ]
    return statistics.median(taken) if taken else None


def _reason(scored: Sequence[Outcome], name: str) -> str:
    """Why the first network has no such score, out of the reasons of all its scores."""
    for outcome in scored:
        if name not in outcome.metrics:
            parts = outcome.reason.split("; ")
            mine = [p.removeprefix(f"{name}: ") for p in parts if p.startswith(f"{name}: ")]
            return mine[0] if mine else outcome.reason
    return ""
