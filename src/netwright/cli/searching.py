"""A search that was typed, carried out: what is known first, the plan, then the search itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from netwright import catalog
from netwright.arch.cost import cost
from netwright.check_folder import known
from netwright.cli.display import Display
from netwright.cli.latency_options import prepared, rewarded
from netwright.cli.output import command, complain, console
from netwright.cli.resuming import refuse_second
from netwright.config import SearchConfig
from netwright.contracts import Space, Strategy
from netwright.effort import AUTO, SearchPlan, plan_search
from netwright.loop import BATCH
from netwright.records import Objective, print_cost
from netwright.run_folder import RunFolder
from netwright.spaces.within import Costing, Within
from netwright.training.survey import DataFacts, peek_data
from netwright.units import format_seconds

if TYPE_CHECKING:
    from netwright.latency.limit import LatencyLimit

Start = Callable[[Within, Objective, int], Strategy]

_SLOWEST_START = 20.0  # seconds that Python may take to get here


def print_head(chosen: SearchConfig, facts: DataFacts, within: Within, folder: RunFolder) -> None:
    """Say on stderr what is about to happen: the images, the budget, what can be reached."""
    out = console(stderr=True)
    counts = ", ".join(
        f"{facts.count(s):,} {s}" for s in ("train", "val", "test") if facts.count(s)
    )
    out.print(
        f"{facts.name}: {len(facts.classes)} classes, {counts} images at {facts.resolution} px",
        soft_wrap=True,
    )
    reach = ", ".join(
        f"{name} {print_cost(name, r.least)} to {print_cost(name, r.most)} "
        f"(median {print_cost(name, r.median)})"
        for name, r in within.survey.ranges.items()
        if name != "peak_activation_bytes" or name in within.budget.limits()
    )
    out.print(f"Space {chosen.space}: {reach}", soft_wrap=True)
    after = f" after {chosen.probe_steps} steps" if chosen.probe_steps else ""
    out.print(
        f"Budget: {within.budget}; {format_seconds(60 * chosen.minutes)} in all"
        f"{f', at most {chosen.trials} candidates' if chosen.trials else ''}; "
        f"{chosen.strategy} on {chosen.objective}{after}, seed {chosen.seed}, "
        f"{chosen.workers} workers; run {folder.path}",
        soft_wrap=True,
    )


def planned(chosen: SearchConfig) -> SearchPlan:
    """How the time of a search would be spent; nothing is measured or trained for it."""
    free = chosen.model_copy(update={"max_latency_ms": None})
    return _planned(free, *_data_and_space(free), costing=cost)[0]


def run(chosen: SearchConfig, folder: RunFolder, *, resume: bool) -> dict[str, Any]:
    """Do what a configuration says; gives what ``result.json`` holds.

    What can be wrong with the data, the names or the budget is found before torch is loaded.

    Args:
        chosen: The configuration.
        folder: Of the run.
        resume: Whether to go on with what is there.
    """
    started = time.monotonic() - _seconds_so_far()
    refuse_second(folder, resume=resume)
    facts, space = _data_and_space(chosen)
    if not chosen.minds_latency:
        return _run(chosen, folder, facts, space, None, started=started, resume=resume)
    with folder.started(store=chosen.store):
        latency = prepared(chosen, space, folder)
        return _run(chosen, folder, facts, space, latency, started=started, resume=resume)


def _run(
    chosen: SearchConfig,
    folder: RunFolder,
    facts: DataFacts,
    space: Space,
    latency: LatencyLimit | None,
    *,
    started: float,
    resume: bool,
) -> dict[str, Any]:
    costing = latency.costing if latency else cost
    plan, within = _planned(chosen, facts, space, costing=costing)
    start = catalog.strategy(plan.strategy)
    chosen = chosen.model_copy(
        update={
            "objective": plan.objective,
            "strategy": plan.strategy,
            "probe_steps": chosen.probe_steps or plan.probe_steps,
            "batch": chosen.batch or catalog.batch(plan.strategy, BATCH),
        }
    )
    with folder.started(store=chosen.store):
        print_head(chosen, facts, within, folder)
        console(stderr=True).print("\n".join(plan.lines()), soft_wrap=True)
        return _search(
            chosen, facts, within, folder, latency, start=start, started=started, resume=resume
        )


def _data_and_space(chosen: SearchConfig) -> tuple[DataFacts, Space]:
    """What is known of the images without decoding them, and the space for them."""
    if chosen.objective != AUTO:
        catalog.objective(chosen.objective)
    if chosen.strategy != AUTO:
        catalog.strategy(chosen.strategy)
    facts = peek_data(
        chosen.data, resolution=chosen.resolution, seed=chosen.seed, flip=chosen.flip
    )
    space = catalog.space(
        chosen.space,
        classes=len(facts.classes),
        resolution=facts.resolution,
        channels=facts.channels,
    )
    return facts, space


def _planned(
    chosen: SearchConfig, facts: DataFacts, space: Space, *, costing: Costing
) -> tuple[SearchPlan, Within]:
    """How the time will be spent, and what is known of the space by then."""
    within = Within.of(space, chosen.budget(), seed=chosen.seed, costing=costing)
    weighed = chosen.target_latency_ms is not None and chosen.objective == AUTO
    plan = plan_search(
        facts,
        within,
        minutes=chosen.minutes,
        workers=chosen.workers,
        objective="val_accuracy" if weighed else chosen.objective,
        strategy=chosen.strategy,
        steps=chosen.probe_steps,
    )
    return plan, within


def _search(
    chosen: SearchConfig,
    facts: DataFacts,
    within: Within,
    folder: RunFolder,
    latency: LatencyLimit | None,
    *,
    start: Start,
    started: float,
    resume: bool,
) -> dict[str, Any]:
    from netwright.pipeline import Clock
    from netwright.pipeline import search as search_within
    from netwright.training.reference import DataRef
    from netwright.training.support import Support

    data = DataRef(
        source=chosen.data, resolution=facts.resolution, seed=chosen.seed, flip=chosen.flip
    )
    support = Support(inherit=chosen.inherit, teacher=chosen.teacher)
    display = Display(console(stderr=True), metric=chosen.objective)
    try:
        with display:
            judge = catalog.judge(
                chosen.objective, data, facts, within=within, steps=chosen.probe_steps or 0,
                device=chosen.device, seed=chosen.seed, support=support,
            )  # fmt: skip
            result = search_within(
                within,
                data,
                facts,
                judge=replace(judge, objective=rewarded(judge.objective, chosen)),
                strategy=chosen.strategy,
                start=start,
                folder=folder,
                settings=chosen.to_toml(),
                clock=Clock(seconds=60 * chosen.minutes, started=started),
                trials=chosen.trials,
                seed=chosen.seed,
                workers=chosen.workers,
                store=chosen.store,
                resume=resume,
                probes=known(Path(chosen.probes)) if chosen.probes and not resume else None,
                batch=chosen.batch or BATCH,
                device=chosen.device,
                latency=latency,
                support=support,
                on_event=display,
            )
    except KeyboardInterrupt:
        again = command("search", "--resume", "--out", folder.path)
        complain(f"Nothing that was finished is lost. Go on with: {again}")
        raise
    return result.facts


def _seconds_so_far() -> float:
    """How long this process has run: the user's clock began with Enter, not with this line."""
    age: float = time.time() - psutil.Process().create_time()
    return min(max(age, 0.0), _SLOWEST_START)  # clocks jump, and Python may have done other things
