"""How long the finals may be: they are gone through in thought, with measured step times.

The time that is left decides how many candidates race, how many random networks they are compared
with, and how long the common recipe is.  More entrants are let in only where everybody still
trains for long; else the winner would pay for the comparison.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from netwright.effort import FIELDS, MOST_FINAL_EPOCHS, Field
from netwright.errors import UsageError
from netwright.evaluators.training import SpeedEvaluator
from netwright.finalists import Finalist
from netwright.training.halving import Rung, Standing, next_parts, shares
from netwright.training.recipe import Recipe, default_recipe, steps_per_epoch
from netwright.training.reference import DataRef
from netwright.training.support import ALONE, Support
from netwright.training.survey import DataFacts
from netwright.workers import evaluate, settled

_LOOK_SHARE = 0.15  # of a training that looks at the validation split may take
_RESTART_SECONDS = 0.5  # to build the network and read the checkpoint, at each part
_GRACE_SECONDS = 10.0  # that a comparison may be late by, before it is left out
_EQUAL = Standing(accuracy=0.5, loss=1.0)


MEASURED = FIELDS[3]  # whose networks' speeds are measured


def let_in(field: Field, finalists: Sequence[Finalist]) -> tuple[Finalist, ...]:
    """Who of the finalists a field has room for."""
    racers = [f for f in finalists if f.races][: field.racers]
    randoms = [f for f in finalists if f.random][: field.randoms]
    others = [f for f in finalists if not f.races and not f.random]
    return (*racers, *randoms, *(others if field.plain else ()))


@dataclass(frozen=True, kw_only=True)
class FinalsPlan:
    """How all finalists are trained.

    Args:
        finalists: Who.
        recipe: The common recipe.
        rungs: Where candidates are compared on the way, and every training is cut.
        measuring: Seconds of workers that it took to measure their speeds.
        pace: Seconds of one step, by network; None where they were not measured.
    """

    finalists: tuple[Finalist, ...]
    recipe: Recipe
    rungs: tuple[Rung, ...] = ()
    measuring: float = 0.0
    pace: Mapping[str, float] | None = None

    @property
    def ends(self) -> tuple[int, ...]:
        """The steps at which parts of a training end; the last is the recipe's."""
        return tuple(math.ceil(share * self.recipe.steps) for share in shares(self.rungs))

    @property
    def racers(self) -> tuple[str, ...]:
        """Networks of the race, the most promising first."""
        return tuple(dict.fromkeys(f.arch.id for f in self.finalists if f.races))

    @property
    def others(self) -> tuple[str, ...]:
        """Networks that train to their end in any case."""
        return tuple(dict.fromkeys(f.arch.id for f in self.finalists if not f.races))


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
    support: Support = ALONE,
) -> FinalsPlan:
    """Choose who is let in, and the longest common recipe whose trainings fit into ``seconds``.

    Step times are measured on the workers that will train; of those who are let in only where
    time is ample, the mean of the others is taken.  A recipe that comes out long enough to augment
    more is measured again, since that is slower.

    One that cannot take a step, for lack of memory say, takes no time either: it will fail.

    Args:
        finalists: All who may be let in.
        data: The images.
        facts: What is known of them.
        seconds: Wall clock that the trainings may take together.
        executor: Where they run.
        workers: How many run at a time.
        seed: Of the weights.
        device: Where each is trained.
        support: Of every training; a teacher takes time.

    Raises:
        UsageError: If none of them can be trained.
    """
    archs = {f.arch.id: f.arch for f in let_in(MEASURED, finalists)}
    recipe = default_recipe(facts, steps=100).for_device(device)
    field, started, measuring = FIELDS[-1], time.perf_counter(), 0.0
    for _ in range(2):
        speed = SpeedEvaluator(data=data, recipe=recipe, device=device, support=support)
        asked = [executor.submit(evaluate, speed, arch, seed) for arch in archs.values()]
        found = [settled(future) for future in asked]
        measuring += sum(outcome.seconds for outcome in found)
        pace = {
            arch_id: o.metrics.get("step_seconds", 0.0)
            for arch_id, o in zip(archs, found, strict=True)
        }
        if not any(pace.values()):
            raise UsageError(f"No finalist can be trained: {found[0].reason}.")
        left = seconds - (time.perf_counter() - started)
        field, steps = _field(finalists, pace, facts, recipe, seconds=left, workers=workers)
        new = default_recipe(facts, steps=steps).for_device(device)
        same = replace(new, steps=recipe.steps, warmup_steps=recipe.warmup_steps) == recipe
        recipe = new
        if same:
            break
    return FinalsPlan(
        finalists=let_in(field, finalists), recipe=recipe, rungs=field.rungs, measuring=measuring,
        pace=pace,
    )  # fmt: skip


