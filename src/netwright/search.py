"""A whole search: survey, search, final trainings, one look at the test data, the run's files.

The wall clock that the user gives is shared out here: four tenths for setting up and searching,
the rest for training the finalists.  Whatever is interrupted goes on where it was.
"""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from typing import Any

from netwright.arch.cost import COST_NAMES
from netwright.arch.graph import Architecture
from netwright.contracts import Evaluator, Strategy
from netwright.errors import UsageError
from netwright.events import Event, Stage
from netwright.finals import (
    Final,
    Finalist,
    choose,
    plan,
    train,
)
from netwright.ledger import Progress, TimedStore
from netwright.loop import BATCH, Summary, run_search
from netwright.nn.build import build
from netwright.nn.weights import load_weights, save_weights
from netwright.records import Objective
from netwright.run_folder import RunFolder
from netwright.spaces.within import Within
from netwright.stats import wilson
from netwright.training.evaluate import evaluate
from netwright.training.recipe import Recipe
from netwright.training.reference import DataRef
from netwright.training.survey import DataFacts

SEARCH_SHARE = 0.4
_RESERVE = 0.03  # of the time, for what comes after the last training


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search hands back."""

    best: Architecture
    """The finalist with the highest validation accuracy."""
    finals: tuple[Final, ...]
    """All finalists, the baselines among them."""
    summary: Summary
    """How the search itself ended."""
    facts: dict[str, Any]
    """What ``result.json`` holds."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The wall clock of one sitting.

    Args:
        seconds: What the user gave for everything.
        started: ``time.monotonic()`` when the sitting began.
    """

    seconds: float
    started: float

    def used(self) -> float:
        """Seconds of this sitting so far."""
        return time.monotonic() - self.started


def search(
    within: Within,
    data: DataRef,
    facts: DataFacts,
    *,
    evaluator: Evaluator,
    objective: Objective,
    start: Callable[[Within, Objective, int], Strategy],
    store: TimedStore,
    executor: Executor,
    workers: int,
    folder: RunFolder,
    clock: Clock,
    seed: int,
    batch: int = BATCH,
    device: str = "cpu",
    on_event: Callable[[Event], None] = lambda event: None,
) -> SearchResult:
    """Search, train the finalists, and write what the folder of a run holds.

    Args:
        within: The space and the budget.
        data: The images.
        facts: What is known of them.
        evaluator: How good a candidate is.
        objective: What is made large.
        start: Makes a fresh strategy.
        store: Empty, or with the trials of the same search before.
        executor: Who evaluates and trains.
        workers: How many at a time.
        folder: Where the result goes.
        clock: How long everything may take.
        seed: Of the search, the weights and the baselines.
        batch: Candidates per ask.
        device: Where the finalists are trained.
        on_event: Told of every stage and of progress within it.

    Raises:
        UsageError: If no candidate could be evaluated, or every final training failed.
    """
    setup = clock.used()
    earlier = store.used_seconds
    on_event(Stage(text="Searching"))
    summary = run_search(
        within.space,
        start(within, objective, seed),
        evaluator=evaluator,
        store=store,
        executor=executor,
        objective=objective,
        budget=within.budget,
        seed=seed,
        batch=batch,
        seconds=max(clock.seconds * SEARCH_SHARE - setup, clock.seconds * SEARCH_SHARE / 2),
        workers=workers,
        on_progress=on_event,
    )
    searched = clock.used()
    finalists, recipe = _planned(folder, within)
    if recipe is None:
        finalists = _finalists(within, store, objective, seed=seed)
        on_event(Stage(text="Measuring how fast the finalists train"))
        left = clock.seconds * (1 - _RESERVE) - clock.used() - earlier
        recipe = plan(
            finalists,
            data,
            facts,
            seconds=max(left, 0.1 * clock.seconds),
            executor=executor,
            workers=workers,
            seed=seed,
            device=device,
        ).recipe
        _write_plan(folder, finalists, recipe)
    on_event(Stage(text=_training_text(finalists, recipe, facts)))
    finals = train(
        finalists,
        data,
        recipe=recipe,
        executor=executor,
        seed=seed,
        device=device,
        folder=str(folder.finals),
        on_progress=on_event,
    )
    best = _best(finals)
    arch = next(f.arch for f in finalists if f.role == best.role)
    test = _test(arch, best, data, facts, folder=folder, seed=seed, device=device)
    folder.best.write_text(arch.to_json())
    seconds = {
        "setup": setup,
        "search": searched - setup,
        "finals": clock.used() - searched,
        "total": clock.used(),
        "earlier sittings": earlier,
    }
    result = {
        "space": within.space.name,
        "data": {**asdict(facts), "val_images": facts.count("val")},
        "budget": within.budget.limits(),
        "objective": objective.metric,
        "seed": seed,
        "device": device,
        "machine": {
            "processor": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "search": {"ended": summary.reason, **_counts(summary.progress)},
        "recipe": recipe.to_dict(),
        "finals": [final.to_dict() for final in finals],
        "best": {"role": best.role, "arch_id": best.arch_id, "val_accuracy": best.accuracy},
        "test": test,
        "verdict": verdict(finals, images=facts.count("val")),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
    folder.write_json(folder.result, result)
    return SearchResult(best=arch, finals=finals, summary=summary, facts=result)


def _finalists(
    within: Within, store: TimedStore, objective: Objective, *, seed: int
) -> tuple[Finalist, ...]:
    trials = list(store)
    if not any(t.ok for t in trials):
        reasons = sorted({t.outcome.reason for t in trials if t.outcome.reason})
        raise UsageError(
            f"None of {len(trials)} candidates could be evaluated"
            + (f"; the first reason: {reasons[0]}." if reasons else "; give it more minutes.")
        )
    return choose(within, trials, objective, seed=seed)


def _training_text(finalists: Sequence[Finalist], recipe: Recipe, facts: DataFacts) -> str:
    epochs = recipe.steps * recipe.batch_size / facts.count("train")
    return f"Training {len(finalists)} networks, {epochs:.3g} epochs each, by one recipe"


def _write_plan(folder: RunFolder, finalists: Sequence[Finalist], recipe: Recipe) -> None:
    rows = [{"role": f.role, "tokens": list(f.tokens)} for f in finalists]
    plan_path = folder.finals / "plan.json"
    folder.write_json(plan_path, {"finalists": rows, "recipe": recipe.to_dict()})


def _planned(folder: RunFolder, within: Within) -> tuple[tuple[Finalist, ...], Recipe | None]:
    path = folder.finals / "plan.json"
    if not path.is_file():
        return (), None
    found = json.loads(path.read_text())
    finalists = tuple(
        Finalist(
            role=row["role"],
            tokens=tuple(row["tokens"]),
            arch=within.space.decode(tuple(row["tokens"])),
        )
        for row in found["finalists"]
    )
    return finalists, Recipe.from_dict(found["recipe"])


def _best(finals: Sequence[Final]) -> Final:
    trained = [f for f in finals if f.accuracy is not None]
    if not trained:
        raise UsageError(f"Every final training failed; the first: {finals[0].outcome.reason}.")
    return max(trained, key=lambda f: f.accuracy or 0.0)


def _test(
    arch: Architecture,
    best: Final,
    data: DataRef,
    facts: DataFacts,
    *,
    folder: RunFolder,
    seed: int,
    device: str,
) -> dict[str, Any] | None:
    """Put the winner's weights in place, and look at the test data, once."""
    module = build(arch, seed=seed, device=device)
    load_weights(module, folder.finals / f"{best.arch_id}.weights.safetensors")
    about = {"arch": arch.id, "classes": json.dumps(facts.classes, ensure_ascii=False)}
    save_weights(module, folder.weights, about=about)
    if not facts.count("test"):
        return None
    found = evaluate(module, data.open(), split="test", device=device)
    if not math.isfinite(found.accuracy):
        return None
    interval = wilson(round(found.accuracy * found.count), found.count)
    return {
        "accuracy": found.accuracy,
        "low": interval.low,
        "high": interval.high,
        "images": found.count,
    }


