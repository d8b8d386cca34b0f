"""``netwright search``: a network that fits the budget, trained, beside plain baselines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from netwright import catalog
from netwright.arch.cost import cost
from netwright.check_folder import Known, known
from netwright.cli.display import Display
from netwright.cli.latency_options import latency_settings, prepared, rewarded
from netwright.cli.output import Flag, command, complain, console, print_json
from netwright.cli.resuming import refuse_another, refuse_second
from netwright.cli.summary import print_summary
from netwright.config import SearchConfig, read_toml, search_config
from netwright.contracts import Space, Strategy
from netwright.effort import AUTO, SearchPlan, plan_search
from netwright.errors import UsageError
from netwright.loop import BATCH
from netwright.records import Objective, print_cost
from netwright.run_folder import RunFolder, next_run
from netwright.spaces.limited import limited_name
from netwright.spaces.within import Costing, Within
from netwright.training.survey import DataFacts, peek_data
from netwright.units import format_seconds, parse_activations, parse_count
from netwright.workers import at_once

if TYPE_CHECKING:
    from netwright.latency.limit import LatencyLimit

Start = Callable[[Within, Objective, int], Strategy]

_SLOWEST_START = 20.0  # seconds that Python may take to get here


def search(
    data: str | None = None,
    *,
    max_macs: str | None = None,
    max_params: str | None = None,
    max_memory: str | None = None,
    max_latency: str | None = None,
    target_latency: str | None = None,
    latency_reward: str | None = None,
    latency_runtime: str | None = None,
    latency_threads: int | None = None,
    latency_table: Path | None = None,
    latency_command: str | None = None,
    minutes: float | None = None,
    trials: int | None = None,
    space: str | None = None,
    ops: str | None = None,
    channel_multiple: int | None = None,
    strategy: str | None = None,
    objective: str | None = None,
    probe_steps: int | None = None,
    probes: Path | None = None,
    seed: int | None = None,
    workers: int | None = None,
    resolution: int | None = None,
    flip: bool | None = None,
    device: str | None = None,
    out: Path | None = None,
    resume: Flag = False,
    config: Path | None = None,
    store: str | None = None,
    plan: Flag = False,
    json: Flag = False,
) -> None:
    """Search for a network that fits a budget, train it, and compare it with plain baselines.

    Args:
        data: Image folder, Parquet file, torchvision name, or digits.
        max_macs: Most multiply-adds for one image, such as 20M.
        max_params: Most parameters, such as 1M.
        max_memory: Most activation memory live at once for one image, such as 4MB, which is of
            float32, or 256kB:int8.
        max_latency: Most time of a pass, such as 5ms: predicted for candidates, measured on this
            machine for all that are trained at the end.
        target_latency: In place of a limit: what a reward aims at, as MnasNet's does.
        latency_reward: soft or hard: how a latency above the target counts.
        latency_runtime: torch, torch.compile, onnxruntime or openvino; torch without it.
        latency_threads: Threads of the runtime; 1 without it.
        latency_table: A table of `netwright latency profile`; a short profile is made without it.
        latency_command: Your own command that measures elsewhere; see `netwright latency measure`.
        minutes: Wall clock for everything, final trainings included.
        trials: Most candidates; the search ends sooner where its share of the time does.
        space: A name of `netwright list spaces`.
        ops: lite: no squeeze-and-excitation, no activation but ReLU6; like --space mobile+lite.
        channel_multiple: Channels in multiples of this, such as 16; like --space mobile+c16.
        strategy: A name of `netwright list strategies`; predictor for short trainings and
            evolution for training-free scores without it.
        objective: val_loss or val_accuracy of short trainings, or a proxy of
            `netwright list proxies`; val_loss without it, where there is time for trainings.
        probe_steps: Length of the short trainings; from budget and minutes without it.
        probes: Folder of a `netwright check`: its trainings are the first candidates, and its
            images, space, seed and length of training hold here where nothing else is typed.
        seed: The same seed asks for the same candidates in the same order.
        workers: Processes that evaluate; they do not change what is asked for.
        resolution: Side of the images in pixels; chosen from the images without it.
        flip: Whether mirror images keep their class; judged from the data without it.
        device: Where to score and train: cpu, cuda or mps.
        out: The folder of the run; a new one under runs/ without it.
        resume: Go on with the run in the folder, after a crash or for more minutes.
        config: A TOML file with these settings; what is typed here wins.
        store: A database URL for the trials, in place of the run's own file. Its password is not
            kept: give it again to resume, or set PGPASSWORD.
        plan: Print how the time would be spent, and stop.
        json: Print one JSON object on stdout; progress still goes to stderr.
    """
    typed = {
        "data": data, "strategy": strategy, "objective": objective,
        "probe_steps": probe_steps, "probes": probes and str(probes),
        "space": limited_name(space, operations=ops, multiple=channel_multiple),
        "max_macs": max_macs and parse_count(max_macs),
        "max_params": max_params and parse_count(max_params),
        "max_memory_bytes": max_memory and parse_activations(max_memory),
        "minutes": minutes, "trials": trials, "seed": seed, "workers": workers,
        "resolution": resolution, "flip": flip, "device": device, "store": store,
        **latency_settings(
            max_latency=max_latency, target_latency=target_latency,
            latency_reward=latency_reward, latency_runtime=latency_runtime,
            latency_threads=latency_threads, latency_table=latency_table,
            latency_command=latency_command,
        ),
    }  # fmt: skip
    given = {key: value for key, value in typed.items() if value is not None}
    chosen, folder = _chosen(given, out=out, resume=resume, file=config)
    if plan:
        free = chosen.model_copy(update={"max_latency_ms": None})  # nothing is measured for it
        planned = _planned(free, *_data_and_space(free), costing=cost)[0]
        if json:
            print_json(planned.to_dict())
        else:
            console().print("\n".join(planned.lines()), soft_wrap=True)
        return
    facts = run(chosen, folder, resume=resume)
    if json:
        print_json({"run": str(folder.path), **facts})
    else:
        print_summary(console(), folder, facts)


def _chosen(
    given: dict[str, Any], *, out: Path | None, resume: bool, file: Path | None
) -> tuple[SearchConfig, RunFolder]:
    """The configuration (run folder's when resuming, then the file's, then the words typed)."""
    values: dict[str, Any] = {"workers": at_once(None)}
    if resume:
        if out is None:
            raise UsageError("Say which run to resume: --resume --out RUN.")
        if not RunFolder(out).is_run():
            raise UsageError(f"{out} is not the folder of a run: it holds no run.toml.")
        if RunFolder(out).config.is_file():
            values |= read_toml(RunFolder(out).config)
    wanted = {**(read_toml(file) if file else {}), **given}
    if "probes" in wanted and not resume:
        values |= _of_check(known(Path(wanted["probes"])))
    if resume and "data" in values:
        refuse_another(search_config(values), search_config({**values, **wanted}), folder=out)
    values |= wanted
    if "data" not in values:
        raise UsageError("Say which images to search on, as in `netwright search my_photos`.")
    chosen = search_config(values)
    name = Path(chosen.data).stem or "run"
    return chosen, RunFolder(out or next_run(Path("runs"), name))


def _of_check(found: Known) -> dict[str, Any]:
    """What a search that begins with a check's trainings takes over from it."""
    names = ("data", "space", "seed", "resolution", "flip")
    same = {name: found.settings[name] for name in names if found.settings.get(name) is not None}
    return {**same, "probe_steps": found.steps}


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

    data = DataRef(
        source=chosen.data, resolution=facts.resolution, seed=chosen.seed, flip=chosen.flip
    )
    display = Display(console(stderr=True), metric=chosen.objective)
    try:
        with display:
            judge = catalog.judge(
                chosen.objective, data, facts, within=within, steps=chosen.probe_steps or 0,
                device=chosen.device, seed=chosen.seed,
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
