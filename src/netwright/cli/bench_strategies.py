"""``netwright bench strategies``: regret curves on a table of networks that others trained."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netwright import catalog
from netwright.cli.crew import Watch, crew
from netwright.cli.output import Flag, Words, console, print_json, table
from netwright.errors import UsageError
from netwright.evaluators.table import columns_of
from netwright.regret import PLAIN, Contest, Curves, run_contest
from netwright.reporting.lines import Axis, Sample, lines_svg
from netwright.run_folder import RunFolder
from netwright.stats import Interval

_CHECKPOINTS = (0.2, 0.6, 1.0)  # of the evaluations, in the table
_DRAWN = 120  # places of a curve in the picture
_SURE = 0.01  # chance below which a difference gets its star


def strategies(
    *,
    table: Path,
    objective: str = "c10_val_200",
    report: str | None = None,
    strategy: Words = None,
    evaluations: int = 500,
    seeds: int = 10,
    minimise: Flag = False,
    workers: int | None = None,
    out: Path | None = None,
    json: Flag = False,
) -> None:
    """Compare strategies by regret: how far they stay behind the best network of the table.

    Nothing is trained: the figures are looked up. Finished searches are kept, so the same command
    goes on where it was stopped, and more seeds or strategies are added to those that are there.

    Args:
        table: Parquet file with a row per NAS-Bench-201 cell, in the column arch_str.
        objective: Column that a search sees, such as a validation accuracy.
        report: Column that is reported of the best by the objective; the test column that goes
            with it (_val_ read as _test_) without it.
        strategy: A name of `netwright list strategies`; may be repeated. Without it: all.
        evaluations: Networks that each search may look at.
        seeds: Searches of each strategy, with the seeds 0, 1, ...
        minimise: Less is better, in both columns.
        workers: Searches at a time; one per core without it.
        out: Folder for searches, curves.csv, result.json and regret.svg; bench/NAME without it.
        json: Print one JSON object on stdout; progress still goes to stderr.
    """
    if seeds < 1:
        raise UsageError(f"--seeds {seeds} would search nothing; give at least 1.")
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers} would do nothing; give at least 1.")
    contest = Contest(
        table=str(table),
        objective=objective,
        report=report or _reported(table, objective),
        evaluations=evaluations,
        minimise=minimise,
    )
    names = list(dict.fromkeys(strategy or _installed()))
    names.sort(key=lambda name: name != PLAIN)  # the plain one first
    folder = RunFolder(out or Path("bench") / f"{table.stem}-{objective}")
    with crew(workers or os.cpu_count() or 1) as executor:
        curves = run_contest(
            contest,
            names,
            seeds=range(seeds),
            executor=executor,
            folder=folder,
            on_progress=Watch("searches are done"),
        )
    facts = facts_of(curves)
    folder.write_json(folder.result, facts)
    folder.write_text(folder.path / "curves.csv", curves_csv(curves))
    folder.write_text(folder.path / "regret.svg", picture(curves))
    if json:
        print_json({"folder": str(folder.path), **facts})
        return
    _print(curves, seeds=seeds, folder=folder)


def _reported(table: Path, objective: str) -> str:
    test = objective.replace("_val_", "_test_")
    return test if test in columns_of(str(table)) else objective


def _installed() -> list[str]:
    """Every strategy of the catalogue whose libraries are there."""
    from importlib.util import find_spec

    return [n for n in catalog.STRATEGIES if n != "optuna" or find_spec("optuna") is not None]


def checkpoints(evaluations: int) -> list[int]:
    """The numbers of networks that the table shows."""
    return sorted({max(1, round(share * evaluations)) for share in _CHECKPOINTS})


def facts_of(curves: Curves) -> dict[str, Any]:
    """What ``result.json`` holds: settings, and every strategy at the checkpoints."""
    points = checkpoints(curves.contest.evaluations)
    found: dict[str, Any] = {}
    for name in curves.regrets:
        found[name], band = [], curves.band(name)
        for n in points:
            interval = band[n - 1]
            found[name].append(
                {
                    "evaluations": n,
                    "regret": interval.value,
                    "low": interval.low,
                    "high": interval.high,
                    "p_over_uniform": curves.chance(name, n),
                    "seeds": curves.after(name, n).tolist(),
                }
            )
    return {"contest": asdict(curves.contest), "strategies": found}


def curves_csv(curves: Curves) -> str:
    """One row per strategy and number of networks: mean regret and its interval."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("strategy", "evaluations", "regret", "low", "high"))
    for name in curves.regrets:
        for n, at in enumerate(curves.band(name), start=1):
            rows.writerow((name, n, *(f"{v:.6g}" for v in (at.value, at.low, at.high))))
    return text.getvalue()


def picture(curves: Curves) -> str:
    """Mean regret over the number of networks, with 95% bands."""
    most = curves.contest.evaluations
    places = sorted({round(most ** (i / (_DRAWN - 1))) for i in range(_DRAWN)})
    lines = {}
    for name in curves.regrets:
        band = curves.band(name)
        at = [(n, band[n - 1]) for n in places]
        lines[name] = [Sample(x=n, y=i.value, low=i.low, high=i.high) for n, i in at]
    count = len(next(iter(curves.regrets.values())))
    return lines_svg(
        lines,
        title=f"Regret on {Path(curves.contest.table).name}, mean of {count} seeds and 95% bands",
        across=Axis(label="networks looked at", log=True),
        up=Axis(label=f"regret in {curves.contest.report}", log=True),
    )


def _print(curves: Curves, *, seeds: int, folder: RunFolder) -> None:
    contest = curves.contest
    points = checkpoints(contest.evaluations)
    screen = console()
    screen.print(
        f"{Path(contest.table).name}: the search sees {contest.objective}; regret is in "
        f"{contest.report}, {seeds} seeds."
    )
    rows = [_row(curves, name, points) for name in sorted(curves.regrets, key=_last(curves))]
    columns = ("strategy", *(f"after {n}" for n in points), "p")
    screen.print(table("\nMean regret and its 95% interval; less is better", columns, rows))
    screen.print(
        f"\np: chance alone puts it ahead of {PLAIN} after {points[-1]} networks (Wilcoxon's "
        f"paired test, one-sided); * is below {_SURE:g}.",
    )
    for name in ("regret.svg", "curves.csv", "result.json"):
        screen.print(f"  {folder.path / name}", soft_wrap=True)


def _last(curves: Curves) -> Any:
    return lambda name: curves.regrets[name][:, -1].mean()


def _row(curves: Curves, name: str, points: Sequence[int]) -> tuple[str, ...]:
    chance, band = curves.chance(name, points[-1]), curves.band(name)
    sure = "" if chance is None else f"{chance:.2g}{' *' if chance < _SURE else '  '}"
    return (name, *(_interval(band[n - 1]) for n in points), sure)


def _interval(at: Interval) -> str:
    return f"{at.value:.2f} ({at.low:.2f}-{at.high:.2f})"
