"""The surrogate: kernel ridge against scikit-learn's, and its held-out error on the real table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from netwright.arch.graph import Architecture
from netwright.contracts import Evaluator
from netwright.errors import DataError, UsageError
from netwright.evaluators.surrogate import (
    KernelRidge,
    Surrogate,
    SurrogateEvaluator,
    fitted,
    metric,
)
from netwright.fakes import TinySpace
from netwright.rng import stream
from netwright.spaces.accel import AccelSpace, to_digits
from netwright.spaces.tokens import sample
from netwright.testing import EvaluatorContract

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

REAL = Path(__file__).parents[3] / "shared" / "data" / "accel_nasbench.parquet"
SMALL = AccelSpace(classes=10, resolution=32)
ROWS = [sample(SMALL, stream(0, "rows", i)) for i in range(60)]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("tables") / "accel.parquet"
    depths = [sum(row[2::4]) for row in ROWS]
    digits = dict(zip(("e", "k", "l", "se"), zip(*map(to_digits, ROWS), strict=True), strict=True))
    latency: list[float | None] = [1.0 + d for d in depths]
    latency[7] = None  # one that was not measured
    columns = {**digits, "in1k_val_top1": [50.0 + d for d in depths], "latency_x": latency}
    parquet.write_table(pa.table({k: list(v) for k, v in columns.items()}), file)
    return str(file)


class TestSurrogateEvaluator(EvaluatorContract):
    @pytest.fixture(autouse=True)
    def _path(self, path: str) -> None:
        self.path = path

    def make(self) -> Evaluator:
        return SurrogateEvaluator(path=self.path, columns=("latency_x",), space=SMALL)

    def make_failing(self) -> tuple[Evaluator, Architecture]:
        return self.make(), TinySpace().decode((0, 1, 1, 0))

    def architectures(self) -> Sequence[Architecture]:
        return [SMALL.decode(row) for row in ROWS[:2]]


def test_kernel_ridge_is_scikit_learns() -> None:
    sklearn = pytest.importorskip("sklearn.kernel_ridge")
    rows, sizes = np.array(ROWS), [len(c.options) for c in SMALL.choices]
    values = stream(1, "values").normal(size=(60, 2))
    ours = KernelRidge(sizes, gamma=0.05, penalty=0.2).fit(rows[:50], values[:50])
    hot = np.concatenate([np.eye(s)[rows[:, i]] for i, s in enumerate(sizes)], axis=1)
    theirs = sklearn.KernelRidge(kernel="rbf", gamma=0.05, alpha=0.2)
    centre = values[:50].mean(axis=0)
    theirs.fit(hot[:50], values[:50] - centre)
    assert np.allclose(ours.predict(rows[50:]), theirs.predict(hot[50:]) + centre)


def test_it_predicts_what_it_was_fitted_on_and_tells_its_error(path: str) -> None:
    surrogate = fitted(path, ("latency_x",))
    found = surrogate.predict(ROWS[:6])
    depths = [sum(row[2::4]) for row in ROWS[:6]]
    for metrics, depth in zip(found, depths, strict=True):
        assert metrics["val_accuracy"] == pytest.approx((50 + depth) / 100, abs=0.01)
        assert metrics["x_latency_ms"] == pytest.approx(1 + depth, rel=0.15)
    error = surrogate.errors["in1k_val_top1"]
    assert error.count == 12 and 0 < error.rmse < error.spread and error.spearman > 0.6
    assert "12 held-out networks" in str(error)
    middle = np.median([1.0 + sum(r[2::4]) for i, r in enumerate(ROWS) if i != 7])
    assert surrogate.median("latency_x") == pytest.approx(middle)


def test_names_of_metrics() -> None:
    assert metric("latency_vck190") == "vck190_latency_ms"
    assert metric("throughput_tpuv2") == "tpuv2_images_per_second"
    assert metric("train_time_s") == "train_seconds"
    assert metric("in1k_val_top1") == "val_accuracy"


def test_files_columns_and_shares_that_make_no_sense(path: str) -> None:
    with pytest.raises(DataError, match="no table at nowhere.parquet"):
        Surrogate("nowhere.parquet", ())
    with pytest.raises(DataError, match="no column 'latency_y'. There are: e, k"):
        Surrogate(path, ("latency_y",))
    with pytest.raises(UsageError, match="between 0 and 1"):
        Surrogate(path, (), held_out=1.0)


@pytest.mark.data
def test_the_error_on_the_real_table() -> None:
    if not REAL.exists():
        pytest.skip(f"needs {REAL.name} of ../shared/data")
    errors = fitted(str(REAL), ("latency_vck190",)).errors
    assert errors["in1k_val_top1"].rmse < 0.75 and errors["in1k_val_top1"].spearman > 0.97
    assert errors["latency_vck190"].rmse < 0.06 and errors["latency_vck190"].spearman > 0.99
