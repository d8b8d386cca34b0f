"""``netwright show``: a finished or running search, from its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from netwright import catalog
from netwright.cli.candidates import best_of, columns_of, front_of, network_of, row_of, space_of
from netwright.cli.output import Flag, Words, command, console, print_json, table
from netwright.cli.summary import print_summary, train_options
from netwright.config import SearchConfig, read_toml, search_config
from netwright.errors import UsageError
from netwright.lock import holder
from netwright.records import Trial
from netwright.run_folder import RunFolder
from netwright.store import RunKey, read_store
from netwright.units import format_seconds

_ROWS = 10


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What a folder holds."""

    folder: RunFolder
    config: SearchConfig
    key: RunKey
    place: str  # of the store, without a password
    used_seconds: float
    trials: Sequence[Trial]
    costs: tuple[str, ...]

    @property
    def settings(self) -> dict[str, Any]:
        known = {k: v for k, v in self.config.model_dump().items() if v is not None}
        return {**known, "store": self.place} if self.config.store is not None else known


def show(
    run: Path,
    *,
    top: int = _ROWS,
    front: Words = None,
    pick: int | None = None,
    to_optuna: str | None = None,
    json: Flag = False,
) -> None:
    """Show a search: its settings, its best candidates, and the comparison at its end.

    Args:
        run: The folder of the run; the search may still be going on.
        top: How many of the best candidates to list.
        front: A cost or metric to keep small, such as macs; again for more. The candidates that
            no other beats are listed; for a search with several goals, its own without it.
        pick: Write the network of this candidate to a file, for train, cost, scale or export.
        to_optuna: Write the run as a study of Optuna, such as sqlite:///run.db.
        json: Print one JSON object, with every trial, instead of tables.
    """
    if top < 1:
        raise UsageError(f"--top {top} would show nothing; give a number of at least 1.")
    found = _read(RunFolder(run), front)
    result = found.folder.read_result() if found.folder.result.is_file() else None
    edge = front_of(found.trials, found.key.objective, costs=found.costs) if found.costs else []
    done = _written(found, pick=pick, to_optuna=to_optuna)
    if json:
        facts: dict[str, Any] = {"front": [t.number for t in edge]} if found.costs else {}
        rows = [t.to_dict() for t in found.trials]
        print_json({"config": found.settings, "trials": rows, "result": result, **facts, **done})
        return
    out = console()
    if done:
        for line in done.values():
            out.print(line, soft_wrap=True)
        return
    out.print(f"{run}: {', '.join(f'{k} {v}' for k, v in found.settings.items())}")
    if result is None:
        _print_standing(out, found)
    _print_tables(out, found, edge, top=top)
    if result is not None:
        print_summary(out, found.folder, result)


def _read(folder: RunFolder, front: list[str] | None) -> _Run:
    if not folder.config.is_file():
        raise UsageError(f"{folder.path} is not the folder of a run: it holds no run.toml.")
    config = search_config(read_toml(folder.config))
    with read_store(config.store or folder.trials) as store:
        return _Run(
            folder=folder,
            config=config,
            key=store.run,
            place=store.place,
            used_seconds=store.used_seconds,
            trials=list(store),
            costs=tuple(dict.fromkeys(front or catalog.costs(config.strategy))),
        )


def _print_standing(out: Console, run: _Run) -> None:
    """How far a search without a result is: whether it runs, what is done, what is best."""
    lock = run.folder.trials.with_name(run.folder.trials.name + ".lock")
    process = holder(lock) if run.config.store is None else None
    where = f"is running (process {process})" if process else "has no result yet"
    counts = Counter("duplicate" if t.duplicate_of is not None else t.outcome.status
                     for t in run.trials)  # fmt: skip
    words = {"ok": "evaluated", "failed": "failed", "rejected": "over budget",
             "duplicate": "duplicates"}  # fmt: skip
    parts = ", ".join(f"{counts[key]} {word}" for key, word in words.items() if counts[key])
    out.print(
        f"\nThe search {where}. Done: {len(run.trials)} candidates"
        f"{f' ({parts})' if parts else ''} in {format_seconds(run.used_seconds)}."
    )
    best = best_of(run.trials, run.key.objective)[:1]
    names = columns_of(best, run.key.objective, run.costs)
    for trial in best:
        number, network, *cells = row_of(trial, names)
        figures = ", ".join(f"{n} {c}" for n, c in zip(names, cells, strict=True))
        out.print(f"Best so far: {number}, network {network}, {figures}.")
    if (run.folder.finals / "plan.json").is_file():
        out.print("The candidates are chosen; their final trainings are not over.")
    if process is None:
        again = command("search", "--resume", "--out", run.folder.path)
        out.print(f"Go on with: {again}", soft_wrap=True)


def _print_tables(out: Console, run: _Run, edge: Sequence[Trial], *, top: int) -> None:
    objective = run.key.objective
    best = best_of(run.trials, objective)[:top]
    names = columns_of(best, objective, run.costs)
    title = f"\nBest {len(best)} of {len(run.trials)} candidates"
    columns = ("candidate", "network", *names)
    out.print(table(title, columns, [row_of(t, names) for t in best], right=2))
    if not edge:
        return
    small = " and ".join(run.costs)
    shown = _spread(edge, max(top, 2))
    some = "" if len(shown) == len(edge) else f", {len(shown)} of them (--top N for more)"
    title = f"\nFront of {objective.metric} and little {small}: {len(edge)} networks{some}"
    out.print(table(title, columns, [row_of(t, names) for t in shown], right=2))
    pick = command("show", run.folder.path, "--pick", str(shown[0].number))
    out.print(f"Take one with: {pick}", soft_wrap=True)


def _spread(trials: Sequence[Trial], count: int) -> list[Trial]:
    """At most so many, both ends among them, the rest evenly between."""
    if len(trials) <= count:
        return list(trials)
    return [trials[round(i * (len(trials) - 1) / (count - 1))] for i in range(count)]


def _written(run: _Run, *, pick: int | None, to_optuna: str | None) -> dict[str, str]:
    """What was written besides, in words."""
    done: dict[str, str] = {}
    if pick is None and to_optuna is None:
        return done
    space = space_of(run.config, run.folder, run.key)
    if pick is not None:
        arch = network_of(run.trials, pick, space)
        path = run.folder.path / f"candidate-{pick}.json"
        run.folder.write_text(path, arch.to_json())
        train = command("train", run.config.data, path, *train_options(run.config))
        done["picked"] = f"Candidate #{pick}: {path}\nNext: {train}"
    if to_optuna is not None:
        from netwright.exporters.study import to_optuna as write

        name = run.folder.path.resolve().name
        settings: dict[str, str | int | float] = {
            "space": run.key.space, "strategy": run.key.strategy, "seed": run.key.seed,
            "evaluator": run.key.evaluator, "budget": str(run.key.budget),
        }  # fmt: skip
        count = write(
            run.trials,
            space,
            objective=run.key.objective,
            costs=run.costs,
            storage=to_optuna,
            name=name,
            attributes=settings,
        )
        done["study"] = f"Study {name!r} with {count} trials: {to_optuna}"
    return done
