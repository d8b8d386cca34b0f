"""A whole search: survey, search, final trainings, one look at the test data, the run's files.

The wall clock that the user gives is shared out here: a third for setting up and searching, the
rest for the finals (:mod:`netwright.funnel`).  Whatever is interrupted goes on where it was.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from netwright.arch.cost import COST_NAMES
from netwright.arch.graph import Architecture
from netwright.check_folder import Known, begin_with
from netwright.contracts import Strategy
from netwright.effort import FEWEST, RESERVE_SHARE, SEARCH_SHARE, SLOW_SHARE, by_training
from netwright.events import Event, Stage
from netwright.exam import examine
from netwright.finals import Final
from netwright.funnel import Closing, best_of
from netwright.judge import Judge
from netwright.latency.limit import LatencyLimit
from netwright.ledger import Progress
from netwright.loop import BATCH, Summary, run_search
from netwright.nn.device import require_device
from netwright.records import Objective
from netwright.run_folder import RunFolder
from netwright.sittings import account
from netwright.spaces.tokens import fingerprint
from netwright.spaces.within import Within
from netwright.spending import Spending, Timed
from netwright.store import RunKey, TrialStore, open_store
from netwright.strategies.listed import Listed
from netwright.training.reference import DataRef
from netwright.training.support import ALONE, Support
from netwright.training.survey import DataFacts
from netwright.verdict import verdict
from netwright.workers import Processes


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
    judge: Judge,
    strategy: str,
    start: Callable[[Within, Objective, int], Strategy],
    folder: RunFolder,
    clock: Clock,
    seed: int,
    workers: int,
    settings: str = "",
    executor: Executor | None = None,
    store: str | None = None,
    resume: bool = False,
    probes: Known | None = None,
    batch: int = BATCH,
    trials: int | None = None,
    device: str = "cpu",
    latency: LatencyLimit | None = None,
    support: Support = ALONE,
    on_event: Callable[[Event], None] = lambda event: None,
) -> SearchResult:
    """Search, train the finalists, and write what the folder of a run holds.

    Args:
        within: The space and the budget.
        data: The images.
        facts: What is known of them.
        judge: What the search goes by.
        strategy: What the strategy is called, so that another one cannot resume its run.
        start: Makes a fresh strategy.
        folder: Where the result goes.
        clock: How long everything may take.
        seed: Of the search, the weights and the baselines.
        workers: How many candidates are evaluated at a time.
        settings: Text of ``run.toml``; an earlier one is replaced once the trials are known to
            be of this search.
        executor: Where; that many processes of this machine where None.
        store: A database URL for the trials, in place of the folder's own file.
        resume: Go on with the run in the folder.
        probes: A check's trainings, which are the first candidates.
        batch: Candidates per ask.
        trials: Most candidates, in all sittings together.
        device: Where networks are scored and trained.
        latency: What predicted the latencies, where they count; ``within`` goes by it.
        support: Weights that final trainings begin from, a teacher that they learn from.
        on_event: Told of every stage and of progress within it.

    Raises:
        UsageError: If no candidate could be evaluated, or every final training failed.
        StoreError: If the trials cannot be kept, or are those of another search.
    """
    require_device(device)
    support.require(within.space.decode(within.anchor), facts, device=device)
    objective = judge.objective
    with ExitStack() as stack:
        stack.enter_context(folder.started(store=store))
        first = begin_with(
            folder, probes, within=within, evaluator=judge.name, seed=seed, resume=resume
        )
        key = RunKey(
            space=within.space.name,
            fingerprint=fingerprint(within.space),
            seed=seed,
            strategy=f"{strategy} after {len(first)} probes" if first else strategy,
            evaluator=judge.name,
            objective=objective,
            budget=within.budget,
            batch=batch,
        )
        kept = stack.enter_context(_opened(folder, store, key, settings=settings, resume=resume))
        before = folder.read_result() if resume and folder.result.is_file() else None
        sittings = stack.enter_context(account(folder, clock.used, resume=resume))

        def tell(event: Event) -> None:
            sittings.note()
            on_event(event)

        crew = executor or stack.enter_context(_processes(workers))
        closing = Closing(
            within=within, data=data, facts=facts, folder=folder, seconds=clock.seconds,
            trials=trials, executor=crew, workers=workers, seed=seed, device=device, on_event=tell,
            latency=latency, support=support,
        )  # fmt: skip
        setup, earlier = clock.used(), kept.used_seconds
        tell(Stage(text="Searching"))
        thinking = 0.0

        def look(share: float) -> Summary:
            """Search until this share of the wall clock is used up."""
            nonlocal thinking
            asked = Timed(Listed([t.tokens for t in first], start(within, objective, seed)))
            summary = run_search(
                within.space,
                asked,
                evaluator=judge.evaluator,
                store=kept,
                executor=crew,
                objective=objective,
                budget=within.budget,
                seed=seed,
                batch=batch,
                seconds=clock.seconds * share - min(setup, clock.seconds * share / 2),
                trials=trials,
                workers=workers,
                known={t.arch_id: t.outcome for t in first},
                costing=within.costing,
                on_progress=tell,
            )
            thinking += asked.seconds
            return summary

        summary = look(SEARCH_SHARE)
        if (
            by_training(objective.metric)
            and summary.progress.ok < FEWEST
            and not closing.planned()
        ):
            tell(Stage(text="Training candidates is slow here; the search goes on for longer"))
            summary = look(SLOW_SHARE)
        searched = clock.used()
        plan = closing.planned()
        if plan is None:
            left = clock.seconds * (1 - RESERVE_SHARE) - clock.used() - earlier
            plan = closing.plan(kept, objective, seconds=max(left, clock.seconds / 10))
            thinking += max(0.0, clock.used() - searched - plan.measuring / workers)
        finals = closing.train(plan)
        trained = clock.used()
        elsewhere = {t.arch_id for t in first}
        looking = sum(t.outcome.seconds for t in kept if t.arch_id not in elsewhere)
    best = best_of(finals)
    arch = next(f.arch for f in plan.finalists if f.role == best.role)
    test = examine(
        arch, best, plan.recipe,
        data=data, folder=folder, seed=seed, device=device, before=before,
    )  # fmt: skip
    folder.write_text(folder.best, arch.to_json())
    seconds = {
        "setup": setup,
        "search": searched - setup,
        "finals": clock.used() - searched,
        "total": clock.used(),
        "earlier sittings": max(sittings.earlier, earlier),
    }
    result = {
        "space": within.space.name,
        "data": {**asdict(facts), "val_images": facts.count("val")},
        "budget": within.budget.limits(),
        "objective": objective.metric,
        "judge": judge.name,
        "strategy": strategy,
        "seed": seed,
        "probes": len(first),
        "device": device,
        "support": support.to_dict(),
        "machine": {
            "processor": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "search": {"ended": summary.reason, **_counts(summary.progress)},
        "recipe": plan.recipe.to_dict(),
        "finals": [{**final.to_dict(), **_measured(final, latency)} for final in finals],
        "left_out": closing.left_out(),
        "best": {"role": best.role, "arch_id": best.arch_id, "val_accuracy": best.accuracy},
        "test": test,
        "verdict": verdict(finals, images=facts.count("val")),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "spending": Spending(
            workers=workers,
            wall=clock.used() + sittings.earlier,
            busy={
                "setup": setup,
                "screen": thinking,
                "probe" if by_training(objective.metric) else "score": looking,
                "measure": plan.measuring,
                "train": sum({f.arch_id: f.seconds for f in finals}.values()),
                "test": clock.used() - trained,
            },
        ).to_dict(),
    }
    if latency is not None:
        result["latency"] = latency.facts()
    folder.write_json(folder.result, result)
    return SearchResult(best=arch, finals=finals, summary=summary, facts=result)


def _opened(
    folder: RunFolder, store: str | None, key: RunKey, *, settings: str, resume: bool
) -> TrialStore:
    """The store of the trials, with the settings beside it at any moment."""
    if settings and not folder.is_run():
        folder.write_text(folder.config, settings)
    trials = open_store(store or folder.trials, run=key, resume=resume)
    if settings:
        folder.write_text(folder.config, settings)
    return trials


@contextmanager
def _processes(workers: int) -> Iterator[Processes]:
    """Worker processes that are ended at once when all is done, without a round of good-byes."""
    with Processes(workers) as executor:
        yield executor
        executor.kill()


def _measured(final: Final, latency: LatencyLimit | None) -> dict[str, float]:
    """The latency of a finalist, where it was measured."""
    found = None if latency is None else latency.measured.get(final.arch_id)
    return {} if found is None else {"latency_ms": found.median_ms}


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
