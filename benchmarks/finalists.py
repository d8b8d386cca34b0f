"""What the parts of a search are worth where trainings are few and short, on a table.

On NAS-Bench-201 a search sees 24 or 48 networks, each by one training of 12 epochs.  Then
finalists are chosen, by turns the best by the predictor's mean and the best as measured, or by one
of the two alone, and the one that is best on validation after 200 epochs is handed back.  Reported
is its test accuracy, for every strategy, so what each part is worth is seen at equal cost.  Run
``python benchmarks/finalists.py`` beside a folder ``../shared/data`` with ``nasbench201.parquet``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import record
from funnel import RandomFirst
from kept import Kept, add_option
from netwright.arch.cost import cost
from netwright.contracts import Strategy
from netwright.evaluators.table import Column, read_cells, read_columns
from netwright.finalists import by_predictor
from netwright.records import Budget, Objective, Outcome, Tokens, Trial
from netwright.regret import SPACE
from netwright.spaces.within import Within
from netwright.stats import signed_rank
from netwright.strategies.evolution import Evolution
from netwright.strategies.predictor import FewShot
from netwright.strategies.uniform import Uniform

TABLE = Path(__file__).parents[2] / "shared" / "data" / "nasbench201.parquet"
LOOKS = (24, 48)  # networks that a search sees
BATCH = 4
SIZES = (1, 3, 8)  # finalists
SHOWN = (("measured", 1), ("by turns", 3))
GOAL = Objective(metric="val_12")
WITHIN = Within.of(SPACE, Budget())

STRATEGIES: dict[str, Callable[[int], Strategy]] = {
    "uniform": lambda seed: Uniform(WITHIN, seed=seed),
    "evolution": lambda seed: Evolution(WITHIN, objective=GOAL, seed=seed),
    "predictor, random probes": lambda seed: RandomFirst(WITHIN, GOAL, seed),
    "predictor": lambda seed: FewShot(WITHIN, objective=GOAL, seed=seed),
}


def searched(start: Callable[[int], Strategy], seen: Mapping[Tokens, float], *, seed: int,
             looks: int) -> list[Trial]:  # fmt: skip
    """The networks that a search looked at; one asked for again does not count."""
    strategy, found, number = start(seed), dict[Tokens, Trial](), 0
    while len(found) < looks:
        told = []
        for tokens in strategy.ask(BATCH):
            arch = SPACE.decode(tokens)
            outcome = Outcome.of({"val_12": seen[tokens]}, seconds=0.0, device="table")
            again = found[tokens].number if tokens in found else None
            trial = Trial(number=number, tokens=tokens, arch_id=arch.id, cost=cost(arch),
                          outcome=outcome, duplicate_of=again)  # fmt: skip
            found.setdefault(tokens, trial)
            told.append(trial)
            number += 1
        strategy.tell(told)
    return list(found.values())[:looks]


def orders(trials: Sequence[Trial], *, seed: int) -> dict[str, list[Trial]]:
    """Trials by three rules, the most promising first."""
    measured = sorted(trials, key=lambda t: (-t.value(GOAL), t.number))
    predicted = by_predictor(WITHIN, trials, GOAL, seed=seed)
    turns = [t for pair in zip(predicted, measured, strict=True) for t in pair]
    by_tokens = {t.tokens: t for t in turns}  # in the order in which they came first
    return {"measured": measured, "predicted": predicted, "by turns": list(by_tokens.values())}


def one(data: str, name: str, seed: int) -> dict[str, float]:
    """Test accuracy of what a search hands back, in per cent, by rule, finalists and looks."""
    cells = read_cells(str(TABLE))
    names = tuple(f"{data}_{what}" for what in ("val_12", "val_200", "test_200"))
    columns: Mapping[str, Column] = read_columns(str(TABLE), names)
    seen = {SPACE.canonical(cell): float(columns[names[0]][row]) for cell, row in cells.items()}
    row_of = {cell: row for cell, row in cells.items() if SPACE.canonical(cell) == cell}
    trials = searched(STRATEGIES[name], seen, seed=seed, looks=max(LOOKS))
    found: dict[str, float] = {}
    for looks in LOOKS:
        for rule, order in orders(trials[:looks], seed=seed).items():
            for size in SIZES:
                rows = [row_of[t.tokens] for t in order[:size]]
                best = max(rows, key=lambda row: columns[names[1]][row])
                found[f"{looks} {rule} {size}"] = float(columns[names[2]][best])
    return found


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--seeds", type=int, default=30)
    options.add_argument("--data", nargs="*", default=["c10", "in16"])
    add_option(options)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    kept = Kept(given.cache)
    results: dict[str, record.Measured] = {}
    facts: dict[str, Any] = {}
    for data in given.data:
        runs = {
            name: kept.each(f"{data} {name}", range(given.seeds), partial(one, data, name))
            for name in STRATEGIES
        }
        for name, rows in runs.items():
            for looks in LOOKS:
                for rule, size in SHOWN:
                    what = f"{looks} {rule} {size}"
                    label = f"{data}, {looks} trainings, {name}, best of {size} {rule}"
                    values = [row[what] for row in rows]
                    usual = (rule, size) == SHOWN[-1]
                    results[label] = record.measured(values, "% test accuracy", headline=usual)
                    if name != "uniform" and given.seeds > 5:
                        other = [row[what] for row in runs["uniform"]]
                        facts[f"{label}, over uniform: p"] = signed_rank(values, other)
        facts[f"{data}, every rule and number of finalists"] = {
            f"{name}, {what}": fmean(row[what] for row in rows)
            for name, rows in runs.items()
            for what in rows[0]
        }
    record.write(
        __file__,
        claim="From 24 or 48 trainings of 12 epochs on NAS-Bench-201 the predictor finds better "
        "networks than uniform search or evolution",
        seeds=range(given.seeds),
        results=results,
        arguments=f"--seeds {given.seeds} --data {' '.join(given.data)}",
        facts=facts,
        out=given.out,
    )


if __name__ == "__main__":
    main()
