"""The real thing: the winner of a search beside plain networks, all trained by one full recipe.

Run ``python benchmarks/funnel.py PARQUET`` on a quiet machine (a day for CIFAR-10 on two cores;
``--seeds 0 --steps 1300`` is one seed in three quarters of an hour).  For every seed a search of
``--minutes`` is run; its winner, three random networks of the budget, the one with the most
parameters, and MobileNetV2 and EfficientNet-B0 scaled to the same cost are then trained from
scratch, and looked at on the test data.  ``--ablate`` does the same for searches of equal time
that lack a part.

Every search and training is a line of ``--lines`` as soon as it is done; run again, the script
goes on where it was, in the middle of a training too.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import as_completed
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any
from unittest.mock import patch

import netwright as nw
import record
from netwright import rehearsal
from netwright.arch.graph import Architecture
from netwright.evaluators.training import TrainingEvaluator
from netwright.finalists import RANDOMS, Finalist, most_params, with_rivals
from netwright.nn.build import build
from netwright.nn.weights import load_weights
from netwright.records import Objective, Outcome, Tokens, Trial
from netwright.rng import stream
from netwright.run_folder import RunFolder
from netwright.spaces.within import Within
from netwright.strategies.predictor import PROBES_AFTER_LANDMARKS, FewShot
from netwright.strategies.uniform import Uniform
from netwright.training.evaluate import evaluate as look
from netwright.training.recipe import Recipe, default_recipe
from netwright.training.reference import DataRef
from netwright.training.survey import DataFacts, peek_data
from netwright.units import parse_count
from netwright.workers import Processes, evaluate, settled

PROBES = PROBES_AFTER_LANDMARKS
Row = dict[str, Any]
Start = Callable[[Within, Objective, int], Any]


class RandomFirst:
    """The predictor, but its first networks are drawn at random instead of chosen to differ."""

    def __init__(self, within: Within, objective: Objective, seed: int) -> None:
        self.draws = Uniform(within, seed=seed)
        self.learner = FewShot(within, objective=objective, seed=seed, probes=PROBES)
        self.told = 0

    def ask(self, n: int) -> Sequence[Tokens]:
        """Draws, then what the predictor asks for."""
        return (self.draws if self.told < PROBES else self.learner).ask(n)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Tell both."""
        self.told += len(trials)
        self.draws.tell(trials)
        self.learner.tell(trials)


