"""The finals: candidates race and plain networks run beside them, trained alike.

All are trained by one recipe and one seed, in parts with a checkpoint between them.  What every
part came to is kept at once, and who goes on follows from that alone; so workers stay busy,
progress is seen, a crash costs what was trained since the last checkpoint, and finals that were
killed end as they would have.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from netwright.arch.cost import Cost, cost
from netwright.evaluators.training import TrainingEvaluator
from netwright.events import FinalsProgress
from netwright.records import Outcome, Tokens
from netwright.rehearsal import FinalsPlan
from netwright.run_folder import RunFolder
from netwright.training.halving import Standing, next_parts, parts_left
from netwright.training.reference import DataRef
from netwright.training.support import ALONE, Support
from netwright.workers import evaluate, settled

Part = tuple[str, int]
"""A network by its id, and the number of a part of its training, from 0."""


@dataclass(frozen=True, kw_only=True)
class Final:
    """What came of a finalist.

    Args:
        role: Of the finalist.
        tokens: Of its candidate; none for a network from outside the space.
        arch_id: Of its network.
        cost: Of its network.
        outcome: Of the last part that it was trained for.
        stopped: The step after which it was left behind; None where it was trained to the end.
        seconds: Of a worker, for all its parts.
    """

    role: str
    tokens: Tokens
    arch_id: str
    cost: Cost
    outcome: Outcome
    stopped: int | None = None
    seconds: float = 0.0

    @property
    def accuracy(self) -> float | None:
        """On the validation split, fully trained; None where it failed or was left behind."""
        return None if self.stopped is not None else self.reached

    @property
    def reached(self) -> float | None:
        """On the validation split, when it ended or was left behind; None where it failed."""
        return self.outcome.metrics.get("val_accuracy") if self.outcome.status == "ok" else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        share = self.outcome.metrics.get("inherited")
        return {
            "role": self.role,
            "arch_id": self.arch_id,
            "tokens": list(self.tokens),
            "val_accuracy": self.accuracy,
            "stopped": self.stopped,
            "reached": self.reached,
            "params": self.cost.params,
            "macs": self.cost.macs,
            "peak_activation_bytes": self.cost.peak_activation_bytes,
            "train_seconds": self.outcome.metrics.get("train_seconds", self.outcome.seconds),
            **({"inherited": share} if share is not None else {}),
            "status": self.outcome.status,
            "reason": self.outcome.reason,
        }


def train(
    plan: FinalsPlan,
    data: DataRef,
    *,
    images: int,
    executor: Executor,
    workers: int,
    seed: int,
    device: str,
    folder: str,
    support: Support = ALONE,
    on_progress: Callable[[FinalsProgress], None] | None = None,
) -> tuple[Final, ...]:
    """Train the finalists by one recipe and seed; a network with two roles is trained once.

    Args:
        plan: Who, and how.
        data: The images.
        images: Of the validation split.
        executor: Where; one part is one task.
        workers: Tasks at a time.
        seed: Of weights and order.
        device: Where each is trained.
        folder: For checkpoints, weights and what the parts came to.
        support: Of every training.
        on_progress: Called after every part.

    Returns:
        One ``Final`` for every finalist, in their order.
    """
    archs = {f.arch.id: f.arch for f in plan.finalists}
    evaluator = TrainingEvaluator(
        data=data, recipe=plan.recipe, device=device, folder=folder, support=support
    )
    kept = _Kept(plan, evaluator, seed=seed)
    running: dict[Future[Outcome], Part] = {}
    started, before = time.perf_counter(), len(kept.outcomes)

    def fill() -> None:
        todo = next_parts(
            plan.racers, plan.others, plan.rungs, kept.standings(), images=images, pace=plan.pace
        )
        for part in todo:
            if len(running) < workers and part not in running.values():
                task = replace(evaluator, until=plan.ends[part[1]])
                running[executor.submit(evaluate, task, archs[part[0]], seed)] = part

    fill()
    while running:
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        kept.add({running.pop(future): settled(future) for future in finished})
        fill()
        if on_progress is not None:
            left = parts_left(
                plan.racers, plan.others, plan.rungs, kept.standings(), images=images
            )
            done = len(kept.outcomes)
            spent = time.perf_counter() - started
            on_progress(
                FinalsProgress(
                    done=done,
                    segments=done + left,
                    accuracies=_accuracies(plan, kept.outcomes),
                    seconds_left=spent / max(1, done - before) * left,
                )
            )
    return tuple(_final(f.role, f.tokens, f.arch.id, plan, kept.outcomes) for f in plan.finalists)


def _accuracies(plan: FinalsPlan, outcomes: Mapping[Part, Outcome]) -> dict[str, float]:
    """The latest validation accuracy of every role that has one."""
    latest = {name: outcomes[name, part].metrics for name, part in sorted(outcomes)}
    return {
        f.role: latest[f.arch.id]["val_accuracy"]
        for f in plan.finalists
        if "val_accuracy" in latest.get(f.arch.id, {})
    }


def _final(
    role: str, tokens: Tokens, arch_id: str, plan: FinalsPlan, outcomes: Mapping[Part, Outcome]
) -> Final:
    last = max(part for name, part in outcomes if name == arch_id)
    outcome = outcomes[arch_id, last]
    stopped = outcome.status == "ok" and last + 1 < len(plan.ends)
    arch = next(f.arch for f in plan.finalists if f.arch.id == arch_id)
    return Final(
        role=role,
        tokens=tokens,
        arch_id=arch_id,
        cost=cost(arch),
        outcome=outcome,
        stopped=plan.ends[last] if stopped else None,
        seconds=sum(o.seconds for (name, _), o in outcomes.items() if name == arch_id),
    )


class _Kept:
    """What every part came to, in a file beside the checkpoints."""

    def __init__(self, plan: FinalsPlan, evaluator: TrainingEvaluator, *, seed: int) -> None:
        folder = Path(evaluator.folder or ".")
        self.run, self.path = RunFolder(folder.parent), folder / f"parts-{plan.recipe.steps}.json"
        self.of = {"recipe": plan.recipe.to_dict(), "ends": list(plan.ends), "seed": seed}
        self.of |= evaluator.support.to_dict()
        self.last = len(plan.ends) - 1
        self.outcomes: dict[Part, Outcome] = {}
        if self.path.is_file():
            found = self.run.read_json(self.path, ("of", "parts"))
            if found["of"] == self.of:
                self._read(found["parts"], evaluator)

    def _read(self, rows: list[dict[str, Any]], evaluator: TrainingEvaluator) -> None:
        for row in rows:
            part = (row["network"], row["part"])
            weights = evaluator.path(row["network"], "weights")
            lost = (
                part[1] == self.last
                and row["status"] == "ok"
                and not (weights and weights.exists())
            )
            if not lost:
                named = {k: v for k, v in row.items() if k not in ("network", "part")}
                self.outcomes[part] = Outcome(**named)

    def standings(self) -> dict[Part, Standing | None]:
        """How each stood at the end of each part."""
        return {part: _standing(outcome) for part, outcome in self.outcomes.items()}

    def add(self, found: Mapping[Part, Outcome]) -> None:
        """Keep more, on disk when this returns."""
        self.outcomes |= found
        rows = [
            {"network": name, "part": part, **asdict(outcome)}
            for (name, part), outcome in sorted(self.outcomes.items())
        ]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.run.write_json(self.path, {"of": self.of, "parts": rows})


def _standing(outcome: Outcome) -> Standing | None:
    if outcome.status != "ok":
        return None
    return Standing(accuracy=outcome.metrics["val_accuracy"], loss=outcome.metrics["val_loss"])
