"""Tables of other devices, read from CSV or Parquet: a row per layer, as lookup tables have them.

The columns are those of once-for-all's tables (Cai et al., ICLR 2020): ``block`` (``MBConv``,
``first_conv``, ``final_expand_layer``, ``feature_mix_layer``, ``classifier``), ``in_res``,
``in_ch``, ``out_ch``, ``expand``, ``kernel``, ``stride``, ``idskip``, ``se``, and the
milliseconds.  Such tables hold no whole network, so a prediction is the plain sum, and wide.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from netwright.arch.block import Block
from netwright.arch.blocks import (
    Style,
    classifier,
    conv_bn_act,
    depthwise_separable,
    mbconv,
)
from netwright.arch.graph import chain
from netwright.arch.ops import ActivationName
from netwright.errors import DataError, ShapeError, UsageError
from netwright.latency.parts import parts_of
from netwright.latency.table import Table
from netwright.nn.measured import Setting

MS_COLUMNS = ("ms", "median_ms", "mean_ms", "latency_ms", "mean_raw")
_SE_RATIO = 0.25  # of the widened channels, in once-for-all's tables
_NEEDED = ("block", "in_res", "in_ch", "out_ch")
_ACTIVATIONS: tuple[str, ...] = get_args(ActivationName)


def import_table(
    path: Path, *, device: str, runtime: str, threads: int, activation: str = "relu"
) -> Table:
    """The table in a CSV or Parquet file of another device.

    Args:
        path: The file.
        device: What the device is called.
        runtime: What ran there.
        threads: On how many threads.
        activation: Of the layers, where there is no column ``activation``.

    Raises:
        DataError: If the file cannot be read, lacks a column, or has a row that is no layer.
    """
    if activation not in _ACTIVATIONS:
        raise UsageError(f"No activation is called {activation!r}: {', '.join(_ACTIVATIONS)}.")
    rows = _read(path)
    if not rows:
        raise DataError(f"{path} has no rows; it needs one per layer, with its milliseconds.")
    names = rows[0].keys()
    column = next((name for name in MS_COLUMNS if name in names), None)
    missing = [name for name in _NEEDED if name not in names]
    if missing or column is None:
        lacks = missing[0] if missing else f"milliseconds ({', '.join(MS_COLUMNS)})"
        raise DataError(f"{path} has no column {lacks}; it has {', '.join(names)}.")
    parts: dict[str, tuple[float, ...]] = {}
    alone: dict[str, float] = {}
    for number, row in enumerate(rows, start=1):
        try:
            block = _block(row, row.get("activation") or activation)
            ms = float(row[column])
        except (ValueError, TypeError, KeyError, ShapeError) as err:
            raise DataError(f"Row {number} of {path} is no layer: {err}.") from err
        if not 0 < ms < math.inf:
            raise DataError(f"Row {number} of {path} has {ms} milliseconds.")
        [part] = parts_of(chain(block.input_shapes[0], [("", block)]))
        parts[part.key], alone[part.key] = part.features, ms
    most = max(int(row["in_res"]) for row in rows)
    setting = Setting(
        runtime=runtime, version="unknown", device="remote", processor=device, threads=threads,
        batch=1, shape=(3, most, most), dtype="float32",
    )  # fmt: skip
    return Table(
        setting=setting, about={"from": path.name, "rows": len(rows)}, parts=parts, alone=alone
    )


def _block(row: Mapping[str, Any], activation: str) -> Block:
    style = Style(activation=activation)  # type: ignore[arg-type]  # checked when it is made
    side, channels, out = (int(row[name]) for name in ("in_res", "in_ch", "out_ch"))
    shape, kind = (channels, side, side), str(row["block"])
    if kind == "MBConv":
        kernel, stride, expand = (int(row[n]) for n in ("kernel", "stride", "expand"))
        gated, skip = int(row.get("se") or 0) > 0, int(row.get("idskip", 1)) > 0
        if expand == 1:
            return depthwise_separable(
                shape, out, kernel, stride=stride, se_ratio=_SE_RATIO if gated else 0.0,
                skip=skip, style=style,
            )  # fmt: skip
        return mbconv(
            shape, out, kernel, expand=expand, stride=stride,
            se_ratio=_SE_RATIO * expand if gated else 0.0, skip=skip, style=style,
        )  # fmt: skip
    if kind == "first_conv":
        return conv_bn_act(shape, out, 3, stride=2, style=style)
    if kind in ("final_expand_layer", "feature_mix_layer"):
        return conv_bn_act(shape, out, 1, style=style)
    if kind == "classifier":
        return classifier(shape, out)
    raise ValueError(f"block {kind!r} is not one of {', '.join(_KINDS)}")


_KINDS = ("MBConv", "first_conv", "final_expand_layer", "feature_mix_layer", "classifier")


def _read(path: Path) -> Sequence[Mapping[str, Any]]:
    if not path.is_file():
        raise DataError(f"There is no file at {path}; give a .csv or .parquet file.")
    if path.suffix == ".parquet":
        import pyarrow  # 0.1 s that only those who read such a file pay
        import pyarrow.parquet as parquet

        try:
            rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
        except (pyarrow.ArrowException, OSError) as err:
            raise DataError(f"{path} cannot be read as a Parquet file: {err}.") from err
        return rows
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise DataError(f"{path} cannot be read as CSV: {err}.") from err
