"""Candidates of a run: the best, the front of trade-offs, and one of them as a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netwright import catalog
from netwright.arch.cost import COST_NAMES, LATENCY
from netwright.arch.cost import figure as cost_figure
from netwright.arch.graph import Architecture
from netwright.config import SearchConfig
from netwright.contracts import Space
from netwright.errors import UnknownNameError, UsageError
from netwright.pareto import Direction, front
from netwright.proxies.listing import CONTROLS
from netwright.records import Objective, Trial, print_cost
from netwright.run_folder import RunFolder
from netwright.spaces.tokens import fingerprint
from netwright.store import RunKey


def best_of(trials: Sequence[Trial], objective: Objective) -> list[Trial]:
    """The networks that were evaluated, the best first, the earliest of equals."""
    ok = [t for t in trials if t.ok and t.duplicate_of is None]
    return sorted(ok, key=lambda t: (-t.value(objective), t.number))


def front_of(
    trials: Sequence[Trial], objective: Objective, *, costs: Sequence[str]
) -> list[Trial]:
    """The networks that no other beats in the objective and in every cost; the best first.

    Args:
        trials: Of the run.
        objective: What is to be large.
        costs: What is to be small: a cost, or a metric such as ``latency_ms``.

    Raises:
        UsageError: If a network has no such cost.
    """
    ranked = best_of(trials, objective)
    points = [[t.value(objective), *(_number(t, name) for name in costs)] for t in ranked]
    directions: list[Direction] = ["max"]
    directions += ["min"] * len(costs)
    return [ranked[i] for i in front(points, directions=directions)] if points else []


def _number(trial: Trial, name: str) -> float:
    found = figure(trial, name)
    if found is None:
        known = ", ".join((*COST_NAMES, *trial.outcome.metrics))
        raise UsageError(f"Candidate {trial.number} has no {name!r}; there are: {known}.")
    return found


def figure(trial: Trial, name: str) -> float | None:
    """A cost or a metric of a trial; None where it has none of that name."""
    known = cost_figure(trial.cost, name)
    return trial.outcome.metrics.get(name) if known is None else known


def columns_of(
    trials: Sequence[Trial], objective: Objective, costs: Sequence[str]
) -> tuple[str, ...]:
    """What a table shows of trials: the metric, the costs, and the plain counts beside them."""
    names = dict.fromkeys((objective.metric, *costs, LATENCY, *CONTROLS))
    return tuple(n for n in names if any(figure(t, n) is not None for t in trials))


def row_of(trial: Trial, names: Sequence[str]) -> tuple[str, ...]:
    """A line of the table: number, network, figures."""
    return (f"#{trial.number}", trial.arch_id[:8], *(_cell(trial, n) for n in names))


def _cell(trial: Trial, name: str) -> str:
    found = figure(trial, name)
    if found is None:
        return ""
    return print_cost(name, found) if name in (*COST_NAMES, LATENCY) else f"{found:.5g}"


def space_of(config: SearchConfig, folder: RunFolder, key: RunKey) -> Space:
    """The space that a run searched, made again from its settings and its images.

    Raises:
        UsageError: If it cannot be, or would be another space.
    """
    from netwright.training.survey import peek_data

    if folder.result.is_file():
        data: dict[str, Any] = folder.read_result()["data"]
        classes, resolution, channels = len(data["classes"]), data["resolution"], data["channels"]
    else:
        facts = peek_data(
            config.data, resolution=config.resolution, seed=config.seed, flip=config.flip
        )
        classes, resolution, channels = len(facts.classes), facts.resolution, facts.channels
    try:
        made = catalog.space(
            config.space, classes=classes, resolution=resolution, channels=channels
        )
    except UnknownNameError as err:
        raise UsageError(
            f"{folder.path} searched a space of your own, {config.space!r}, which only Python can "
            "make again: see netwright.Run(folder, space)."
        ) from err
    if fingerprint(made) != key.fingerprint:
        raise UsageError(
            f"The space {config.space} is no longer as {folder.path} searched it: the images or "
            "this netwright are others."
        )
    return made


def network_of(trials: Sequence[Trial], number: int, space: Space) -> Architecture:
    """The network of a candidate.

    Raises:
        UsageError: If there is no candidate of that number.
    """
    found = next((t for t in trials if t.number == number), None)
    if found is None:
        raise UsageError(f"There is no candidate #{number}; they are #0 to #{len(trials) - 1}.")
    return space.decode(found.tokens)
