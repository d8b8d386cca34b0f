"""Before a search with latency: the table that it was given, or a short profile of its space."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netwright.arch.graph import Architecture
from netwright.contracts import Space
from netwright.errors import UsageError
from netwright.latency.gauges import CommandGauge, Gauge, RuntimeGauge, reference
from netwright.latency.limit import LatencyLimit, Meter
from netwright.latency.predictor import LatencyPredictor
from netwright.latency.profile import Step, profile
from netwright.latency.table import TableFile, read_table
from netwright.nn.command import time_by_command
from netwright.nn.measured import Latency, Setting
from netwright.nn.runtimes import Where, ready
from netwright.nn.timing import measure, stopwatch, torch_threads

SHARE = 0.1  # of a search's time, for the profile
_SECONDS = (5.0, 120.0)  # that a profile takes at least and at most
_LEAST = 10  # networks in a profile
_MOST_BY_COMMAND = 30
_SAMPLES, _SAMPLE_SECONDS, _WARMUP_SECONDS = 30, 0.5, 1.0  # of a finalist


@dataclass(frozen=True, kw_only=True)
class LatencyPlan:
    """What the user said of latency.

    Args:
        limit_ms: Most milliseconds; None where latency is weighed and not limited.
        where: The runtime.
        table: A table to predict by; None for a short profile.
        command: That measures in place of the runtime.
    """

    limit_ms: float | None
    where: Where
    table: Path | None = None
    command: str | None = None

    def settings(self) -> dict[str, Any]:
        """As the run file has it; what is not set stays out."""
        found = {
            "latency_runtime": self.where.runtime, "latency_threads": self.where.threads,
            "latency_dtype": self.where.dtype, "latency_table": self.table and str(self.table),
            "latency_command": self.command,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}


def prepare(
    plan: LatencyPlan,
    space: Space,
    path: Path,
    *,
    seconds: float,
    seed: int = 0,
    on_step: Callable[[Step], None] = lambda step: None,
) -> LatencyLimit:
    """The latency limit of a search, its table kept at ``path``; one that is there is used.

    Args:
        plan: What the user said.
        space: Of the search.
        path: Where the table belongs, in the folder of the run.
        seconds: What the user gave for everything; a share of it is taken.
        seed: Of the networks that are profiled.
        on_step: Told after every profiled network.

    Raises:
        UsageError: If the table is of another device or runtime, or cannot be made.
    """
    image = reference(space).input_shape
    if plan.command is not None:
        gauge: Gauge = CommandGauge(plan.command, (image[0], image[1], image[2]))
    else:
        gauge = RuntimeGauge(plan.where, reference(space))
    if not path.exists():
        if plan.table is not None:
            _require_for(plan.table, gauge.setting)
            shutil.copyfile(plan.table, path)
        else:
            draft = path.with_name(f".{path.name}.part")  # a profile that was killed goes on
            low, high = _SECONDS
            profile(
                space, TableFile(draft, gauge.setting, {"space": space.name}), gauge=gauge,
                seconds=max(low, min(high, SHARE * seconds)), seed=seed, least=_LEAST,
                most=_MOST_BY_COMMAND if plan.command else None, on_step=on_step,
            )  # fmt: skip
            draft.replace(path)
    return LatencyLimit(
        LatencyPredictor.of(read_table(path)),
        limit_ms=plan.limit_ms,
        meter=meter(plan),
        setting=gauge.setting,
    )


def meter(plan: LatencyPlan) -> Meter:
    """What measures a finalist: with more samples than a profile takes."""
    command = plan.command
    if command is not None:
        return lambda arch: time_by_command(arch, command)

    def by_runtime(arch: Architecture) -> Latency:
        with torch_threads(plan.where.threads):
            run = ready(arch, plan.where).run
            found = measure(
                {"network": run}, clock=stopwatch(plan.where.device), least_samples=_SAMPLES,
                seconds=_SAMPLE_SECONDS, warmup_seconds=_WARMUP_SECONDS,
            )  # fmt: skip
        return found["network"]

    return by_runtime


def _require_for(path: Path, now: Setting) -> None:
    """A table of another resolution will do; one of another device or runtime will not."""
    table = read_table(path).setting
    if table.device == "remote":
        return  # an imported one: the user knows what is measured in the end
    same: dict[str, Any] = {"version": now.version, "shape": now.shape}
    for name in ("runtime", "processor", "device", "threads", "batch", "dtype"):
        old, new = getattr(table, name), getattr(replace(now, **same), name)
        if old != new:
            raise UsageError(
                f"{path} was measured with {name} {old}, this search measures with {new}; "
                "profile anew, or search under the table's conditions."
            )