def _counts(progress: Progress) -> dict[str, Any]:
    return {
        "trials": progress.trials,
        "ok": progress.ok,
        "failed": progress.failed,
        "rejected": progress.rejected,
        "duplicates": progress.duplicates,
        "seconds": progress.seconds_used,
        "best_value": progress.best_value,
        "best_cost": None
        if progress.best is None
        else {name: getattr(progress.best.cost, name) for name in COST_NAMES},
    }


def verdict(finals: Sequence[Final], *, images: int) -> str:
    """One sentence on whether the search was worth it, against the noise of the comparison.

    Two accuracies on the same number of images are called different where they are more than two
    standard errors of their difference apart.  Other sources of noise, such as the seed of a
    training, come on top; so this is the least that a real difference must exceed.

    Args:
        finals: All finalists.
        images: Of the validation split.
    """
    ours = [f for f in finals if f.role.startswith("search") and f.accuracy is not None]
    plain = [f for f in finals if not f.role.startswith("search") and f.accuracy is not None]
    if not ours or not plain:
        return "No comparison is possible: a side of it failed to train."
    top = max(ours, key=lambda f: f.accuracy or 0.0)
    rival = max(plain, key=lambda f: f.accuracy or 0.0)
    a, b = top.accuracy or 0.0, rival.accuracy or 0.0
    noise = 2 * math.sqrt((a * (1 - a) + b * (1 - b)) / images)
    gap = (
        f"{100 * abs(a - b):.1f} points on {images:,} validation images, noise ±{100 * noise:.1f}"
    )
    if a - b > noise:
        return f"The search paid off: its best is ahead of every plain baseline ({gap})."
    if b - a > noise:
        return f"The plain baseline {rival.role!r} is ahead of all that was searched ({gap})."
    return f"The best plain baseline, {rival.role!r}, does as well within the noise ({gap})."
