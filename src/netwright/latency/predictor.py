"""What a network will take: the sum of its parts by the table, and what the whole adds to it.

``a · Σ parts + b · number of parts + c · weights + d`` with coefficients fitted to the whole
networks of the table, so that a runtime's own work, caches that run cold and clocks that were
read are paid for; then an interval from networks that were held out together with their parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.latency.model import PartModel
from netwright.latency.parts import FEATURES, Part, added, parts_of
from netwright.latency.table import Table, Timed

Floats = npt.NDArray[np.float64]

_FEWEST_PARTS = 8
_FOLDS = 5
_Z = 1.96  # of a 95 % interval
_UNCHECKED = 0.25  # deviation of the logarithm where no whole network was measured
_LEAST_SPREAD = 0.02
_PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
_WEIGHTS = FEATURES.index("weights")
_PRIOR = np.array([1.0, 0.0, 0.0, 0.0])  # the sum alone
_DOUBT = 0.5  # a correction counts as if so many measurements had said that none is needed


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a network will take.

    Args:
        ms: Milliseconds of a pass.
        low_ms: Lower end of the 95 % interval.
        high_ms: Upper end.
        measured: Share of the time that is of parts which were measured, not modelled.
    """

    ms: float
    low_ms: float
    high_ms: float
    measured: float

    def __str__(self) -> str:
        return f"{self.ms:.3g} ms ({self.low_ms:.3g} to {self.high_ms:.3g})"


@dataclass(frozen=True, kw_only=True)
class _Sum:
    """What the parts of a network come to, before the whole is looked at."""

    ms: float
    variance: float  # of the logarithm, of the parts that were modelled
    measured: float
    count: int
    weights: float

    def columns(self) -> list[float]:
        return [self.ms, float(self.count), self.weights, 1.0]


