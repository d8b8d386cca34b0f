"""``netwright cost``: what a network costs, in all and by stage."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from netwright import catalog
from netwright.arch.cost import cost as cost_of
from netwright.arch.draw import stages
from netwright.arch.graph import Architecture
from netwright.cli.output import Flag, console, print_json, table
from netwright.errors import UsageError
from netwright.units import format_bytes, format_count

if TYPE_CHECKING:
    from netwright.latency.predictor import Prediction


def cost(
    arch: str,
    *,
    resolution: int | None = None,
    classes: int | None = None,
    latency_table: Path | None = None,
    json: Flag = False,
) -> None:
    """Parameters, MACs and peak activation memory of a network, exact, by stage.

    One MAC is a multiply and an add (two FLOPs); convolutions and linear layers count.

    Args:
        arch: A name of `netwright list architectures`, timm:NAME, a .json file or a RUN folder.
        resolution: Side of the images in pixels, for catalogue and timm names.
        classes: Length of the logits, for catalogue and timm names.
        latency_table: A table of `netwright latency`, to predict the latency by.
        json: Print one JSON object instead of a table.
    """
    for option, value in (("--resolution", resolution), ("--classes", classes)):
        if value is not None and value < 1:
            raise UsageError(f"{option} {value} makes no network; give a number of at least 1.")
    if arch.startswith("timm:"):
        if latency_table is not None:
            raise UsageError("--latency-table predicts networks of netwright's, none of timm's.")
        from netwright.nn.timm_models import cost_of_timm

        params, macs, size = cost_of_timm(arch[5:], resolution=resolution, classes=classes)
        if json:
            print_json({"name": arch, "params": params, "macs": macs, "resolution": size})
        else:
            counts = f"{format_count(params)} params, {format_count(macs)} MACs"
            console().print(f"{arch} at {size} px: {counts}")
        return
    made = catalog.architecture(arch, resolution=resolution, classes=classes)
    if resolution is not None and made.input_shape[1] != resolution:
        raise UsageError(
            f"{arch} was made for {made.input_shape[1]} px images; --resolution applies to "
            "catalogue and timm names only."
        )
    if classes is not None and made.classes != classes:
        raise UsageError(
            f"{arch} has {made.classes} classes; --classes applies to catalogue and timm names "
            "only."
        )
    latency = None if latency_table is None else _predicted(made, latency_table)
    if json:
        facts = _facts(made)
        print_json(facts if latency is None else {**facts, "latency_ms": asdict(latency)})
        return
    costs = cost_of(made)
    rows = [
        (
            line.name,
            line.blocks,
            "x".join(str(n) for n in line.out_shape),
            format_count(line.params),
            format_count(line.macs),
        )
        for line in stages(made)
    ]
    title = f"{made.name or arch} ({made.id}), images {'x'.join(map(str, made.input_shape))}"
    out = console()
    out.print(title, style="bold")
    out.print(table("", ("stage", "blocks", "output", "params", "MACs"), rows, right=2))
    out.print(
        f"{costs.params:,} params, {costs.macs:,} MACs, "
        f"{format_bytes(costs.peak_activation_bytes)} peak activations (one image, float32)"
    )
    if latency is not None:
        out.print(f"{latency} predicted by {latency_table}", soft_wrap=True)


def _predicted(arch: Architecture, table: Path) -> Prediction:
    from netwright.latency.predictor import LatencyPredictor
    from netwright.latency.table import read_table

    return LatencyPredictor.of(read_table(table))(arch)


def _facts(arch: Architecture) -> dict[str, object]:
    costs = cost_of(arch)
    return {
        "name": arch.name,
        "id": arch.id,
        "input_shape": list(arch.input_shape),
        "classes": arch.classes,
        "params": costs.params,
        "macs": costs.macs,
        "peak_activation_bytes": costs.peak_activation_bytes,
        "stages": [
            {
                "name": line.name,
                "blocks": line.blocks,
                "out_shape": list(line.out_shape),
                "params": line.params,
                "macs": line.macs,
            }
            for line in stages(arch)
        ],
    }
