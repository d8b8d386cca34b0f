"""Regret: how far strategies stay behind the best network of a table, seed by seed.

A search sees one column of the table, such as a validation accuracy; reported is another, such as
the test accuracy, of the best network by the first.  The regret after n networks is what the best
reported figure of the whole table is ahead of that.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright import catalog
from netwright.arch.cost import Cost, cost
from netwright.contracts import Strategy
from netwright.errors import UsageError
from netwright.evaluators.table import read_cells, read_columns
from netwright.folders import make_folder
from netwright.records import Objective, Outcome, Tokens
from netwright.replay import BATCH, replay, unlimited
from netwright.run_folder import RunFolder
from netwright.spaces.nasbench201 import NASBench201Space
from netwright.spaces.within import Within
from netwright.stats import Interval, mean_band, signed_rank

Curve = npt.NDArray[np.float64]
Start = Callable[[Within, Objective, int], Strategy]
SPACE = NASBench201Space()
PLAIN = "uniform"  # what every other strategy is tested against


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What the strategies are compared on.

    Args:
        table: Parquet file with a row per NAS-Bench-201 cell, in ``arch_str``.
        objective: The column that a search sees.
        report: The column that is reported.
        evaluations: Networks that each search may look at.
        minimise: Whether less is better, in both columns.
        measure: Whether candidates have their true costs, for strategies that weigh them; counting
            them takes longer than looking them up.
    """

    table: str
    objective: str = "c10_val_200"
    report: str = "c10_test_200"
    evaluations: int = 500
    minimise: bool = False
    measure: bool = True

    def __post_init__(self) -> None:
        if self.evaluations < 1:
            raise UsageError(f"{self.evaluations} evaluations find nothing; give at least 1.")

    def columns(self) -> tuple[Curve, Curve]:
        """What a search sees and what is reported, of all rows.

        Raises:
            DataError: If the table or a column is missing.
        """
        found = read_columns(self.table, (self.objective, self.report))
        return found[self.objective], found[self.report]

    def goal(self) -> Objective:
        """The objective of each search."""
        return Objective(metric=self.objective, direction="min" if self.minimise else "max")

    def digest(self) -> str:
        """16 hexadecimal digits that tell the figures of the table from others."""
        parts = [np.asarray(column).tobytes() for column in self.columns()]
        return hashlib.blake2b(b"".join(parts), digest_size=8).hexdigest()

    def regrets(self, reported: Curve) -> Curve:
        """How far reported figures stay behind the best of the table; 0 is the best."""
        column = self.columns()[1]
        best = np.nanmin(column) if self.minimise else np.nanmax(column)
        return np.asarray(reported - best if self.minimise else best - reported)


def reported(contest: Contest, start: Start, *, seed: int, batch: int = BATCH) -> Curve:
    """What one search reports after 1, 2, ... networks.

    A network that the table has no figure of is a failure; before the first success the worst
    figure of the table stands.

    Args:
        contest: On what.
        start: Makes the strategy.
        seed: Of the search.
        batch: Candidates per ask.

    Returns:
        As many figures as evaluations.
    """
    cells = read_cells(contest.table)
    seen, shown = contest.columns()

    def look(row: Tokens) -> Outcome:
        value = float(seen[cells[row]]) if row in cells else math.nan
        return Outcome.of({contest.objective: value}, seconds=0.0, device="table")

    goal = contest.goal()
    told = replay(
        start(unlimited(SPACE), goal, seed),
        lambda rows: [look(row) for row in rows],
        trials=contest.evaluations,
        batch=batch,
        measure=_cost if contest.measure else None,
    )
    best, chosen, found = -math.inf, float(np.nanmin(shown)), []
    if contest.minimise:
        chosen = float(np.nanmax(shown))
    for trial in told:
        figure = float(shown[cells[trial.tokens]]) if trial.ok else math.nan
        if trial.ok and not math.isnan(figure) and trial.value(goal) > best:
            best, chosen = trial.value(goal), figure
        found.append(chosen)
    found += [chosen] * (contest.evaluations - len(found))  # nothing was left to try
    return np.array(found)


@cache
def _cost(tokens: Tokens) -> Cost:
    return cost(SPACE.decode(tokens))


