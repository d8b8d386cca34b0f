"""Exports against torch: every published network up to B4 and random ones of each space, and int8.

Norm statistics are made lively first.  Python files run once more in an environment that has torch
and timm but no netwright, ONNX files on one thread and on two.  ``--int8 FILE`` trains a small
network on a Parquet file of CIFAR-10 and states what int8 costs.  Run
``python benchmarks/exports.py --int8 FILE``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Container, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

import netwright as nw
import record
from clean_room import CleanRoom, clean_room
from netwright import catalog
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.contracts import Space
from netwright.errors import UsageError
from netwright.exporters.check import BATCHES, agree, difference, liven, outputs, probe
from netwright.exporters.code import export_code
from netwright.exporters.exported import Exported
from netwright.exporters.int8 import export_int8
from netwright.exporters.network import Network, load_network
from netwright.exporters.onnx import export_onnx, onnx_run
from netwright.exporters.openvino import export_openvino
from netwright.exporters.pt2 import export_pt2
from netwright.exporters.timm import export_timm
from netwright.nn.timing import measure
from netwright.nn.weights import save_weights
from netwright.rng import stream
from netwright.spaces.tokens import sample
from netwright.spaces.within import Within
from netwright.training.fit import fit
from netwright.training.recipe import default_recipe
from netwright.training.reference import DataRef

RESOLUTION = 64
MOST_PARAMS = 20_000_000  # EfficientNet-B4 has 19.3M
_DRAWS = 100
FORMATS: dict[str, tuple[Callable[[Network, Path], Exported], str]] = {
    "onnx": (export_onnx, "onnx"),
    "code": (export_code, "py"),
    "timm": (export_timm, "py"),
    "openvino": (export_openvino, "xml"),
    "pt2": (export_pt2, "pt2"),
}
MAKERS = {"code": "load", "timm": "create"}  # what makes the network in an exported Python file
Line = dict[str, Any]


def networks(random: int, *, without: Container[str] = ()) -> Iterator[tuple[str, Architecture]]:
    """Published networks of at most B4's size, then random ones of every space, as large."""
    for name in catalog.published():
        if name in without:
            continue
        arch = catalog.architecture(name, classes=10, resolution=RESOLUTION)
        if cost(arch).params <= MOST_PARAMS:
            yield name, arch
    for number in range(random):
        for name in catalog.SPACES:
            if f"{name} {number}" not in without:
                yield f"{name} {number}", _drawn(name, number)


def _drawn(name: str, number: int) -> Architecture:
    """A random network of a space, drawn again until it is no larger than B4."""
    space, rng = _space(name), stream(0, "exports", name, number)
    for _ in range(_DRAWS):
        arch = space.decode(sample(space, rng))
        if cost(arch).params <= MOST_PARAMS:
            return arch
    return space.decode(_within(name).sample(rng=rng))


@cache
def _space(name: str) -> Space:
    side = 32 if name in ("nasnet", "nasbench201") else RESOLUTION
    return nw.space(name, classes=10, resolution=side)


@cache
def _within(name: str) -> Within:
    """The space under the budget; where hardly a network fits, this takes a minute."""
    return Within.of(_space(name), nw.Budget(params=MOST_PARAMS), seed=0)


def examine(arch: Architecture, folder: Path, *, room: CleanRoom, seed: int, pt2: bool) -> Line:
    """Export one network to every format, and run its files where netwright is not.

    Args:
        arch: The network; its weights are fresh, its norm statistics lively.
        folder: For the files.
        room: An interpreter without netwright.
        seed: Of the norm statistics.
        pt2: Whether to try pt2 too, which takes seconds.

    Returns:
        The largest relative difference from torch by format, and what timm refused.
    """
    network = load_network(arch, None)
    liven(network.module, seed=seed)
    weights, gaps, refused = folder / "weights.safetensors", {}, ""
    save_weights(network.module, weights)
    batches = [probe(arch, size) for size in BATCHES]
    expected = [outputs(network.module)(images) for images in batches]
    for what, (export, suffix) in FORMATS.items():
        if what == "pt2" and not pt2:
            continue
        file = folder / f"{what}.{suffix}"
        try:
            gaps[what] = export(network, file).max_relative_difference or 0.0
        except UsageError as err:
            refused = str(err).split(": ", 1)[1].split(".")[0]
            continue
        if what == "onnx":
            run = onnx_run(file, threads=2)
            gaps["onnx, 2 threads"] = agree(run, network.module, arch, what="ONNX")
        elif what in MAKERS:
            found = room.run(file, MAKERS[what], weights, batches)
            pairs = zip(found, expected, strict=True)
            gaps[f"{what}, without netwright"] = max(difference([a], b) for a, b in pairs)
    return {"gaps": gaps, "refused": refused}