def look_steps(facts: DataFacts, batch_size: int) -> float:
    """What one evaluation costs, in training steps: forward only, so a third of a step a batch."""
    return math.ceil(facts.count("val") / batch_size) / 3


def _field(
    finalists: Sequence[Finalist],
    pace: Mapping[str, float],
    facts: DataFacts,
    recipe: Recipe,
    *,
    seconds: float,
    workers: int,
) -> tuple[Field, int]:
    """The largest field that everybody can train for long in, and for how many steps."""
    look = look_steps(facts, recipe.batch_size)
    per_epoch = steps_per_epoch(facts.count("train"), recipe.batch_size)
    known = [step for step in pace.values() if step]
    usual = sum(known) / len(known)
    field, count = FIELDS[-1], 1
    for field in FIELDS:
        who = let_in(field, finalists)
        plan = FinalsPlan(finalists=who, recipe=recipe, rungs=field.rungs)
        steps = {f.arch.id: pace.get(f.arch.id, usual) for f in who}
        count = longest(plan, steps, look=look, seconds=seconds, workers=workers,
                        most=MOST_FINAL_EPOCHS * per_epoch)  # fmt: skip
        few_looks = (len(field.rungs) + 2) * look <= _LOOK_SHARE * count
        taken = rehearse(plan, steps, steps=count, look=look, workers=workers)
        fits = taken <= max(seconds, _GRACE_SECONDS)
        if fits and count >= field.epochs * per_epoch and (few_looks or not field.rungs):
            break
    return field, count


def longest(
    plan: FinalsPlan,
    pace: Mapping[str, float],
    *,
    look: float,
    seconds: float,
    workers: int,
    most: int,
) -> int:
    """Steps of a recipe by which the finals end in ``seconds``; at least 1.

    Args:
        plan: Who, and the rungs.
        pace: Seconds of one step, by network.
        look: What a look at the validation split costs, in steps.
        seconds: Wall clock.
        workers: Trainings at a time.
        most: Steps.
    """
    low, high = 1, most
    while low < high:
        middle = (low + high + 1) // 2
        if rehearse(plan, pace, steps=middle, look=look, workers=workers) <= seconds:
            low = middle
        else:
            high = middle - 1
    return low


def rehearse(
    plan: FinalsPlan, pace: Mapping[str, float], *, steps: int, look: float, workers: int
) -> float:
    """Wall clock of the finals in seconds, if every rung lets on as many as it may.

    Args:
        plan: Who, and the rungs.
        pace: Seconds of one step, by network.
        steps: Of the recipe.
        look: What a look at the validation split costs, in steps; the last part ends with two.
        workers: Trainings at a time.
    """
    ends = shares(plan.rungs)
    starts = (0.0, *ends[:-1])
    results: dict[tuple[str, int], Standing | None] = {}
    running: list[tuple[float, tuple[str, int]]] = []
    now = 0.0
    while True:
        busy = {part for _, part in running}
        todo = next_parts(plan.racers, plan.others, plan.rungs, results, images=1, pace=pace)
        for name, part in [t for t in todo if t not in busy][: workers - len(running)]:
            looks = 2 if ends[part] == 1 else 1
            count = (ends[part] - starts[part]) * steps + looks * look
            taken = count * pace[name] + _RESTART_SECONDS
            heapq.heappush(running, (now + taken, (name, part)))
        if not running:
            return now
        now, done = heapq.heappop(running)
        results[done] = _EQUAL
