"""``netwright search``: a network that fits the budget, trained, beside plain baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netwright.check_folder import Known, known
from netwright.cli.latency_options import latency_settings
from netwright.cli.output import Flag, console, print_json
from netwright.cli.resuming import refuse_another
from netwright.cli.searching import planned, run
from netwright.cli.summary import print_summary
from netwright.config import SearchConfig, read_toml, search_config
from netwright.errors import UsageError
from netwright.run_folder import RunFolder, next_run
from netwright.spaces.limited import limited_name
from netwright.units import parse_activations, parse_count
from netwright.workers import at_once


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
    latency_dtype: str | None = None,
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
    inherit: str | None = None,
    teacher: str | None = None,
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
        latency_dtype: float32, or int8 in onnxruntime: the network quantised, as exported with
            --int8; torch knows bfloat16 and float16 too.
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
        inherit: Pretrained relative whose weights all trainings begin from, as far as they are
            alike: lite0, a timm name, a file of weights or a RUN.
        teacher: Folder of a run or training on the same images, whose answers final trainings
            learn from.
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
        "inherit": inherit, "teacher": teacher,
        "space": limited_name(space, operations=ops, multiple=channel_multiple),
        "max_macs": max_macs and parse_count(max_macs),
        "max_params": max_params and parse_count(max_params),
        "max_memory_bytes": max_memory and parse_activations(max_memory),
        "minutes": minutes, "trials": trials, "seed": seed, "workers": workers,
        "resolution": resolution, "flip": flip, "device": device, "store": store,
        **latency_settings(
            max_latency=max_latency, target_latency=target_latency,
            latency_reward=latency_reward, latency_runtime=latency_runtime,
            latency_dtype=latency_dtype, latency_threads=latency_threads,
            latency_table=latency_table, latency_command=latency_command,
        ),
    }  # fmt: skip
    given = {key: value for key, value in typed.items() if value is not None}
    chosen, folder = _chosen(given, out=out, resume=resume, file=config)
    if plan:
        found = planned(chosen)
        if json:
            print_json(found.to_dict())
        else:
            console().print("\n".join(found.lines()), soft_wrap=True)
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
