"""The finals: the best candidates and plain baselines, trained alike, in the time that is left.

A search result means little alone.  Beside the three best candidates stand a random network under
the same budget and the one with the most parameters, all trained by one recipe and one seed.  The
length of the recipe is planned from measured step times, and every training is cut into a few
segments with a checkpoint between them, so that workers stay busy, progress is seen, and a crash
costs one segment.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from typing import Any

from netwright.arch.cost import Cost, cost
from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.evaluators.training import SpeedEvaluator, TrainingEvaluator
from netwright.events import FinalsProgress
from netwright.records import Objective, Outcome, Tokens, Trial
from netwright.rng import stream
from netwright.spaces.edit import mutate
from netwright.spaces.within import Within
from netwright.training.recipe import Recipe, default_recipe, steps_per_epoch
from netwright.training.reference import DataRef
from netwright.training.survey import DataFacts
from netwright.workers import evaluate, worker_died

BEST = 3
MOST_SEGMENTS = 4
_LOOK_SHARE = 0.15  # of a training that looks at the validation split may take
MOST_EPOCHS = 200
_RESTART_SECONDS = 0.5  # to build the network and read the checkpoint, at each segment


@dataclass(frozen=True, kw_only=True)
class Finalist:
    """A network that is trained for the comparison at the end.

    Args:
        role: ``search 1`` to ``search 3``, ``random`` or ``most params``.
        tokens: Its candidate.
        arch: The network.
    """

    role: str
    tokens: Tokens
    arch: Architecture


@dataclass(frozen=True, kw_only=True)
class Final:
    """What came of a finalist."""

    role: str
    tokens: Tokens
    arch_id: str
    cost: Cost
    outcome: Outcome

    @property
    def accuracy(self) -> float | None:
        """On the validation split; None where training failed."""
        return self.outcome.metrics.get("val_accuracy") if self.outcome.status == "ok" else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "role": self.role,
            "arch_id": self.arch_id,
            "tokens": list(self.tokens),
            "val_accuracy": self.accuracy,
            "params": self.cost.params,
            "macs": self.cost.macs,
            "peak_activation_bytes": self.cost.peak_activation_bytes,
            "train_seconds": self.outcome.metrics.get("train_seconds", self.outcome.seconds),
            "status": self.outcome.status,
            "reason": self.outcome.reason,
        }


def choose(
    within: Within, trials: Sequence[Trial], objective: Objective, *, seed: int
) -> tuple[Finalist, ...]:
    """The three best trials, a random candidate and the one with the most parameters.

    Args:
        within: The space and the budget.
        trials: The history; failed ones are passed over.
        objective: What the search made large.
        seed: Of the two baselines.
    """
    ok = [t for t in trials if t.ok and t.duplicate_of is None]
    ranked = sorted(ok, key=lambda t: (-t.value(objective), t.number))
    rows = [(f"search {i + 1}", t.tokens) for i, t in enumerate(ranked[:BEST])]
    rows.append(("random", within.sample(rng=stream(seed, "random baseline"))))
    rows.append(("most params", most_params(within, seed=seed)))
    return tuple(
        Finalist(role=role, tokens=tokens, arch=within.space.decode(tokens))
        for role, tokens in rows
    )


def most_params(within: Within, *, seed: int, looks: int = 3000) -> Tokens:
    """The candidate under the budget with the most parameters that a plain climb finds.

    No network is built: the count comes from the graph, so thousands are looked at in a second or
    two.  This is the control that a training-free search has to beat.

    Args:
        within: The space and the budget.
        seed: Of the climb.
        looks: Candidates looked at.
    """
    rng = stream(seed, "most params")

    def params(tokens: Tokens) -> int:
        return cost(within.space.decode(tokens)).params

    best = within.sample(rng=rng)
    most = params(best)
    for look in range(looks):
        fresh = look < looks // 10
        row = within.sample(rng=rng) if fresh else mutate(within.space, best, rng=rng, changes=2)
        row = within.repair(row, rng=rng)
        count = params(row)
        if count > most:
            best, most = row, count
    return best


@dataclass(frozen=True, kw_only=True)
class FinalsPlan:
    """How all finalists are trained.

    Args:
        recipe: The common recipe.
        segments: Parts that each training is cut into.
    """

    recipe: Recipe
    segments: int


def plan_finals(
    finalists: Sequence[Finalist],
    data: DataRef,
    facts: DataFacts,
    *,
    seconds: float,
    executor: Executor,
    workers: int,
    seed: int,
    device: str,
) -> FinalsPlan:
    """Choose the longest common recipe whose trainings fit into ``seconds``.

    The step time of every finalist is measured on the workers that will train it.  A recipe that
    comes out long enough to augment more is measured again, since that is slower.

    One that cannot take a step, for lack of memory say, takes no time either: it will fail.

    Args:
        finalists: Who is to be trained.
        data: The images.
        facts: What is known of them.
        seconds: Wall clock that the trainings may take together.
        executor: Where they run.
        workers: How many run at a time.
        seed: Of the weights.
        device: Where each is trained.

    Raises:
        UsageError: If none of them can be trained.
    """
    archs = list({f.arch.id: f.arch for f in finalists}.values())
    recipe = default_recipe(facts, steps=100).for_device(device)
    started = time.perf_counter()
    left = seconds
    for _ in range(2):
        speed = SpeedEvaluator(data=data, recipe=recipe, device=device)
        asked = [executor.submit(evaluate, speed, arch, seed) for arch in archs]
        found = [_outcome(future, device) for future in asked]
        steps = [o.metrics["step_seconds"] for o in found if o.status == "ok"]
        if not steps:
            raise UsageError(f"No finalist can be trained: {found[0].reason}.")
        left = seconds - (time.perf_counter() - started)
        longest = _longest(steps, facts, recipe.batch_size, seconds=left, workers=workers)
        new = default_recipe(facts, steps=longest).for_device(device)
        same = replace(new, steps=recipe.steps, warmup_steps=recipe.warmup_steps) == recipe
        recipe = new
        if same:
            break
    return FinalsPlan(
        recipe=recipe, segments=_segments(recipe.steps, _look_steps(facts, recipe.batch_size))
    )


def _look_steps(facts: DataFacts, batch_size: int) -> float:
    """What one evaluation costs, in training steps: forward only, so a third of a step a batch."""
    return math.ceil(facts.count("val") / batch_size) / 3


def _segments(steps: int, look: float) -> int:
    """As many parts as looks may cost: one after each part, and one more at the end."""
    return max(1, min(MOST_SEGMENTS, int(_LOOK_SHARE * steps / look) - 1))


def _longest(
    steps: Sequence[float], facts: DataFacts, batch_size: int, *, seconds: float, workers: int
) -> int:
    """Steps of a recipe that every finalist can be trained by in ``seconds``.

    Two things bound it: the work of all, shared by the workers, and the slowest network, whose
    segments follow one another however many workers there are.
    """
    look = _look_steps(facts, batch_size)
    most = MOST_EPOCHS * steps_per_epoch(facts.count("train"), batch_size)
    shared = len(steps) / min(workers, len(steps))  # trainings that follow one another
    step = max(sum(steps) / min(workers, len(steps)), max(steps))
    for segments in range(MOST_SEGMENTS, 0, -1):
        left = seconds - _RESTART_SECONDS * segments * shared
        count = int(left / step - (segments + 1) * look)
        if count >= 1 and (_segments(count, look) >= segments or segments == 1):
            return min(most, count)
    return 1


def train(
    finalists: Sequence[Finalist],
    data: DataRef,
    *,
    plan: FinalsPlan,
    executor: Executor,
    seed: int,
    device: str,
    folder: str,
    on_progress: Callable[[FinalsProgress], None] | None = None,
) -> tuple[Final, ...]:
    """Train every finalist by the same recipe and seed; a network with two roles is trained once.

    Args:
        finalists: Who.
        data: The images.
        plan: How.
        executor: Where; one segment is one task.
        seed: Of weights and order.
        device: Where each is trained.
        folder: For checkpoints and weights.
        on_progress: Called after every segment.

    Returns:
        One ``Final`` for every finalist, in their order.
    """
    archs = {f.arch.id: f.arch for f in finalists}
    recipe, segments = plan.recipe, plan.segments
    ends = [math.ceil(recipe.steps * (k + 1) / segments) for k in range(segments)]
    evaluator = TrainingEvaluator(data=data, recipe=recipe, device=device, folder=folder)
    waiting: dict[Future[Outcome], tuple[str, int]] = {}
    outcomes: dict[str, Outcome] = {}
    started, done, total = time.perf_counter(), 0, len(archs) * segments

    def start(arch_id: str, segment: int) -> None:
        task = replace(evaluator, until=ends[segment])
        waiting[executor.submit(evaluate, task, archs[arch_id], seed)] = (arch_id, segment)

    for arch_id in archs:
        start(arch_id, 0)
    while waiting:
        finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in finished:
            arch_id, segment = waiting.pop(future)
            outcome = _outcome(future, device)
            outcomes[arch_id] = outcome
            over = outcome.status != "ok" or segment + 1 == segments
            done += segments - segment if over else 1
            if not over:
                start(arch_id, segment + 1)
        if on_progress is not None:
            spent = time.perf_counter() - started
            on_progress(
                FinalsProgress(
                    done=done,
                    segments=total,
                    accuracies={
                        f.role: outcomes[f.arch.id].metrics["val_accuracy"]
                        for f in finalists
                        if "val_accuracy" in getattr(outcomes.get(f.arch.id), "metrics", {})
                    },
                    seconds_left=spent / done * (total - done),
                )
            )
    return tuple(
        Final(
            role=f.role,
            tokens=f.tokens,
            arch_id=f.arch.id,
            cost=cost(f.arch),
            outcome=outcomes[f.arch.id],
        )
        for f in finalists
    )


def _outcome(future: Future[Outcome], device: str) -> Outcome:
    try:
        return future.result()
    except Exception as err:
        if not worker_died(err):
            raise
        return Outcome(status="failed", reason=str(err) or type(err).__name__, device=device)
