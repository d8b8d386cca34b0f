"""Tables of trained networks that can be rebuilt exactly: what their columns mean, how to sample.

A row is rebuilt from its tokens and its parameters are counted; where they differ from the
table's, nothing is scored, since a proxy of another network says nothing about this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.contracts import Space
from netwright.errors import DataError, UsageError
from netwright.evaluators.table import read_parquet
from netwright.records import Tokens
from netwright.rng import stream
from netwright.spaces.accel import AccelSpace, from_digits
from netwright.spaces.nasbench201 import NASBench201Space, from_string

_SAME_NAME = (
    "epe_nas", "fisher", "grad_norm", "grasp", "l2_norm", "plain", "snip", "synflow", "zen",
)  # fmt: skip
_HALF_A_PARAMETER = 5e-7  # in millions


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """How to read one kind of table."""

    name: str
    says: tuple[str, ...]
    """Columns that describe the network, by which the table is known."""
    tokens: Callable[..., Tokens]
    """From what these columns hold to the candidate."""
    space: Callable[[int], Space]
    """The space at an image size in pixels."""
    accuracies: tuple[str, ...]
    """Columns of accuracies in per cent; those that the table lacks are left out."""
    params: str
    """Column of parameters in millions."""
    eligible: str | None
    """Column that says which rows may be sampled; None samples from all."""
    precomputed: Mapping[str, str]
    """Columns of others' scores, in a file of their own, by our name of the proxy."""
    size: int
    """Side of the images in pixels where none is asked for."""
    batch: int
    """Images per batch where none is asked for."""


BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark(
        name="nasbench201",
        says=("arch_str",),
        tokens=from_string,
        space=lambda size: NASBench201Space(resolution=size),
        accuracies=tuple(
            f"{data}_{split}_200" for split in ("test", "val") for data in ("c10", "c100", "in16")
        ),
        params="c10_params_m",
        eligible="suite_zero_valid",
        precomputed={
            "naswot": "c10_nwot",
            "jacob_cov": "c10_jacov",
            **{name: f"c10_{name}" for name in _SAME_NAME},
        },
        size=32,
        batch=64,
    ),
    Benchmark(
        name="accel",
        says=("e", "k", "l", "se"),
        tokens=from_digits,
        space=lambda size: AccelSpace(resolution=size),
        accuracies=("in1k_val_top1", "in1k_val_top5"),
        params="params_m",
        eligible=None,
        precomputed={},
        size=64,
        batch=16,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trained network of a table."""

    number: int
    """Its place in the table, from 0."""
    label: str
    """As the table writes it."""
    tokens: Tokens
    params: int
    """As the table says."""
    accuracies: Mapping[str, float]
    """In per cent by column; NaN where the table has none."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of trained networks, opened."""

    path: Path
    benchmark: Benchmark
    columns: Mapping[str, Sequence[Any]]
    accuracies: tuple[str, ...]
    """The columns of accuracies that it has."""
    eligible: tuple[int, ...]
    """Rows that may be sampled."""

    def row(self, number: int) -> Row:
        """A row by its number.

        Raises:
            DataError: If the table lacks the parameters of this network.
        """
        kind = self.benchmark
        said = [str(self.columns[name][number]) for name in kind.says]
        millions = self.columns[kind.params][number]
        if millions is None or millions != millions:
            raise DataError(f"Row {number} of {self.path} has no {kind.params}.")
        found = {name: self.columns[name][number] for name in self.accuracies}
        return Row(
            number=number,
            label=" ".join(said),
            tokens=kind.tokens(*said),
            params=round(1e6 * millions),
            accuracies={k: np.nan if v is None else float(v) for k, v in found.items()},
        )

    def sample(self, count: int, *, seed: int) -> list[int]:
        """Numbers of distinct eligible rows; a larger sample begins with the smaller one.

        Raises:
            UsageError: With more rows asked for than there are.
        """
        if not 2 < count <= len(self.eligible):
            raise UsageError(
                f"{count} rows cannot be sampled from the {len(self.eligible):,} that "
                f"{self.path.name} has to offer; give --sample a number from 3 to that."
            )
        order = stream(seed, "sample of a table").permutation(len(self.eligible))
        return [self.eligible[i] for i in order[:count]]


def open_table(path: str | Path) -> Table:
    """Read a table of trained networks.

    Raises:
        DataError: If there is no such file, or it is no table that networks can be rebuilt from.
    """
    import pyarrow.parquet as parquet

    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no table at {path}; give the path of a Parquet file.")
    try:
        there = set(parquet.read_schema(path).names)
    except OSError as err:  # pyarrow's own errors derive from it or from ValueError
        raise DataError(f"{path} cannot be read as Parquet: {err}") from err
    except ValueError as err:
        raise DataError(f"{path} is no Parquet file.") from err
    for kind in BENCHMARKS:
        if there >= {*kind.says, kind.params}:
            return _open(path, kind, there)
    wanted = " or ".join(f"{', '.join((*b.says, b.params))} ({b.name})" for b in BENCHMARKS)
    raise DataError(f"{path} is no table of trained networks; it needs the columns {wanted}.")


def _open(path: Path, kind: Benchmark, there: set[str]) -> Table:
    accuracies = tuple(name for name in kind.accuracies if name in there)
    if not accuracies:
        raise DataError(f"{path} has no accuracies; expected {', '.join(kind.accuracies)}.")
    flag = kind.eligible if kind.eligible in there else None
    names = (*kind.says, kind.params, *accuracies, *([flag] if flag else []))
    columns = read_parquet(str(path), names)
    count = len(columns[kind.params])
    eligible = range(count) if flag is None else [i for i, v in enumerate(columns[flag]) if v]
    return Table(
        path=path,
        benchmark=kind,
        columns=columns,
        accuracies=accuracies,
        eligible=tuple(eligible),
    )


def rebuild(row: Row, space: Space) -> Architecture:
    """The network of a row, made sure to be the one that was trained.

    Raises:
        DataError: If its parameters are not those of the table.
    """
    arch = space.decode(row.tokens)
    count = cost(arch).params
    if abs(count - row.params) > 1e6 * _HALF_A_PARAMETER:
        raise DataError(
            f"Row {row.number} ({row.label}) has {row.params:,} parameters in the table and "
            f"{count:,} rebuilt: another network, which is not scored."
        )
    return arch
