"""Consensus beside its members and the counts, on rows of both tables that did not choose it.

Run after ``proxies_nasbench201.py`` and ``proxies_accel.py``, whose scores it reads:
``python benchmarks/consensus.py --folder bench``.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import record
from netwright.correlation.intervals import correlations
from netwright.correlation.scores import ScoreBook, Setting
from netwright.correlation.tables import Table
from netwright.proxies.ensembles import ENSEMBLES, Ensemble, Panel
from netwright.rng import stream
from netwright.stats import spearman
from proxy_tables import SEED, into_page, table_of

CHOSEN_ON = 312  # first cells of the sample, every other of which chose the members
COLUMNS = ("c10_test_200", "c100_test_200", "in16_test_200", "in1k_val_top1")
CONSENSUS = next(e for e in ENSEMBLES if e.name == "consensus")
COUNTS = Ensemble(name="counts", members=("params", "sum_log_n"), rule="log_rank", summary="")
EQUAL = replace(CONSENSUS, name="equal weights", agreeing=False)
SINGLE = ("params", "sum_log_n", "jacob_cov", "naswot", "zico", "synflow")
REFERENCE, DRAWS = 64, 8

Scores = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Networks of one table with their scores and accuracies."""

    scores: tuple[Scores, ...]
    accuracies: Mapping[str, tuple[float, ...]]

    def only(self, places: Sequence[int]) -> Rows:
        """Some of them."""
        return Rows(
            scores=tuple(self.scores[i] for i in places),
            accuracies={k: tuple(v[i] for i in places) for k, v in self.accuracies.items()},
        )


def read(table: Table, folders: Sequence[Path], numbers: Sequence[int]) -> Rows:
    """Rows that all members and single proxies were tried on."""
    found: dict[int, dict[str, float | None]] = {}
    for folder in folders:
        said = Setting.read(folder)
        for row, scores in ScoreBook(folder, said).scores.items():
            found.setdefault(row, {}).update({name: s.value for name, s in scores.items()})
    wanted = {*SINGLE, *CONSENSUS.members}
    kept = [table.row(n) for n in numbers if wanted <= set(found.get(n, ()))]
    names = [c for c in COLUMNS if c in table.accuracies]
    return Rows(
        scores=tuple(found[row.number] for row in kept),
        accuracies={c: tuple(row.accuracies[c] for row in kept) for c in names},
    )


def figures(rows: Rows, ensemble: Ensemble, reference: Rows) -> list[float]:
    """Spearman of an ensemble with every column, ranked in a reference."""
    panel = Panel.of(ensemble, reference.scores)
    values = [panel.score(s) for s in rows.scores]
    return [spearman(values, column) for column in rows.accuracies.values()]


def single(rows: Rows, name: str) -> list[float]:
    """Spearman of one proxy with every column, where it has a value."""
    kept = [i for i, s in enumerate(rows.scores) if s[name] is not None]
    values = [float(rows.scores[i][name] or 0.0) for i in kept]
    return [spearman(values, [c[i] for i in kept]) for c in rows.accuracies.values()]


def small_reference(rows: Rows) -> list[float]:
    """Consensus with references as small as a search's, mean of several draws."""
    drawn = []
    for draw in range(DRAWS):
        order = stream(SEED, "small reference", draw).permutation(len(rows.scores)).tolist()
        few, rest = rows.only(order[:REFERENCE]), rows.only(order[REFERENCE:])
        drawn.append(figures(rest, CONSENSUS, few))
    return [statistics.fmean(column) for column in zip(*drawn, strict=True)]


def main() -> None:
    """Read, print, write."""
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--folder", type=Path, default=Path("bench"))
    given = words.parse_args()
    cells = table_of("nasbench201.parquet")
    accel = table_of("accel_nasbench.parquet")
    parts = [given.folder / f"nasbench201-{name}" for name in ("b64", "b16")]
    order = cells.sample(1000, seed=SEED)
    sides = (
        (read(cells, parts, order), read(cells, parts, order[CHOSEN_ON:])),
        (
            read(accel, [given.folder / "accel-b16"], accel.sample(320, seed=SEED)),
            read(accel, [given.folder / "accel-b16"], accel.sample(320, seed=SEED)[1::2]),
        ),
    )
    lines: dict[str, list[float]] = {}
    for ensemble in (CONSENSUS, EQUAL, COUNTS):
        name = {"counts": "params and sum_log_n by log-rank"}.get(ensemble.name, ensemble.name)
        lines[f"{name}, all rows"] = [
            f for all_, _ in sides for f in figures(all_, ensemble, all_)
        ]
        lines[f"{name}, held-out rows"] = [f for _, h in sides for f in figures(h, ensemble, h)]
    lines["consensus, reference of 64"] = [f for all_, _ in sides for f in small_reference(all_)]
    for name in SINGLE:
        lines[f"{name}, all rows"] = [f for all_, _ in sides for f in single(all_, name)]
    lines["params, held-out rows"] = [f for _, held in sides for f in single(held, "params")]
    write(lines, sides)


def write(lines: Mapping[str, Sequence[float]], sides: Sequence[tuple[Rows, Rows]]) -> None:
    """The record and the page's table."""
    head = "| score | C10 | C100 | IN16 | Accel |\n|---|---|---|---|---|\n"
    body = "\n".join(
        f"| {name} | {' | '.join(f'{v:.3f}' for v in values)} |" for name, values in lines.items()
    )
    into_page("consensus", f"{head}{body}\n")
    counts = [(len(all_.scores), len(held.scores)) for all_, held in sides]
    facts: dict[str, object] = {"networks, all and held out": counts}
    for (all_, _), table in zip(sides, ("nasbench201", "accel"), strict=True):
        panel = Panel.of(CONSENSUS, all_.scores)
        weights = zip(CONSENSUS.members, panel.weights, strict=True)
        facts[f"weights, {table}"] = {member: round(w, 3) for member, w in weights}
        values = [panel.score(s) for s in all_.scores]
        for column, accuracy in all_.accuracies.items():
            both = correlations(values, accuracy, seed=SEED)
            facts[f"interval, {column}"] = [both.spearman.low, both.spearman.high]
    results = {
        f"{name}, {column}": record.measured(
            [value], "Spearman", headline=name == "consensus, all rows"
        )
        for name, values in lines.items()
        for column, value in zip(COLUMNS, values, strict=True)
    }
    record.write(
        __file__,
        claim="One training-free ensemble, consensus, is at least as good as params on two tables",
        seeds=[SEED],
        results=results,
        arguments="--folder bench",
        facts=facts,
    )


if __name__ == "__main__":
    main()
