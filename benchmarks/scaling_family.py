"""A family of sizes from a network that a search found: compound scaling against one dimension.

Every size is grown in four ways to equal MACs, within 3% of each other, and all are trained by one
recipe with several seeds:

    netwright search IMAGES --max-macs 2.5M --minutes 10 --out RUN
    python benchmarks/scaling_family.py RUN IMAGES

Trainings already in the result file are not repeated, so a killed run goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import record
from netwright import catalog
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.records import Outcome
from netwright.reporting.curves import Point, curves_svg
from netwright.scaling import Dimension, scale
from netwright.training.recipe import default_recipe
from netwright.training.survey import peek_data
from netwright.workers import Processes, evaluate

WAYS: dict[str, Dimension | None] = {
    "compound": None,
    "depth": "depth",
    "width": "width",
    "resolution": "resolution",
}


TOLERANCE = 0.03  # of the most MACs among the ways


def family(base: Architecture, factors: list[float]) -> dict[str, Architecture]:
    """The base, and each size in each way."""
    made = {"base": base}
    for factor in factors:
        for way, arch in at_equal_macs(base, factor * cost(base).macs).items():
            made[f"{way} {factor:g}x"] = arch
    return made


def at_equal_macs(base: Architecture, target: float) -> dict[str, Architecture]:
    """One network a way, all as large as the way with the coarsest steps below the target.

    Args:
        base: A staged network.
        target: MACs to begin with; it is lowered to what the furthest way reached until all ways
            agree within ``TOLERANCE``, or none comes below it.
    """
    best: dict[str, Architecture] = {}
    while True:
        made = {way: scale(base, to_macs=target, only=only) for way, only in WAYS.items()}
        if not best or spread(made) < spread(best):
            best = made
        least = min(cost(arch).macs for arch in made.values())
        if spread(best) <= TOLERANCE or least == target or least <= cost(base).macs:
            return best
        target = least


def spread(made: dict[str, Architecture]) -> float:
    """How far the fewest MACs are below the most, as a share of the most."""
    counts = [cost(arch).macs for arch in made.values()]
    return 1 - min(counts) / max(counts)


def train_all(
    nets: dict[str, Architecture], images: str, *, steps: int, seeds: int, cache: Path
) -> dict[tuple[str, int], dict[str, float]]:
    """Validation accuracy of every network and seed; finished trainings come from the cache."""
    from netwright.evaluators.training import TrainingEvaluator
    from netwright.training.reference import DataRef

    known: dict[str, dict[str, float]] = json.loads(cache.read_text()) if cache.exists() else {}
    size = nets["base"].input_shape[1]
    recipe = default_recipe(peek_data(images, resolution=size), steps=steps)
    evaluator = TrainingEvaluator(data=DataRef(source=images, resolution=size), recipe=recipe)
    asked: dict[str, Future[Outcome]] = {}
    with Processes(min(2, os.cpu_count() or 1)) as executor:
        for arch in sorted(nets.values(), key=lambda a: -cost(a).macs):
            for seed in range(seeds):
                key = f"{arch.id} {seed} {steps}"
                if key not in known and key not in asked:
                    asked[key] = executor.submit(evaluate, evaluator, arch, seed)
        for number, (key, future) in enumerate(asked.items()):
            outcome = future.result()
            known[key] = {**outcome.metrics, "seconds": outcome.seconds}
            cache.parent.mkdir(parents=True, exist_ok=True)
            cache.write_text(json.dumps(known, indent=1))
            print(f"{number + 1} of {len(asked)} trainings", file=sys.stderr)
    return {
        (name, seed): known[f"{arch.id} {seed} {steps}"]
        for name, arch in nets.items()
        for seed in range(seeds)
    }


def picture(rows: list[dict[str, Any]]) -> str:
    """Accuracy over MACs, one curve per way; all begin at the base."""
    base, *grown = rows
    curves: dict[str, list[Point]] = {}
    for way in WAYS:
        ours = [base, *(row for row in grown if row["network"].startswith(way))]
        curves[way] = [
            Point(
                macs=row["macs"],
                accuracy=row["mean"] / 100,
                spread=statistics.stdev(row["accuracies"]) / 100
                if len(row["accuracies"]) > 1
                else 0,
            )
            for row in ours
        ]
    return curves_svg(curves, title="One searched network, grown in four ways")


def main() -> None:
    """Scale, train, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("run", help="a RUN folder, an architecture file or a catalogue name")
    options.add_argument("images")
    options.add_argument("--factors", type=float, nargs="+", default=[2.0, 4.0])
    options.add_argument("--steps", type=int, default=500)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--cache", type=Path, default=Path("scaling_family_cache.json"))
    options.add_argument("--picture", type=Path, help="an .svg file of accuracy over MACs")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    nets = family(catalog.architecture(given.run), given.factors)
    trained = train_all(
        nets, given.images, steps=given.steps, seeds=given.seeds, cache=given.cache
    )
    spreads = {
        f"{factor:g}x": spread({n: a for n, a in nets.items() if n.endswith(f" {factor:g}x")})
        for factor in given.factors
    }
    results, rows = {}, []
    for name, arch in nets.items():
        values = [100 * trained[name, seed]["val_accuracy"] for seed in range(given.seeds)]
        costs = cost(arch)
        results[name] = record.measured(values, "% validation accuracy", headline=True)
        row: dict[str, Any] = {
            "network": name, "macs": costs.macs, "params": costs.params,
            "layers": sum(1 for p in arch.placed if p.prefix), "pixels": arch.input_shape[1],
            "accuracies": values, "mean": statistics.fmean(values),
        }  # fmt: skip
        rows.append(row)
        print(
            f"{name:14} {costs.macs / 1e6:7.2f}M MACs {costs.params / 1e3:7.0f}k params "
            f"{row['layers']:3} layers {row['pixels']:3} px  "
            + " ".join(f"{v:.1f}" for v in values)
        )
    for size, share in spreads.items():
        print(f"MACs of the four ways at {size} differ by at most {100 * share:.1f}%")
    if given.picture:
        given.picture.write_text(picture(rows), encoding="utf-8")
    record.write(
        __file__,
        claim="A family of three sizes from a searched network: compound scaling beside one "
        "dimension alone, at equal MACs, by one recipe",
        seeds=range(given.seeds),
        results=results,
        arguments=f"RUN IMAGES --steps {given.steps} --seeds {given.seeds}",
        facts={"steps": given.steps, "macs_spread": spreads, "networks": rows},
        out=given.out,
    )


if __name__ == "__main__":
    main()
