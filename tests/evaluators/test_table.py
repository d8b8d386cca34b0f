"""The tabular evaluator: a table made here, and the benchmark's own where it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from netwright.arch.graph import Architecture
from netwright.contracts import Evaluator
from netwright.errors import DataError
from netwright.evaluators.table import TableEvaluator, read_cells, read_columns
from netwright.fakes import TinySpace
from netwright.spaces.nasbench201 import NASBench201Space, to_string
from netwright.testing import EvaluatorContract

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

DATA = Path(__file__).parents[3] / "shared" / "data"
ROWS = ((0, 1, 2, 3, 4, 0), (3, 3, 3, 1, 3, 3), (4, 4, 4, 4, 4, 4))
SMALL = NASBench201Space(resolution=8, cells=1, width=4)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("tables")
    accuracy, hardware = folder / "accuracy.parquet", folder / "hardware.parquet"
    cells = [to_string(row) for row in ROWS]
    columns = {"arch_str": cells, "c10_val_200": [88.5, 91.25, 10.0]}
    parquet.write_table(pa.table(columns), accuracy)
    measured = {"c10_pi_latency": [5.0, 20.5, None], "c10_pi_energy": [1.0, 2.0, 3.0]}
    parquet.write_table(pa.table(measured), hardware)
    return str(accuracy), str(hardware)


def evaluator(tables: tuple[str, str], *measures: str) -> TableEvaluator:
    return TableEvaluator(path=tables[0], hardware=tables[1], measures=measures)


class TestTableEvaluator(EvaluatorContract):
    @pytest.fixture(autouse=True)
    def _tables(self, tables: tuple[str, str]) -> None:
        self.tables = tables

    def make(self) -> Evaluator:
        return evaluator(self.tables, "pi_latency", "pi_energy")

    def make_failing(self) -> tuple[Evaluator, Architecture]:
        return self.make(), TinySpace().decode((0, 1, 1, 0))

    def architectures(self) -> Sequence[Architecture]:
        return [SMALL.decode(row) for row in ROWS[:2]]


def test_what_the_table_says(tables: tuple[str, str]) -> None:
    found = evaluator(tables, "pi_latency")(SMALL.decode(ROWS[1]), seed=0)
    assert found.metrics == {"val_accuracy": 0.9125, "pi_latency_ms": 20.5}
    assert evaluator(tables, "pi_energy").of(ROWS[0]).metrics["pi_energy_mj"] == 1.0
    assert TableEvaluator(path=tables[0]).of(ROWS[2]).metrics == {"val_accuracy": 0.1}


def test_what_could_not_be_measured_is_a_failure(tables: tuple[str, str]) -> None:
    found = evaluator(tables, "pi_latency").of(ROWS[2])
    assert found.status == "failed" and "no pi_latency_ms" in found.reason
    missing = evaluator(tables).of((0, 0, 0, 0, 0, 0))
    assert missing.status == "failed" and "is not in accuracy.parquet" in missing.reason


def test_files_and_columns_that_are_not_there(tables: tuple[str, str]) -> None:
    with pytest.raises(DataError, match="no table at nowhere.parquet"):
        read_cells("nowhere.parquet")
    with pytest.raises(DataError, match="no column 'c100_val_200'. There are: arch_str"):
        TableEvaluator(path=tables[0], data="c100").of(ROWS[0])


@pytest.mark.data
def test_the_benchmark_itself() -> None:
    path = DATA / "nasbench201.parquet"
    if not path.exists():
        pytest.skip(f"needs {path.name} of ../shared/data")
    cells = read_cells(str(path))
    assert len(cells) == 5**6
    values = read_columns(str(path), ("c10_val_200",))["c10_val_200"]
    assert values.max() == pytest.approx(91.57, abs=0.01)
    hardware = str(DATA / "nasbench201_hw.parquet")
    look = TableEvaluator(path=str(path), hardware=hardware, measures=("raspi4_latency",))
    first = NASBench201Space().decode(next(iter(cells)))
    found = look(first, seed=0)
    assert found.metrics["val_accuracy"] == pytest.approx(values[0] / 100)
    assert 1 < found.metrics["raspi4_latency_ms"] < 100