def _reported(contest: Contest, name: str, seed: int) -> list[float]:
    """The same by the strategy's name, for a worker process."""
    found = reported(contest, catalog.strategy(name), seed=seed, batch=catalog.batch(name, BATCH))
    figures: list[float] = found.tolist()
    return figures


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Regrets (seeds, evaluations) of every strategy, and what follows from them.

    Args:
        contest: On what.
        seed: Of the bootstrap.
        regrets: By the strategy's name, seeds in the same order.
    """

    contest: Contest
    seed: int = 0
    regrets: dict[str, Curve] = field(default_factory=dict)

    def after(self, name: str, evaluations: int) -> Curve:
        """Regrets of all seeds after so many networks."""
        return np.asarray(self.regrets[name][:, evaluations - 1])

    def band(self, name: str) -> list[Interval]:
        """Mean regret over seeds after 1, 2, ... networks, and its 95% bootstrap interval."""
        columns = zip(*mean_band(self.regrets[name], seed=self.seed), strict=True)
        return [Interval(value=float(m), low=float(a), high=float(b)) for m, a, b in columns]

    def chance(self, name: str, evaluations: int, *, over: str = PLAIN) -> float | None:
        """How likely chance alone puts it so far ahead: a paired test, one-sided.

        None for the strategy itself, or where the other did not take part.
        """
        if name == over or over not in self.regrets:
            return None
        return signed_rank(self.after(over, evaluations), self.after(name, evaluations))


def run_contest(
    contest: Contest,
    names: Sequence[str],
    *,
    seeds: Sequence[int],
    executor: Executor,
    folder: RunFolder,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Curves:
    """Replay every strategy with every seed; what is in the folder is not done again.

    Args:
        contest: On what.
        names: Of the strategies, as in the catalogue.
        seeds: Of the searches, the same for all strategies.
        executor: Where; one search is one task.
        folder: Where finished searches are kept, a file each under ``seeds/``.
        on_progress: Told how many searches are done, of how many.

    Raises:
        UsageError: If the folder holds searches of another contest.
    """
    for name in names:
        catalog.strategy(name)  # a wrong name is said before anything starts
    pairs = [(name, seed) for name in names for seed in seeds]
    _claim(folder, contest)
    done = {p: found for p in pairs if (found := _kept(folder, contest, *p)) is not None}
    on_progress(len(done), len(pairs))
    waiting: dict[Future[list[float]], tuple[str, int]] = {}
    left = [pair for pair in pairs if pair not in done]
    try:
        waiting |= {executor.submit(_reported, contest, *pair): pair for pair in left}
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                pair = waiting.pop(future)
                done[pair] = future.result()
                folder.write_json(_file(folder, *pair), {"reported": done[pair]})
                on_progress(len(done), len(pairs))
    finally:
        for future in waiting:
            future.cancel()
    regrets = {
        name: contest.regrets(np.array([done[name, seed] for seed in seeds])) for name in names
    }
    return Curves(contest=contest, regrets=regrets)


def _file(folder: RunFolder, name: str, seed: int) -> Path:
    return folder.path / "seeds" / f"{name}-{seed}.json"


def _kept(folder: RunFolder, contest: Contest, name: str, seed: int) -> list[float] | None:
    path = _file(folder, name, seed)
    if not path.is_file():
        return None
    figures = folder.read_json(path, ("reported",))["reported"]
    if not isinstance(figures, list) or len(figures) != contest.evaluations:
        raise UsageError(f"{path} is damaged; remove it, and it is made anew.")
    return [float(figure) for figure in figures]


def _claim(folder: RunFolder, contest: Contest) -> None:
    """See that the folder is of this contest, or new."""
    path = folder.path / "contest.json"
    settings: dict[str, Any] = {**asdict(contest), "digest": contest.digest()}
    if path.is_file():
        before = folder.read_json(path, tuple(settings))
        for key, value in settings.items():
            if key != "table" and before[key] != value:  # the file may have moved
                raise UsageError(
                    f"{folder.path} holds searches with {key} {before[key]}, not {value}; choose "
                    "another folder with --out."
                )
        return
    make_folder(folder.path)
    (folder.path / "seeds").mkdir(exist_ok=True)
    folder.write_json(path, settings)