def random_first(within: Within, objective: Objective, seed: int) -> RandomFirst:
    """A fresh one, under a name that a run can keep."""
    return RandomFirst(within, objective, seed)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A search with one part exchanged.

    Args:
        objective: What it goes by.
        strategy: What proposes.
        halving: Whether finalists race.
    """

    objective: str = "val_loss"
    strategy: str | Start = "predictor"
    halving: bool = True


VARIANTS = {
    "full": Variant(),
    "without probes": Variant(objective="consensus", strategy="evolution"),
    "random probes": Variant(strategy=random_first),
    "uniform instead of predictor": Variant(strategy="uniform"),
    "without halving": Variant(halving=False),
}


def as_varied(variant: Variant) -> AbstractContextManager[object]:
    """Without halving all candidates of the smallest race train to the end."""
    if variant.halving:
        return nullcontext()
    alone = (replace(rehearsal.MEASURED, rungs=()),)
    return patch.object(rehearsal, "FIELDS", alone)


class Lines:
    """Results that are on disk, a line each, by their key."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, dict[str, Row]()
        if path.is_file():
            whole = path.read_text(encoding="utf-8").rpartition("\n")[0]  # a kill may cut a line
            for line in whole.splitlines():
                row = json.loads(line)
                self.rows[row["key"]] = row

    def add(self, key: str, row: Row) -> None:
        """Keep a result, on disk when this returns."""
        self.rows[key] = {"key": key, **row}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.rows[key]) + "\n")
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all parts share.

    Args:
        data: The images.
        facts: What is known of them.
        within: The space and the budget.
        minutes: Of each search.
        workers: Trainings at a time.
        recipe: Of the final comparison.
        lines: What is done.
        folder: For runs and checkpoints.
    """

    data: DataRef
    facts: DataFacts
    within: Within
    minutes: float
    workers: int
    recipe: Recipe
    lines: Lines
    folder: Path

    def winner(self, name: str, seed: int) -> Architecture:
        """The best candidate of a search; the search is run, or gone on with, if need be."""
        run = RunFolder(self.folder / f"{name.replace(' ', '-')}-{seed}")
        key = f"search {name} {seed}"
        if key not in self.lines.rows:
            variant = VARIANTS[name]
            with as_varied(variant):
                found = nw.search(
                    self.within.space,
                    self.data.source,
                    budget=self.within.budget,
                    minutes=self.minutes,
                    seed=seed,
                    objective=variant.objective,
                    strategy=variant.strategy,
                    workers=self.workers,
                    out=run.path,
                    resume=run.is_run(),
                ).result
            kept = ("search", "finals", "best", "test", "verdict", "seconds", "spending")
            self.lines.add(key, {part: found[part] for part in kept})
        return best_candidate(self.lines.rows[key]["finals"], self.within)

    def plain(self, seed: int, winner: Architecture) -> dict[str, Architecture]:
        """The networks that the winner is compared with, by role."""
        rng, space = stream(seed, "random baseline"), self.within.space
        found = {
            f"random {i + 1}": space.decode(self.within.sample(rng=rng)) for i in range(RANDOMS)
        }
        found["most params"] = space.decode(most_params(self.within, seed=seed))
        first = Finalist(role="search 1", tokens=(), arch=winner)
        (_, *rivals), _ = with_rivals([first], self.within)
        return found | {rival.role: rival.arch for rival in rivals}

    def train(self, wanted: Mapping[tuple[str, int], Architecture]) -> None:
        """Train what is not yet trained, each network once a seed, and look at the test data."""
        todo: dict[str, tuple[Architecture, int]] = {}
        for (_, seed), arch in wanted.items():
            key = self.key(arch, seed)
            if key not in self.lines.rows:
                todo[key] = (arch, seed)
        with Processes(self.workers) as executor:
            running = {}
            for key, (arch, seed) in todo.items():
                folder = self.folder / "trained" / str(seed)
                task = Tested(data=self.data, recipe=self.recipe, folder=str(folder.resolve()))
                running[executor.submit(evaluate, task, arch, seed)] = key
            for future in as_completed(running):
                key, outcome = running[future], settled(future)
                arch, seed = todo[key]
                cost = nw.cost(arch)
                row = {
                    "arch_id": arch.id, "seed": seed, "macs": cost.macs, "params": cost.params,
                    "status": outcome.status, "reason": outcome.reason, **outcome.metrics,
                }  # fmt: skip
                self.lines.add(key, row)
                print(f"{key}: {row.get('accuracy', outcome.reason)}", flush=True)

    def key(self, arch: Architecture, seed: int) -> str:
        """Of a training."""
        return f"training {arch.id} {self.recipe.steps} {seed}"

    def accuracy(self, arch: Architecture, seed: int) -> float:
        """On the test data, in percent; 0 where the training failed."""
        return 100 * float(self.lines.rows[self.key(arch, seed)].get("accuracy", 0.0))


@dataclass(frozen=True, kw_only=True)
class Tested:
    """Trains by a recipe and looks at the test data; nothing is chosen by what it says."""

    data: DataRef
    recipe: Recipe
    folder: str

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        """``accuracy`` on the test split, beside what the training came to."""
        train = TrainingEvaluator(data=self.data, recipe=self.recipe, folder=self.folder)
        outcome = train(arch, seed=seed)
        weights = train.path(arch.id, "weights")
        if outcome.status != "ok" or weights is None:
            return outcome
        module = build(arch, seed=seed)
        load_weights(module, weights)
        found = look(module, self.data.at(arch.input_shape[1]).open(), split="test")
        metrics = {**outcome.metrics, "accuracy": found.accuracy}
        return Outcome.of(metrics, seconds=outcome.seconds, device="cpu")


def best_candidate(finals: Sequence[Row], within: Within) -> Architecture:
    """The candidate of a search that ended with the highest validation accuracy."""
    ended = [row for row in finals if row["role"].startswith("search") and row["val_accuracy"]]
    best = max(ended, key=lambda row: row["val_accuracy"])
    return within.space.decode(tuple(best["tokens"]))


def against_plain(bench: Bench, seeds: Sequence[int]) -> dict[str, record.Measured]:
    """The first table: winners and plain networks."""
    wanted: dict[tuple[str, int], Architecture] = {}
    for seed in seeds:
        winner = bench.winner("full", seed)
        wanted["winner", seed] = winner
        wanted |= {(role, seed): arch for role, arch in bench.plain(seed, winner).items()}
    bench.train(wanted)
    found: dict[str, list[float]] = {}
    for seed in seeds:
        mine = {role: bench.accuracy(a, s) for (role, s), a in wanted.items() if s == seed}
        randoms = [mine.pop(f"random {i + 1}") for i in range(RANDOMS)]
        ours, rivals = mine["winner"], [v for role, v in mine.items() if role != "winner"]
        rows = {
            **mine,
            "random, mean of 3": fmean(randoms),
            "winner less random": ours - fmean(randoms),
            "winner less the best of the others": ours - max(rivals),
        }
        for what, value in rows.items():
            found.setdefault(what, []).append(value)
    return {
        what: record.measured(
            values,
            "points" if "less" in what else "%",
            headline=what == "winner" or "less" in what,
        )
        for what, values in found.items()
    }


def ablated(bench: Bench, seeds: Sequence[int]) -> dict[str, record.Measured]:
    """The second table: winners of searches that lack a part."""
    wanted = {(name, seed): bench.winner(name, seed) for name in VARIANTS for seed in seeds}
    bench.train(wanted)
    return {
        name: record.measured(
            [bench.accuracy(wanted[name, s], s) for s in seeds], "%", headline=True
        )
        for name in VARIANTS
    }


def main() -> None:
    """Search, train, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("data", help="images with test data")
    options.add_argument("--resolution", type=int)
    options.add_argument("--max-macs", default="5M")
    options.add_argument("--minutes", type=float, default=15.0)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--steps", type=int, help="of the full recipe; 40 epochs without it")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--ablate", action="store_true")
    options.add_argument("--lines", type=Path, default=Path("funnel.jsonl"))
    options.add_argument("--keep", type=Path, default=Path("funnel-runs"))
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    facts = peek_data(given.data, resolution=given.resolution)
    space = nw.space("mobile", classes=len(facts.classes), resolution=facts.resolution,
                     channels=facts.channels)  # fmt: skip
    length = {"steps": given.steps} if given.steps else {"epochs": 40.0}
    bench = Bench(
        data=DataRef(source=given.data, resolution=facts.resolution),
        facts=facts,
        within=Within.of(space, nw.Budget(macs=parse_count(given.max_macs))),
        minutes=given.minutes,
        workers=given.workers,
        recipe=default_recipe(facts, **length),
        lines=Lines(given.lines),
        folder=given.keep,
    )
    given.keep.mkdir(parents=True, exist_ok=True)
    results = (ablated if given.ablate else against_plain)(bench, given.seeds)
    what = "what each part of a search is worth" if given.ablate else "the winner of a search"
    record.write(
        __file__,
        claim=f"On {facts.name} under {given.max_macs} MACs, {given.minutes:g} minutes on "
        f"{given.workers} cores: {what}, by test accuracy after {bench.recipe.steps} steps",
        seeds=given.seeds,
        results=results,
        arguments=f"DATA --max-macs {given.max_macs} --minutes {given.minutes:g} --steps "
        f"{bench.recipe.steps} --seeds {' '.join(map(str, given.seeds))}"
        f"{' --ablate' if given.ablate else ''}",
        facts={"recipe": bench.recipe.to_dict(), "rows": list(bench.lines.rows.values())},
        out=given.out or (record.RESULTS / "funnel_ablation.json" if given.ablate else None),
    )


if __name__ == "__main__":
    main()
