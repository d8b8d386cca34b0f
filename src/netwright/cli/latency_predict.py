"""``netwright latency predict``: what networks will take on the device of a table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from netwright import catalog
from netwright.arch.cost import cost
from netwright.cli.networks import short_name
from netwright.cli.output import Flag, console, print_json
from netwright.cli.output import table as printed
from netwright.latency.predictor import LatencyPredictor
from netwright.latency.table import read_table
from netwright.units import format_count


def predict(
    models: list[str],
    *,
    table: Path,
    resolution: int | None = None,
    classes: int | None = None,
    json: Flag = False,
) -> None:
    """Predicted latency of networks, with a 95 % interval.

    Args:
        models: Names of `netwright list architectures`, .json files or RUN folders.
        table: Made by `netwright latency profile` or `netwright latency import`.
        resolution: Side of the images in pixels, for catalogue names.
        classes: Length of the logits, for catalogue names.
        json: Print one JSON object instead of a table.
    """
    predictor = LatencyPredictor.of(read_table(table))
    found = []
    for name in models:
        arch = catalog.architecture(name, resolution=resolution, classes=classes)
        found.append((short_name(name), cost(arch).macs, predictor(arch)))
    setting = predictor.table.setting
    if json:
        rows = [{"name": name, "macs": macs, **asdict(p)} for name, macs, p in found]
        print_json(
            {
                "setting": asdict(setting), "busy": predictor.table.busy,
                "checked_on": predictor.checked, "spread": predictor.spread, "networks": rows,
            }
        )  # fmt: skip
        return
    rows_of_text = [
        (
            name,
            f"{p.ms:.3g}",
            f"{p.low_ms:.3g} to {p.high_ms:.3g}",
            f"{100 * p.measured:.0f}%",
            format_count(macs),
        )
        for name, macs, p in found
    ]
    columns = ("network", "predicted ms", "95% interval", "of measured parts", "MACs")
    out = console()
    out.print(printed("", columns, rows_of_text))
    out.print(str(setting), soft_wrap=True)
    if predictor.table.busy:
        out.print("The machine was busy while this table was measured; measure it anew.")
    if not predictor.checked:
        out.print("The table holds no whole network, so these are sums that nothing checked.")
