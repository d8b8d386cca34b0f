"""What a search is told of latency on the command line, and what is made of it before it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.cli.output import console
from netwright.config import SearchConfig
from netwright.contracts import Space
from netwright.errors import UsageError
from netwright.records import Factor, Objective
from netwright.run_folder import RunFolder
from netwright.units import format_seconds, parse_seconds

if TYPE_CHECKING:
    from netwright.latency.limit import LatencyLimit
    from netwright.latency.profile import Step

EXPONENTS = {"soft": (-0.07, -0.07), "hard": (0.0, -1.0)}
"""Below and above the target (Tan et al., "MnasNet", CVPR 2019, section 3)."""


def latency_settings(
    *,
    max_latency: str | None,
    target_latency: str | None,
    latency_reward: str | None,
    latency_runtime: str | None,
    latency_dtype: str | None,
    latency_threads: int | None,
    latency_table: Path | None,
    latency_command: str | None,
) -> dict[str, Any]:
    """The words typed, as settings; None where nothing was typed."""
    return {
        "max_latency_ms": max_latency and 1000 * parse_seconds(max_latency),
        "target_latency_ms": target_latency and 1000 * parse_seconds(target_latency),
        "latency_reward": latency_reward, "latency_runtime": latency_runtime,
        "latency_dtype": latency_dtype, "latency_threads": latency_threads,
        "latency_table": latency_table and str(latency_table.absolute()),
        "latency_command": latency_command,
    }  # fmt: skip


def prepared(chosen: SearchConfig, space: Space, folder: RunFolder) -> LatencyLimit | None:
    """The latency limit of a search, its space profiled if need be; None where latency is free.

    Args:
        chosen: The settings.
        space: Of the search.
        folder: Of the run, where the table is kept.
    """
    if not chosen.minds_latency:
        return None

    from netwright.latency.prepare import LatencyPlan, prepare
    from netwright.nn.runtimes import Where

    device = chosen.device if chosen.latency_runtime.startswith("torch") else "cpu"
    plan = LatencyPlan(
        limit_ms=chosen.max_latency_ms,
        where=Where(**chosen.where(), device=device),
        table=Path(chosen.latency_table) if chosen.latency_table else None,
        command=chosen.latency_command,
    )
    out = console(stderr=True)
    if not folder.latency.exists() and plan.table is None:
        out.print(f"Profiling the {chosen.space} space for latency", soft_wrap=True)
    last: list[Step] = []
    found = prepare(
        plan, space, folder.latency, seconds=60 * chosen.minutes, seed=chosen.seed,
        on_step=last.append,
    )  # fmt: skip
    took = f" in {format_seconds(last[-1].seconds)}" if last else ""
    table = found.predictor.table
    out.print(
        f"Latency: {found.setting}; {len(table.networks)} networks and {len(table.parts)} parts "
        f"measured{took}"
        + ("; the machine was busy meanwhile, so expect corrections" if table.busy else ""),
        soft_wrap=True,
    )
    return found


def rewarded(objective: Objective, chosen: SearchConfig) -> Objective:
    """The objective weighed by the predicted latency, where a target was given.

    Raises:
        UsageError: If it is no accuracy, which alone can be multiplied.
    """
    if chosen.target_latency_ms is None:
        return objective
    if objective.direction != "max":
        raise UsageError(
            f"A reward weighs an accuracy by latency; {objective.metric} is to be small. Add "
            "--objective val_accuracy."
        )
    below, above = EXPONENTS[chosen.latency_reward]
    factor = Factor(cost="latency_ms", target=chosen.target_latency_ms, below=below, above=above)
    return replace(objective, factors=(factor,))
