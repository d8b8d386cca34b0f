"""A surrogate benchmark: models of accuracy and speed, fitted on networks that others trained.

Kernel ridge regression on tokens, with the kernel ``exp(-2 γ · number of tokens that differ)``;
what is above 0 by nature (throughput, latency, training time) is fitted in its logarithm.  In the
space of Accel-NASBench this makes a search of thousands of networks a matter of seconds, and the
error on held-out networks says how far to trust it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from netwright.arch.graph import Architecture
from netwright.errors import TokenError, UsageError
from netwright.evaluators.table import read_parquet
from netwright.records import Outcome, Tokens
from netwright.rng import stream
from netwright.spaces.accel import AccelSpace, from_digits
from netwright.stats import spearman

ACCURACY = "in1k_val_top1"
_METRICS = {ACCURACY: "val_accuracy", "train_time_s": "train_seconds"}
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """How well a model predicts networks that it was not fitted on.

    Args:
        rmse: Root mean square error, in the unit of the metric; relative where ``relative``.
        relative: Whether the error is one of the logarithm: .03 is about 3%.
        spread: Standard deviation of the held-out values, in the same unit.
        spearman: Rank correlation.
        count: Number of held-out networks.
    """

    rmse: float
    relative: bool
    spread: float
    spearman: float
    count: int

    def __str__(self) -> str:
        unit = " (of the logarithm)" if self.relative else ""
        return (
            f"error {self.rmse:.4f}{unit}, spread {self.spread:.4f}, "
            f"rank correlation {self.spearman:.3f}, {self.count} held-out networks"
        )


class KernelRidge:
    """Ridge regression under the kernel ``exp(-2 γ · tokens that differ)``.

    Args:
        sizes: Number of options of every choice.
        gamma: How fast networks become strangers.
        penalty: Of the weights.
    """

    def __init__(
        self, sizes: Sequence[int], *, gamma: float = 0.02, penalty: float = 0.03
    ) -> None:
        self.sizes, self.gamma, self.penalty = tuple(sizes), gamma, penalty
        self._known: _Floats = np.empty((0, sum(sizes)))
        self._weights: _Floats = np.empty((0, 0))
        self._means: _Floats = np.empty(0)

    def fit(self, rows: npt.NDArray[np.int64], values: _Floats) -> KernelRidge:
        """Fit one function per column.

        Args:
            rows: Tokens (N, L).
            values: Targets (N, M).
        """
        self._known = self._one_hot(rows)
        self._means = np.asarray(values.mean(axis=0), dtype=np.float64)
        kernel = self._kernel(self._known)
        kernel[np.diag_indices(len(kernel))] += self.penalty
        weights = np.linalg.solve(kernel, values - self._means)
        self._weights = weights.astype(np.float64)
        return self

    def predict(self, rows: npt.NDArray[np.int64]) -> _Floats:
        """The functions' values (N, M) at tokens (N, L)."""
        values: _Floats = self._kernel(self._one_hot(rows)) @ self._weights + self._means
        return values

    def _one_hot(self, rows: npt.NDArray[np.int64]) -> _Floats:
        columns = [np.eye(size)[rows[:, i]] for i, size in enumerate(self.sizes)]
        return np.concatenate(columns, axis=1)

    def _kernel(self, rows: _Floats) -> _Floats:
        differ = len(self.sizes) - rows @ self._known.T
        kernel: _Floats = np.exp(-2 * self.gamma * differ)
        return kernel


