"""A sample's scores put together with its accuracies: ensembles, precomputed scores, rankings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netwright.correlation.ranking import Column, Measured, Ranking, rank_networks
from netwright.correlation.scores import ScoreBook, Setting, columns
from netwright.correlation.tables import Table
from netwright.correlation.written import flat, picture, write_table
from netwright.errors import DataError
from netwright.evaluators.table import read_parquet
from netwright.proxies.ensembles import ENSEMBLES, Ensemble, Panel
from netwright.proxies.listing import Proxy


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What is known of a sample of a table."""

    benchmark: str
    setting: Setting
    networks: int
    scores: Mapping[str, Sequence[Any]]
    """A row a network: its place, accuracies, scores, seconds."""
    rankings: tuple[Ranking, ...]

    def facts(self) -> dict[str, Any]:
        """What ``--json`` prints; a figure that does not exist is null."""
        table = flat(self.rankings)
        rows = zip(*table.values(), strict=True)
        clean = [
            {k: None if v != v else v for k, v in zip(table, row, strict=True)} for row in rows
        ]
        return {
            "benchmark": self.benchmark,
            "setting": asdict(self.setting),
            "networks": self.networks,
            "rankings": clean,
        }


def summarise(
    table: Table,
    numbers: Sequence[int],
    book: ScoreBook,
    *,
    proxies: Sequence[Proxy],
    precomputed: Path | None = None,
    repeats: int = 1000,
) -> Summary:
    """Correlate what a folder knows of a sample; ensembles whose members are there come along.

    Args:
        table: Where the networks are from.
        numbers: Of its rows.
        book: Their scores.
        proxies: Which to show.
        precomputed: Others' scores; where None, a file beside the table is looked for.
        repeats: Resamples of the bootstrap.

    Raises:
        DataError: If the precomputed scores are of another table.
    """
    rows = [table.row(number) for number in numbers]
    found: dict[str, list[Any]] = dict(columns(book, rows, [p.name for p in proxies]))
    theirs = _precomputed(table, numbers, precomputed)
    measured = [
        Measured(
            name=p.name,
            values=found[p.name],
            seconds=found[f"{p.name}_seconds"],
            lower_is_better=not p.higher_is_better,
            control=p.control,
            precomputed=theirs.get(p.name),
        )
        for p in proxies
    ]
    for ensemble in ENSEMBLES:
        if all(member in found for member in ensemble.members):
            values, seconds = _together(ensemble, found)
            measured.append(Measured(name=ensemble.name, values=values, seconds=seconds))
            found[ensemble.name] = list(values)
    accuracies = {name: [row.accuracies[name] for row in rows] for name in table.accuracies}
    rankings = rank_networks(
        measured,
        accuracies,
        benchmark=table.benchmark.name,
        seed=book.setting.seed,
        repeats=repeats,
    )
    return Summary(
        benchmark=table.benchmark.name,
        setting=book.setting,
        networks=len(rows),
        scores=found,
        rankings=tuple(rankings),
    )


def write_summary(folder: Path, summary: Summary) -> None:
    """Write scores and correlations as CSV and Parquet, and a picture a column of accuracies."""
    write_table(folder, "scores", summary.scores)
    write_table(folder, "correlations", flat(summary.rankings))
    for column in dict.fromkeys(r.column for r in summary.rankings):
        title = f"{summary.networks:,} networks of {summary.setting.table}, {column}"
        drawn = picture(summary.rankings, column=column, title=title)
        (folder / f"{column}.svg").write_text(drawn, encoding="utf-8")


def _together(ensemble: Ensemble, found: Mapping[str, Sequence[Any]]) -> tuple[Column, Column]:
    """The ensemble of every network of which all members were tried, ranked among these."""
    times = list(zip(*(found[f"{member}_seconds"] for member in ensemble.members), strict=True))
    tried = [i for i, seconds in enumerate(times) if None not in seconds]
    sample = [{member: found[member][i] for member in ensemble.members} for i in tried]
    values: list[float | None] = [None] * len(times)
    seconds: list[float | None] = [None] * len(times)
    if sample:
        panel = Panel.of(ensemble, sample)
        for i, scores in zip(tried, sample, strict=True):
            values[i] = panel.score(scores)
            seconds[i] = math.fsum(times[i])
    return values, seconds


def _precomputed(table: Table, numbers: Sequence[int], given: Path | None) -> dict[str, Column]:
    """Others' scores of these rows by our names; none where no file has any."""
    path = given or table.path.with_name(f"{table.path.stem}_zc.parquet")
    names = dict(table.benchmark.precomputed)
    if not names or (given is None and not path.is_file()):
        return {}
    data = read_parquet(str(path), tuple(names.values()))
    count = len(next(iter(table.columns.values())))
    if any(len(column) != count for column in data.values()):
        raise DataError(f"{path} has other rows than {table.path}; it needs one for each of them.")
    return {ours: [_number(data[name][i]) for i in numbers] for ours, name in names.items()}


def _number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)
