"""Tables: known by their columns, sampled in nested order, rebuilt only as what was trained."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from netwright.arch.cost import cost
from netwright.correlation.tables import open_table, rebuild
from netwright.errors import DataError, UsageError
from netwright.spaces.accel import AccelSpace, from_digits
from small_table import CELLS, write_small_table

SHARED = Path(__file__).parents[3] / "shared" / "data"


def test_a_row_is_what_the_table_says(tmp_path: Path) -> None:
    table = open_table(write_small_table(tmp_path))
    assert table.benchmark.name == "nasbench201"
    assert table.accuracies == ("c10_test_200", "c10_val_200")
    row = table.row(3)
    assert row.tokens == CELLS[3]
    assert math.isnan(row.accuracies["c10_test_200"]) and row.accuracies["c10_val_200"] == 78.0
    assert cost(rebuild(row, table.benchmark.space(8))).params == row.params


def test_samples_are_nested_and_of_eligible_rows(tmp_path: Path) -> None:
    table = open_table(write_small_table(tmp_path))
    large = table.sample(6, seed=1)
    assert sorted(large) == [0, 1, 2, 3, 4, 5]
    assert table.sample(4, seed=1) == large[:4]
    assert table.sample(6, seed=2) != large
    for count in (2, 7):
        with pytest.raises(UsageError, match="from 3"):
            table.sample(count, seed=1)


def test_another_network_is_not_scored(tmp_path: Path) -> None:
    table = open_table(write_small_table(tmp_path, wrong_params=True))
    with pytest.raises(DataError, match="another network"):
        rebuild(table.row(0), table.benchmark.space(8))


def test_accel_is_known_by_its_digits(tmp_path: Path) -> None:
    digits = ("1446664", "3335355", "1224113", "0011101")
    params = cost(AccelSpace(resolution=64).decode(from_digits(*digits))).params
    names = ("e", "k", "l", "se")
    columns = {n: [d] for n, d in zip(names, digits, strict=True)}
    path = tmp_path / "accel.parquet"
    parquet.write_table(
        pa.table({**columns, "params_m": [params / 1e6], "in1k_val_top1": [60.0]}), path
    )
    table = open_table(path)
    assert (table.benchmark.name, table.eligible) == ("accel", (0,))
    assert cost(rebuild(table.row(0), table.benchmark.space(64))).params == params


def test_what_is_no_table_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no table at"):
        open_table(tmp_path / "none.parquet")
    text = tmp_path / "text.parquet"
    text.write_text("hello")
    with pytest.raises(DataError, match="Parquet"):
        open_table(text)
    other = tmp_path / "other.parquet"
    parquet.write_table(pa.table({"x": [1]}), other)
    with pytest.raises(DataError, match="arch_str, c10_params_m"):
        open_table(other)
    bare = tmp_path / "bare.parquet"
    parquet.write_table(pa.table({"arch_str": ["x"], "c10_params_m": [1.0]}), bare)
    with pytest.raises(DataError, match="no accuracies"):
        open_table(bare)


def test_a_row_without_parameters_is_said(tmp_path: Path) -> None:
    path = tmp_path / "holes.parquet"
    columns = {"arch_str": ["x"], "c10_params_m": pa.array([None], pa.float64()),
               "c10_test_200": [1.0]}  # fmt: skip
    parquet.write_table(pa.table(columns), path)
    with pytest.raises(DataError, match="no c10_params_m"):
        open_table(path).row(0)


@pytest.mark.data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the tables are not here")
@pytest.mark.parametrize("name", ["nasbench201", "accel_nasbench"])
def test_real_rows_have_the_parameters_of_the_table(name: str) -> None:
    table = open_table(SHARED / f"{name}.parquet")
    space = table.benchmark.space(table.benchmark.size)
    for number in table.sample(40, seed=0):
        rebuild(table.row(number), space)