class Surrogate:
    """Models of the columns of an Accel-NASBench table.

    Args:
        path: Parquet file with columns ``e``, ``k``, ``l``, ``se`` and those to be modelled.
        columns: What to model, beside the accuracy ``in1k_val_top1``.
        held_out: Share of the networks that the error is measured on; the model that is used
            afterwards is fitted on all.
        seed: Of that split.

    Raises:
        DataError: If the file or a column is missing.
    """

    def __init__(
        self, path: str, columns: Sequence[str], *, held_out: float = 0.2, seed: int = 0
    ) -> None:
        if not 0 < held_out < 1:
            raise UsageError(f"The held-out share lies between 0 and 1; {held_out} came.")
        self.columns = (ACCURACY, *columns)
        rows, values = _read(path, self.columns)
        values[:, 1:] = np.log(values[:, 1:])
        sizes = [len(c.options) for c in AccelSpace().choices]
        order = stream(seed, "held out").permutation(len(rows))
        test, train = np.split(order, [round(held_out * len(rows))])
        trial = KernelRidge(sizes).fit(rows[train], values[train])
        guessed, true = trial.predict(rows[test]), values[test]
        self.errors: Mapping[str, HeldOut] = {
            name: HeldOut(
                rmse=float(np.sqrt(np.mean((guessed[:, i] - true[:, i]) ** 2))),
                relative=i > 0,
                spread=float(true[:, i].std()),
                spearman=spearman(guessed[:, i], true[:, i]),
                count=len(test),
            )
            for i, name in enumerate(self.columns)
        }
        self._model = KernelRidge(sizes).fit(rows, values)
        self._centre = np.exp(np.median(values[:, 1:], axis=0))

    def median(self, column: str) -> float:
        """The middle value of a column in the table, such as a latency to aim at."""
        return float(self._centre[self.columns.index(column) - 1])

    def predict(self, rows: Sequence[Tokens]) -> list[dict[str, float]]:
        """Metrics of candidates of the accel space: ``val_accuracy`` from 0 to 1, and the columns.

        ``train_time_s`` is called ``train_seconds``, and latencies end in ``_ms``.
        """
        values = self._model.predict(np.array(rows, dtype=np.int64))
        values[:, 0] /= 100
        values[:, 1:] = np.exp(values[:, 1:])
        names = [metric(column) for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in values.tolist()]


def metric(column: str) -> str:
    """What a column is called as a metric: ``latency_vck190`` → ``vck190_latency_ms``."""
    what, _, device = column.partition("_")
    if what == "latency":
        return f"{device}_latency_ms"
    return f"{device}_images_per_second" if what == "throughput" else _METRICS.get(column, column)


def _read(path: str, columns: Sequence[str]) -> tuple[npt.NDArray[np.int64], _Floats]:
    """Tokens (N, L) and values (N, M) of the networks that have all the values."""
    data = read_parquet(path, ("e", "k", "l", "se", *columns))
    rows = np.array(
        [from_digits(*d) for d in zip(data["e"], data["k"], data["l"], data["se"], strict=True)]
    )
    values = np.array([data[name] for name in columns], dtype=np.float64).T
    whole = np.isfinite(values).all(axis=1)
    return rows[whole], values[whole]


@lru_cache(maxsize=4)
def fitted(path: str, columns: tuple[str, ...]) -> Surrogate:
    """The surrogate of a file, fitted once in a process."""
    return Surrogate(path, columns)


@dataclass(frozen=True, kw_only=True)
class SurrogateEvaluator:
    """Predicts a network of the accel space.

    Small enough to send to another process, which fits the models once.

    Args:
        path: Parquet file of Accel-NASBench.
        columns: What to predict beside the accuracy, such as ``latency_vck190``,
            ``throughput_tpuv2`` and ``train_time_s``, the time that its training would have taken.
        space: The space that the networks are of.
    """

    path: str
    columns: tuple[str, ...] = ("train_time_s",)
    space: AccelSpace = AccelSpace()

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        """``val_accuracy`` from 0 to 1 and the columns; failed for a network of another space."""
        try:
            tokens = self.space.encode(arch)
        except TokenError as err:
            return Outcome(status="failed", reason=str(err), device="surrogate")
        return self.of([tokens])[0]

    def of(self, rows: Sequence[Tokens]) -> list[Outcome]:
        """The same for the tokens of many, without making the networks."""
        return [
            Outcome.of(metrics, seconds=0.0, device="surrogate")
            for metrics in fitted(self.path, self.columns).predict(rows)
        ]
