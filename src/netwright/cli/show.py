"""``netwright show``: a finished or running search, from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from netwright.arch.cost import COST_NAMES
from netwright.cli.output import command, console, print_json, table
from netwright.cli.summary import print_summary
from netwright.config import read_toml, search_config
from netwright.errors import UsageError
from netwright.records import Trial
from netwright.run_folder import RunFolder
from netwright.store import read_store
from netwright.units import format_count

_ROWS = 10


def show(
    run: Path, *, top: int = _ROWS, json: Annotated[bool, Parameter(negative="")] = False
) -> None:
    """Show a search: its settings, its best candidates, and the comparison at its end.

    Args:
        run: The folder of the run; the search may still be going on.
        top: How many of the best candidates to list.
        json: Print one JSON object, with every trial, instead of tables.
    """
    folder = RunFolder(run)
    if not folder.config.is_file():
        raise UsageError(f"{run} is not the folder of a run: it holds no run.toml.")
    if top < 1:
        raise UsageError(f"--top {top} would show nothing; give a number of at least 1.")
    config = search_config(read_toml(folder.config))
    with read_store(config.store or folder.trials) as store:
        objective = store.run.objective
        trials = list(store)
        place = store.place  # without a password
    settings = {k: v for k, v in config.model_dump().items() if v is not None}
    if config.store is not None:
        settings["store"] = place
    result = folder.read_result() if folder.result.is_file() else None
    if json:
        trial_rows = [t.to_dict() for t in trials]
        print_json({"config": settings, "trials": trial_rows, "result": result})
        return
    out = console()
    out.print(f"{run}: {', '.join(f'{k} {v}' for k, v in settings.items())}")
    ok = [t for t in trials if t.ok and t.duplicate_of is None]
    best = sorted(ok, key=lambda t: (-t.value(objective), t.number))[:top]
    controls = [n for n in ("params", "macs", "sum_log_n") if n != objective.metric]
    if not any("sum_log_n" in t.outcome.metrics for t in best):  # judged by training, not by score
        controls = [n for n in controls if n != "sum_log_n"]
    rows = [_row(t, objective.metric, controls) for t in best]
    columns = ("candidate", "network", objective.metric, *controls)
    title = f"\nBest {len(rows)} of {len(trials)} candidates"
    out.print(table(title, columns, rows, right=2))
    if result is None:
        again = command("search", "--resume", "--out", run)
        out.print(f"No result yet; go on with: {again}", soft_wrap=True)
    else:
        print_summary(out, folder, result)


def _row(trial: Trial, metric: str, controls: list[str]) -> tuple[str, ...]:
    def value(name: str) -> Any:
        return getattr(trial.cost, name) if name in COST_NAMES else trial.outcome.metrics.get(name)

    def cell(name: str) -> str:
        found = value(name)
        if found is None:
            return ""
        return format_count(found) if name in COST_NAMES else f"{found:.5g}"

    names = [metric, *controls]
    return (f"#{trial.number}", trial.arch_id[:8], *(cell(n) for n in names))