def compare(
    random: int, *, pt2_every: int, seconds: float, lines: Path | None = None
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """The largest relative differences by format, and what was refused.

    Args:
        random: Networks of each space.
        pt2_every: pt2, which takes seconds, is tried on every so manieth network.
        seconds: No network is begun after that many.
        lines: A file with a line for every network that was done; it is read, and added to.
    """
    done: dict[str, Line] = {}
    if lines is not None and lines.exists():
        rows = map(json.loads, lines.read_text(encoding="utf-8").splitlines())
        done = {row.pop("name"): row for row in rows}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name, clean_room(Path(name)) as room:
        for called, arch in networks(random, without=done.copy()):
            if time.monotonic() - began > seconds:
                break
            number = len(done)
            pt2 = number % pt2_every == 0
            done[called] = examine(arch, Path(name), room=room, seed=number, pt2=pt2)
            if lines is not None:
                with lines.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"name": called, **done[called]}) + "\n")
    gaps: dict[str, list[float]] = {}
    for line in done.values():
        for what, gap in line["gaps"].items():
            gaps.setdefault(what, []).append(gap)
    refused = {called: line["refused"] for called, line in done.items() if line["refused"]}
    return gaps, {"networks": len(done), "refused by timm": refused}


def int8(source: str, epochs: float) -> tuple[dict[str, record.Measured], dict[str, Any]]:
    """Train a small network on CIFAR-10, quantise it, and measure both."""
    data = DataRef(source=source, resolution=32).open()
    space = nw.space("mobile", classes=len(data.classes), resolution=32)
    within = Within.of(space, nw.Budget(macs=5_000_000), seed=0)
    arch = space.decode(within.sample(rng=stream(0, "exports", "int8")))
    module = nw.build(arch, seed=0)
    fitted = fit(module, data, recipe=default_recipe(data, epochs=epochs), seed=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_weights(module, folder / "w.safetensors", about=data.about())
        network = load_network(arch, folder / "w.safetensors")
        source_file, target = folder / "a.onnx", folder / "b.onnx"
        export_onnx(network, source_file)
        facts = dict(export_int8(network, source_file, target, data=data, seed=0).facts)
        images = probe(arch, 1)
        runs = {path.stem: onnx_run(path) for path in (source_file, target)}
        times = measure({k: partial(run, images) for k, run in runs.items()})
    ratio = times["b"].median_ms / times["a"].median_ms
    found = {
        "int8: accuracy lost": record.measured([100 * facts["accuracy_drop"]], "points"),
        "int8: size of float32's": record.measured([100 * facts["size_ratio"]], "%"),
        "int8: latency of float32's": record.measured([100 * ratio], "%"),
    }
    return found, {**facts, "trained to": fitted.val_accuracy, "macs": cost(arch).macs}


def main() -> None:
    """Compare, print, write."""
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--random", type=int, default=20)
    options.add_argument("--pt2-every", type=int, default=1)
    options.add_argument("--seconds", type=float, default=7200)
    options.add_argument("--int8", help="a Parquet file of CIFAR-10")
    options.add_argument("--epochs", type=float, default=5)
    options.add_argument("--lines", type=Path, help="goes on with what is in this file")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    gaps, facts = compare(
        given.random, pt2_every=given.pt2_every, seconds=given.seconds, lines=given.lines
    )
    results = {
        f"{what}: largest difference, relative": record.measured(
            [max(values)], f"over {len(values)} networks", headline=True
        )
        for what, values in gaps.items()
        if values
    }
    if given.int8:
        found, more = int8(given.int8, given.epochs)
        results |= found
        facts["int8"] = more
    record.write(
        __file__,
        claim="Exports give torch's outputs to within 1e-4: every published network up to B4, "
        f"and random ones of the spaces; {facts['networks']} in the time given. The "
        "Python files do so where netwright is not installed, the ONNX files on 1 and 2 threads.",
        seeds=[0],
        results=results,
        arguments=f"--random {given.random} --pt2-every {given.pt2_every} "
        f"--seconds {given.seconds:g} --epochs {given.epochs:g}"
        + (" --int8 FILE" if given.int8 else ""),
        facts={**facts, "resolution": RESOLUTION},
        out=given.out,
    )


if __name__ == "__main__":
    main()