class _Parts:
    """Times of parts: the table's where it has them, else the model's; each looked up once."""

    def __init__(
        self, table: Table, *, without: frozenset[int] = frozenset(), like: PartModel | None = None
    ) -> None:
        seen: dict[str, list[float]] = {key: [ms] for key, ms in table.alone.items()}
        speeds = table.speeds()
        whole: list[tuple[tuple[float, ...], float]] = []
        for k, network in enumerate(table.networks):
            if k in without:
                continue
            for key, ms in network.parts:
                seen.setdefault(key, []).append(ms / speeds[k])
            whole.append((network.features, network.low_ms / speeds[k]))
        self.by_part = bool(seen)
        self.known = {key: max(float(np.median(ms)), 1e-6) for key, ms in seen.items()}
        if self.by_part:
            rows = [(table.parts[key], ms) for key, ms in self.known.items()]
        else:
            rows = whole  # of a runtime that cannot tell parts apart: a network is one part
        if len(rows) < _FEWEST_PARTS:
            raise UsageError(
                f"The latency table holds {len(rows)} measured parts; {_FEWEST_PARTS} are the "
                "least to predict from. Give `netwright latency profile` more minutes."
            )
        self._rows, self._like = rows, like
        self._modelled: dict[str, tuple[float, float]] = {}

    @cached_property
    def model(self) -> PartModel:
        """Fitted when it is first needed: never, where all parts were measured."""
        counts, ms = (np.array(c, np.float64) for c in zip(*self._rows, strict=True))
        return PartModel.fit(counts, ms, like=self._like)

    def sum(self, parts: Sequence[Part]) -> _Sum:
        """The parts of a network together."""
        weights = sum(part.features[_WEIGHTS] for part in parts)
        if not self.by_part:
            whole = Part(key="", features=added(p.features for p in parts))
            (ms, variance), measured = self._model([whole])[0], 0.0
        else:
            new = [p for p in parts if p.key not in self.known and p.key not in self._modelled]
            unique = list({p.key: p for p in new}.values())
            if unique:
                found = self._model(unique)
                self._modelled.update(zip((p.key for p in unique), found, strict=True))
            ms = modelled = spread = 0.0
            for part in parts:
                if part.key in self.known:
                    ms += self.known[part.key]
                    continue
                own, own_variance = self._modelled[part.key]
                ms, modelled = ms + own, modelled + own
                spread += own * math.sqrt(own_variance)  # like parts err alike
            variance, measured = (spread / ms) ** 2 / max(1, len(parts) ** 0.5), 1 - modelled / ms
        return _Sum(ms=ms, variance=variance, measured=measured, count=len(parts), weights=weights)

    def _model(self, parts: Sequence[Part]) -> list[tuple[float, float]]:
        logs, deviations = self.model.predict(np.array([p.features for p in parts], np.float64))
        return [
            (math.exp(min(m, 60.0)), d * d)
            for m, d in zip(logs.tolist(), deviations.tolist(), strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class LatencyPredictor:
    """Predicts the latency of networks on the device of a table.

    Args:
        table: What was measured.
        terms: Coefficients of the sum of the parts, their number, the weights, and 1.
        spread: Deviation of the logarithm, from networks that were held out.
        checked: How many whole networks that is from.
        factor: What measured finalists have taught since; 1 at first.
    """

    table: Table
    terms: tuple[float, ...]
    spread: float
    checked: int
    factor: float = 1.0
    _parts: _Parts = field(repr=False, compare=False)

    @staticmethod
    def of(table: Table) -> LatencyPredictor:
        """The predictor of a table.

        Raises:
            UsageError: If it holds too little to predict from.
        """
        parts = _Parts(table)
        ms = np.array(table.steady(), np.float64)
        sums = [parts.sum(_parts_in(table, n)) for n in table.networks]
        terms = _fitted(sums, ms)
        spread = _held_out(table, ms, parts.model) if len(ms) >= 2 * _FOLDS else _UNCHECKED
        return LatencyPredictor(
            table=table, terms=tuple(map(float, terms)), spread=spread, checked=len(ms),
            _parts=parts,
        )  # fmt: skip

    def __call__(self, arch: Architecture) -> Prediction:
        """What the network will take."""
        return self.of_parts(parts_of(arch, named=False))

    def of_parts(self, parts: Sequence[Part]) -> Prediction:
        """What a network of these parts will take."""
        total = self._parts.sum(parts)
        ms = _whole(total, self.terms) * self.factor
        reach = math.exp(_Z * math.sqrt(self.spread**2 + total.variance))
        return Prediction(
            ms=ms, low_ms=ms / reach, high_ms=ms * reach, measured=round(total.measured, 4)
        )

    def sum_of_parts(self, parts: Sequence[Part]) -> float:
        """Milliseconds of the parts together, before what the whole adds to them."""
        return self._parts.sum(parts).ms

    def corrected(self, found: Iterable[tuple[float, float]]) -> LatencyPredictor:
        """The predictor after networks were measured that it had predicted.

        Args:
            found: Predicted (with the present factor) and measured milliseconds.
        """
        logs = [math.log(measured / predicted) for predicted, measured in found]
        step = sum(logs) / (len(logs) + _DOUBT) if logs else 0.0
        return replace(self, factor=self.factor * math.exp(step))


def _whole(total: _Sum, terms: Iterable[float]) -> float:
    value = sum(t * c for t, c in zip(terms, total.columns(), strict=True))
    return max(value, total.ms / 4)  # an extrapolation must not go below 0


def _parts_in(table: Table, timed: Timed) -> list[Part]:
    if timed.parts:
        return [Part(key=key, features=table.parts[key]) for key, _ in timed.parts]
    whole = Part(key="", features=timed.features)
    rest = [Part(key="", features=(0.0,) * len(FEATURES))] * (timed.count - 1)
    return [whole, *rest]


def _fitted(sums: Sequence[_Sum], ms: Floats) -> Floats:
    """Ridge regression of relative errors towards the plain sum; the penalty by leaving out."""
    if not len(ms):
        return _PRIOR
    columns = np.array([s.columns() for s in sums], np.float64) / ms[:, None]
    scale = np.sqrt((columns**2).mean(axis=0))
    if len(ms) < len(_PRIOR):
        return np.array([1 / float(np.median(columns[:, 0])), 0.0, 0.0, 0.0])
    left = 1 - columns @ _PRIOR
    best, found = math.inf, _PRIOR
    for penalty in _PENALTIES:
        gram = columns.T @ columns + penalty * np.diag(scale**2)
        pull = np.linalg.solve(gram, columns.T)
        step = pull @ left
        lever = np.clip(np.einsum("nj,jn->n", columns, pull), 0, 0.95)
        error = float(np.mean(((left - columns @ step) / (1 - lever)) ** 2))
        if error < best:
            best, found = error, _PRIOR + step
    return found


def _held_out(table: Table, ms: Floats, model: PartModel) -> float:
    """Deviation of log(measured / predicted) over networks whose parts were held out, too."""
    errors: list[float] = []
    for fold in range(_FOLDS):
        out = frozenset(range(fold, len(ms), _FOLDS))
        kept = [k for k in range(len(ms)) if k not in out]
        try:
            parts = _Parts(table, without=out, like=model)
        except UsageError:
            return _UNCHECKED
        rows = [_parts_in(table, n) for n in table.networks]
        terms = _fitted([parts.sum(rows[k]) for k in kept], ms[kept])
        errors += [math.log(ms[k] / _whole(parts.sum(rows[k]), terms)) for k in sorted(out)]
    middle = float(np.median(np.abs(errors))) / 0.6745  # of a normal error; outliers are moments
    plain = float(np.sqrt(np.mean(np.square(errors))))
    return max(_LEAST_SPREAD, min(plain, 2 * middle), middle)
