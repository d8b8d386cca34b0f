"""``netwright check``: how far each training-free score may be trusted on these images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from netwright import catalog
from netwright.check_folder import CheckFolder
from netwright.checking import check as check_space
from netwright.cli.display import Display
from netwright.cli.output import Flag, Words, command, complain, console, print_json, table
from netwright.errors import UsageError
from netwright.records import Budget
from netwright.run_folder import next_run
from netwright.spaces.limited import limited_name
from netwright.units import format_count, format_seconds, parse_activations, parse_count

if TYPE_CHECKING:
    from netwright.checked import Check
    from netwright.stats import Interval
    from netwright.trust import Trust

_WIDTH = 80
_SHORT = 2  # epochs, below which early ranks say little of later ones
_MARKS = {"control": " *", "proxy": "", "ensemble": " +"}
_DEFAULTS: Mapping[str, Any] = {
    "space": "mobile", "probes": 12, "minutes": 15.0, "metric": "val_loss", "seed": 0,
    "resolution": None, "flip": None, "device": "cpu", "proxies": None, "budget": {},
}  # fmt: skip


def check(
    data: str | None = None,
    *,
    max_macs: str | None = None,
    max_params: str | None = None,
    max_memory: str | None = None,
    space: str | None = None,
    ops: str | None = None,
    channel_multiple: int | None = None,
    probes: int | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    proxy: Words = None,
    metric: str | None = None,
    seed: int | None = None,
    workers: int | None = None,
    resolution: int | None = None,
    flip: bool | None = None,
    device: str | None = None,
    out: Path | None = None,
    resume: Flag = False,
    json: Flag = False,
) -> None:
    """Train a few diverse networks briefly, and say how far each score may be trusted here.

    A search can begin with these trainings: netwright search --probes RUN.

    Args:
        data: Image folder, Parquet file, torchvision name, or digits.
        max_macs: Most multiply-adds for one image, such as 5M.
        max_params: Most parameters, such as 1M.
        max_memory: Most activation memory live at once for one image, such as 4MB, which is of
            float32, or 256kB:int8.
        space: A name of `netwright list spaces`; mobile without it.
        ops: lite: no squeeze-and-excitation, no activation but ReLU6; like --space mobile+lite.
        channel_multiple: Channels in multiples of this, such as 16; like --space mobile+c16.
        probes: How many networks are trained; 12 without it.
        minutes: Wall clock for everything, 15 without it; 20 epochs of each are trained at most.
        steps: Length of each training, in place of what fits into the minutes.
        proxy: A score to check; may be repeated. Without it all are.
        metric: What a training is judged by: val_loss (the finer one) or val_accuracy.
        seed: Of probes, weights and resamples.
        workers: Processes that score and train; one per core without it.
        resolution: Side of the images in pixels; chosen from the images without it.
        flip: Whether mirror images keep their class; judged from the data without it.
        device: Where to score and train: cpu, cuda or mps.
        out: The folder of the check; a new one under runs/ without it.
        resume: Go on with the check in the folder.
        json: Print one JSON object on stdout; progress still goes to stderr.
    """
    limits = {
        "macs": max_macs and parse_count(max_macs),
        "params": max_params and parse_count(max_params),
        "peak_activation_bytes": max_memory and parse_activations(max_memory),
    }
    budget = {name: float(limit) for name, limit in limits.items() if limit}
    typed = {
        "data": data, "probes": probes, "minutes": minutes, "metric": metric,
        "seed": seed, "resolution": resolution, "flip": flip, "device": device,
        "space": limited_name(space, operations=ops, multiple=channel_multiple),
        "proxies": proxy, "budget": budget or None,
    }  # fmt: skip
    if resume and out is None:
        raise UsageError("Say which check to resume: --resume --out RUN.")
    before = CheckFolder(out).read_settings() if resume and out else {}
    given = {key: value for key, value in typed.items() if value is not None}
    chosen = {**_DEFAULTS, **before, **given}
    if "data" not in chosen:
        raise UsageError("Say which images to check on, as in `netwright check my_photos`.")
    place = out or next_run(Path("runs"), f"{Path(chosen['data']).stem or 'images'}-check")
    found = _run(chosen, place, steps=steps, workers=workers, resume=resume)
    if json:
        print_json({"run": str(place), **found.to_dict()})
    else:
        print_check(console(), found, place)


def _run(
    chosen: Mapping[str, Any], out: Path, *, steps: int | None, workers: int | None, resume: bool
) -> Check:
    from netwright.training.survey import peek_data

    catalog.load("space", chosen["space"].split("+")[0], catalog.SPACES)
    facts = peek_data(
        chosen["data"], resolution=chosen["resolution"], seed=chosen["seed"], flip=chosen["flip"]
    )
    space = catalog.space(
        chosen["space"],
        classes=len(facts.classes),
        resolution=facts.resolution,
        channels=facts.channels,
    )
    display = Display(console(stderr=True), metric=chosen["metric"])
    try:
        with display:
            return check_space(
                space,
                chosen["data"],
                budget=Budget(**chosen["budget"]),
                probes=chosen["probes"],
                minutes=chosen["minutes"],
                steps=steps,
                proxies=chosen["proxies"],
                metric=chosen["metric"],
                seed=chosen["seed"],
                flip=chosen["flip"],
                workers=workers,
                out=out,
                resume=resume,
                device=chosen["device"],
                on_event=display,
            )
    except KeyboardInterrupt:
        again = command("check", "--resume", "--out", out)
        complain(f"Nothing that was finished is lost. Go on with: {again}")
        raise


def print_check(out: Console, found: Check, place: Path) -> None:
    """The tables and the verdict, in 80 columns.

    Args:
        out: Where to.
        found: The check.
        place: Its folder.
    """

    def say(text: str) -> None:
        out.print(text, width=_WIDTH)

    say(
        f"\n{found.weighed.networks} of {len(found.probes)} networks trained for "
        f"{found.epochs:.3g} epochs ({found.steps:,} steps) each, in "
        f"{format_seconds(found.seconds['total'])}; judged by {found.metric}.\n"
    )
    out.print(_probes(found), width=_WIDTH)
    out.print()
    columns = ("score", "Spearman", "Kendall", "given", "p", "ms")
    out.print(table("", columns, [_cells(row) for row in found.scores]), width=_WIDTH)
    out.print()
    for row in found.scores:
        if row.failed:
            say(
                f"{row.name} has no value for {row.failed} networks, which rank last: {row.reason}"
            )
    say(
        "* plain counts, + ensembles, ranked among these networks. Brackets: 95% bootstrap "
        "intervals. given: Spearman with params and MACs taken out. p: how likely the best of as "
        "many worthless scores does as well. ms: per network."
    )
    say(_noise(found))
    if found.epochs < _SHORT:
        say(
            f"Trainings of {found.epochs:.2g} epochs rank networks badly; give more minutes for "
            "longer ones."
        )
    say(f"\n{found.verdict}\n")
    out.print(f"Tables: {place}/check.csv, {place}/check.json", soft_wrap=True)
    again = command("search", found.facts["data"], "--probes", place)
    out.print(f"A search that begins with these trainings: {again}", soft_wrap=True)


def _probes(found: Check) -> Any:
    rows = []
    for probe in found.probes:
        facts = probe.to_dict()
        accuracy, loss = facts["val_accuracy"], facts["val_loss"]
        second = probe.again.metrics.get(found.metric) if probe.again else None
        rows.append(
            (
                probe.arch_id,
                format_count(probe.cost.params),
                format_count(probe.cost.macs),
                facts["status"] if accuracy is None else f"{100 * accuracy:.1f}%",
                "" if loss is None else f"{loss:.3f}",
                "" if second is None else f"{second:.3f}",
            )
        )
    columns = ("network", "params", "MACs", "accuracy", "loss", "second seed")
    return table("", columns, rows)


def _cells(row: Trust) -> tuple[str, ...]:
    def number(value: float | None, spec: str) -> str:
        return "" if value is None else format(value, spec)

    ms = "" if row.ms is None else f"{row.ms:.0f}" if row.ms >= 10 else f"{row.ms:.1f}"
    return (
        row.name + _MARKS[row.kind], _interval(row.spearman), _interval(row.kendall),
        number(row.partial, ".2f"), number(row.p_value, ".2f"), ms,
    )  # fmt: skip


def _interval(found: Interval | None) -> str:
    if found is None:
        return ""
    return f"{found.value:.2f} [{found.low:.2f},{found.high:.2f}]"


def _noise(found: Check) -> str:
    if found.noise is None:
        return "The noise of the seed was not measured: no network was trained twice."
    twice = sum(probe.again is not None for probe in found.probes)
    return (
        f"Seed noise: trainings of one network differ in {found.metric} by up to "
        f"{found.noise:.3f} (twice the root mean square, {twice} trained twice); nearer ones are "
        f"ties, and {found.weighed.apart} of {found.weighed.pairs} pairs are not. Corrected for "
        f"{len(found.scores)} scores by permutation."
    )
