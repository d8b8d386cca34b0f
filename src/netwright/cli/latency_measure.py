"""``netwright latency measure``: networks timed side by side, ties called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from netwright import catalog
from netwright.arch.graph import Architecture
from netwright.cli.networks import short_name
from netwright.cli.output import Flag, console, print_json, table
from netwright.errors import UsageError

if TYPE_CHECKING:
    from netwright.nn.measured import Latency, Setting


def measure(
    models: list[str],
    *,
    runtime: str = "torch",
    threads: int = 1,
    batch: int = 1,
    resolution: int | None = None,
    classes: int | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    seconds: float = 1.0,
    latency_command: str | None = None,
    json: Flag = False,
) -> None:
    """Latency of networks, median and quartiles of passes in turn; differences in the noise tie.

    Args:
        models: Names of `netwright list architectures`, .json files or RUN folders.
        runtime: torch, torch.compile, onnxruntime or openvino.
        threads: Threads of the runtime.
        batch: Images per pass.
        resolution: Side of the images in pixels, for catalogue names.
        classes: Length of the logits, for catalogue names.
        device: Where torch runs: cpu, cuda or mps.
        dtype: float32; int8 in onnxruntime; in torch also bfloat16 or float16.
        seconds: Samples of each network, at least.
        latency_command: Your own command in place of a runtime, with {model} where the path of an
            ONNX file belongs; it prints one line of JSON such as {"median_ms": 12.3}.
        json: Print one JSON object instead of a table.
    """
    if not 0 < seconds < 3600:
        raise UsageError(f"--seconds {seconds:g} measures nothing; give something like 1.")
    archs: dict[str, Architecture] = {}
    for name in models:
        made = catalog.architecture(name, resolution=resolution, classes=classes)
        label = short_name(name)
        archs[label if label not in archs else f"{label} ({len(archs) + 1})"] = made
    if latency_command is not None:
        found, setting = _by_command(archs, latency_command)
    else:
        found, setting = _here(
            archs, runtime, threads=threads, batch=batch, device=device, dtype=dtype,
            seconds=seconds,
        )  # fmt: skip
    order = sorted(found, key=lambda name: found[name].median_ms)
    ties = [(a, b) for a, b in pairwise(order) if found[a].tie(found[b])]
    if json:
        print_json(_facts(found, setting, order, ties))
        return
    rows = [
        (
            name,
            f"{found[name].median_ms:.3g}",
            f"{found[name].low_ms:.3g} to {found[name].high_ms:.3g}",
            str(found[name].samples),
            ", ".join(_notes(name, found[name], ties)),
        )
        for name in order
    ]
    out = console()
    out.print(table("", ("network", "median ms", "quartiles", "samples", ""), rows))
    out.print(str(setting), soft_wrap=True)


def _here(
    archs: Mapping[str, Architecture],
    runtime: str,
    *,
    threads: int,
    batch: int,
    device: str,
    dtype: str,
    seconds: float,
) -> tuple[dict[str, Latency], Setting]:
    from netwright.nn.device import require_device
    from netwright.nn.runtimes import Where, ready
    from netwright.nn.timing import measure as timed
    from netwright.nn.timing import stopwatch, torch_threads

    where = Where(runtime=runtime, threads=threads, batch=batch, device=device, dtype=dtype)  # type: ignore[arg-type]  # checked there
    require_device(device)
    with torch_threads(threads):
        made = {name: ready(arch, where) for name, arch in archs.items()}
        runs = {name: r.run for name, r in made.items()}
        found = timed(runs, clock=stopwatch(device), seconds=seconds)
    return found, next(iter(made.values())).setting


def _by_command(
    archs: Mapping[str, Architecture], command: str
) -> tuple[dict[str, Latency], Setting]:
    from netwright.nn.command import command_setting, time_by_command

    first = next(iter(archs.values())).input_shape
    setting = command_setting(command, (first[0], first[1], first[2]))
    return {name: time_by_command(arch, command) for name, arch in archs.items()}, setting


def _notes(name: str, latency: Latency, ties: list[tuple[str, str]]) -> list[str]:
    notes = [f"ties with {a}" for a, b in ties if b == name]
    return notes if latency.settled else [*notes, "never settled: measure again"]


def _facts(
    found: Mapping[str, Latency], setting: Setting, order: list[str], ties: list[tuple[str, str]]
) -> dict[str, Any]:
    rows = [{"name": n, **asdict(found[n]), "noise_ms": found[n].noise_ms} for n in order]
    return {"setting": asdict(setting), "networks": rows, "ties": [list(t) for t in ties]}
