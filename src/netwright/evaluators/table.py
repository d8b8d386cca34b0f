"""Tabular benchmarks: the NAS-Bench-201 networks that others trained, looked up and not trained.

The numbers come from Parquet files with one row per network: a column ``arch_str`` with the cell
as the benchmark writes it, ``<data>_val_<epochs>`` with validation accuracies in per cent, and in
a second file, whose rows are in the same order, ``<data>_<device>_latency`` in milliseconds and
``<data>_<device>_energy`` in millijoules (HW-NAS-Bench, Li et al., ICLR 2021).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.arch.graph import Architecture
from netwright.errors import DataError
from netwright.records import Outcome, Tokens
from netwright.spaces.nasbench201 import from_string

_UNITS = {"latency": "latency_ms", "energy": "energy_mj"}
Column = npt.NDArray[np.float64]


@lru_cache(maxsize=16)
def read_columns(path: str, names: tuple[str, ...]) -> Mapping[str, Column]:
    """Columns of numbers of a Parquet file; missing ones are NaN.

    Args:
        path: The file.
        names: Of the columns.

    Raises:
        DataError: If the file or a column is missing.
    """
    table = read_parquet(path, names)
    return {name: np.array(table[name], dtype=np.float64) for name in names}


@lru_cache(maxsize=4)
def read_cells(path: str) -> Mapping[Tokens, int]:
    """The row of every cell of a NAS-Bench-201 file.

    Raises:
        DataError: If the file or its column ``arch_str`` is missing.
    """
    cells = read_parquet(path, ("arch_str",))["arch_str"]
    return {from_string(str(text)): i for i, text in enumerate(cells)}


def columns_of(path: str) -> list[str]:
    """The names of the columns of a Parquet file.

    Raises:
        DataError: If the file is missing or not of that kind.
    """
    import pyarrow  # 0.1 s that only those who read a table pay
    import pyarrow.parquet as parquet

    if not Path(path).is_file():
        raise DataError(f"There is no table at {path}; give the path of a Parquet file.")
    try:
        names: list[str] = parquet.read_schema(path).names
    except pyarrow.ArrowException as err:
        raise DataError(f"{path} cannot be read as a Parquet file: {err}.") from err
    return names


def read_parquet(path: str, names: Sequence[str]) -> Mapping[str, Sequence[Any]]:
    """Columns of a Parquet file, as they are.

    Raises:
        DataError: If the file or a column is missing.
    """
    import pyarrow.parquet as parquet

    there = columns_of(path)
    missing = [name for name in names if name not in there]
    if missing:
        raise DataError(
            f"The table {path} has no column {missing[0]!r}. There are: {', '.join(there)}."
        )
    data: Mapping[str, Sequence[Any]] = parquet.read_table(path, columns=list(names)).to_pydict()
    return data


@dataclass(frozen=True, kw_only=True)
class TableEvaluator:
    """Looks a NAS-Bench-201 cell up.

    A network is known by its cell; its image size and classes are not looked at, since the table
    has its own.

    Args:
        path: Parquet file with accuracies.
        data: ``c10``, ``c100`` or ``in16``.
        epochs: 200, or 12 for the separate short trainings.
        hardware: Parquet file with latencies and energies; None gives none.
        measures: Such as ``raspi4_latency`` or ``edgegpu_energy``, of ``hardware``.
    """

    path: str
    data: str = "c10"
    epochs: int = 200
    hardware: str | None = None
    measures: tuple[str, ...] = ()

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        """``val_accuracy`` from 0 to 1, and ``<device>_latency_ms`` or ``<device>_energy_mj``.

        Failed if the network is in no row, or could not be measured.
        """
        labels = {p.block.label for p in arch.placed if p.block.label.startswith("|")}
        rows = read_cells(self.path)
        row = rows.get(from_string(labels.pop())) if len(labels) == 1 else None
        if row is None:
            reason = f"{arch.name or arch.id} is not in {Path(self.path).name}"
            return Outcome(status="failed", reason=reason, device="table")
        return self.at(row)

    def of(self, tokens: Tokens) -> Outcome:
        """The same for the tokens of a cell, without making the network."""
        row = read_cells(self.path).get(tokens)
        if row is None:
            reason = f"{tokens} is not in {Path(self.path).name}"
            return Outcome(status="failed", reason=reason, device="table")
        return self.at(row)

    def at(self, row: int) -> Outcome:
        """What the table says in a row."""
        name = f"{self.data}_val_{self.epochs}"
        found = {"val_accuracy": float(read_columns(self.path, (name,))[name][row]) / 100}
        if self.hardware is not None and self.measures:
            columns = tuple(f"{self.data}_{measure}" for measure in self.measures)
            hardware = read_columns(self.hardware, columns)
            for measure, column in zip(self.measures, columns, strict=True):
                found[_metric(measure)] = float(hardware[column][row])
        missing = [metric for metric, value in found.items() if math.isnan(value)]
        if missing:
            known = {metric: value for metric, value in found.items() if metric not in missing}
            reason = f"the table has no {missing[0]} of this network"
            return Outcome(status="failed", metrics=known, reason=reason, device="table")
        return Outcome(status="ok", metrics=found, device="table")


def _metric(measure: str) -> str:
    device, _, what = measure.rpartition("_")
    return f"{device}_{_UNITS.get(what, what)}" if device else measure
