"""``Predictor``: how good other networks will be, learned from a few that were trained.

A Gaussian process (:mod:`netwright.predict.gaussian`) on the columns of networks, whose priors
are the same in every space.  Values are drawn together first, by the inverse hyperbolic sine of
their distance from the median in median deviations: networks that failed to learn stay worse than
the rest, without deciding alone what is learned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from netwright.errors import UsageError
from netwright.predict.columns import Scaling, Table
from netwright.predict.gaussian import Process, prior_covariance
from netwright.predict.probes import informative, order_of_ties

Floats = npt.NDArray[np.float64]
LEAST = 2  # values that were measured; fewer say nothing of how values differ
_STRETCH = 0.4  # at which distance from the median, in median deviations, logarithms begin: 1/it
_NORMAL_MAD = 1.4826  # a normal deviation in median deviations
_LISTED = 256  # candidates that a batch is chosen of
_normal = NormalDist()


@dataclass(frozen=True, kw_only=True)
class _Warp:
    """Values to a scale on which they are close to normal, and back; strictly increasing."""

    middle: float
    unit: float
    mean: float
    deviation: float

    @staticmethod
    def of(values: Floats) -> _Warp:
        middle = float(np.median(values))
        unit = _NORMAL_MAD * float(np.median(np.abs(values - middle))) / _STRETCH
        unit = unit or float(values.std()) or max(abs(middle), 1.0) * 1e-3
        drawn = np.arcsinh((values - middle) / unit)
        return _Warp(
            middle=middle, unit=unit, mean=float(drawn.mean()), deviation=float(drawn.std()) or 1.0
        )

    def forward(self, values: Floats) -> Floats:
        drawn: Floats = (
            np.arcsinh((values - self.middle) / self.unit) - self.mean
        ) / self.deviation
        return drawn

    def back(self, drawn: Floats) -> Floats:
        values: Floats = self.middle + self.unit * np.sinh(drawn * self.deviation + self.mean)
        return values


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What is expected of N networks.

    Args:
        median: As likely exceeded as not, in the unit of the values (N,).
        low: Lower ends of the intervals for what a training would give (N,).
        high: Upper ends (N,).
        level: Share of trainings that end within them, such as 0.8.
        score: The same medians on the scale on which the predictor learns (N,).
        doubt: Standard deviations of the scores, without the noise of a training (N,).
    """

    median: Floats
    low: Floats
    high: Floats
    level: float
    score: Floats
    doubt: Floats


class Predictor:
    """Learns values from columns of networks; larger is better.

    Args:
        reference: Columns of networks that stand for those to be predicted, such as a thousand
            drawn at random; they need no values.  None: those that were trained, which is enough
            where there are many.
    """

    def __init__(self, reference: Table | None = None) -> None:
        self._scaling = Scaling(reference) if reference is not None else None
        self._fitted: tuple[Scaling, _Warp, Process] | None = None

    def probes(
        self, table: Table, count: int, *, seed: int, chosen: Sequence[int] = ()
    ) -> list[int]:
        """Which networks to train first, with nothing known of any: rows of the table.

        Each is the one whose value would take most doubt about all the others, as this predictor
        doubts before it has learned.  The first k are a fair choice of k.

        Args:
            table: Columns of the candidates; two thousand are looked at where there are more.
            count: How many, at most as many as are left.
            seed: Decides between equals.
            chosen: Rows that are already among the probes; not given again.
        """
        scaling = self._scaling or Scaling(table)
        groups = scaling(table)
        tie = order_of_ties(len(groups[0][1]), seed=seed)

        def doubt(rows: npt.NDArray[np.intp]) -> tuple[Floats, float]:
            return prior_covariance([(name, part[rows]) for name, part in groups])

        return informative(doubt, count, chosen=list(chosen), tie=tie)

    def fit(
        self, table: Table, values: Sequence[float] | Floats, *, settled: int | None = None
    ) -> Predictor:
        """Learn from networks that were trained; forgets what was learned before.

        Args:
            table: Their columns, by group (:func:`netwright.predict.columns.columns`).
            values: What came of them; NaN for a failure, which teaches nothing.
            settled: How many of those with a value, from the first, decide how much each group
                of columns matters; all where None.  That takes most of the time.

        Raises:
            UsageError: If fewer than two have a value, or the rows are not as many as the values.
        """
        column = np.asarray(values, dtype=np.float64)
        rows = {len(part) for part in table.values()}
        known = np.isfinite(column)
        if column.ndim != 1 or rows != {len(column)}:
            raise UsageError(
                f"{len(column)} values came for {sorted(rows)} networks; give one each."
            )
        if known.sum() < LEAST:
            raise UsageError(
                f"A predictor learns from at least {LEAST} values; {known.sum()} of {len(column)} "
                "are numbers. Train more networks first."
            )
        seen = {group: part[known] for group, part in table.items()}
        scaling = self._scaling or Scaling(seen)
        warp = _Warp.of(column[known])
        drawn = warp.forward(column[known])
        self._fitted = scaling, warp, Process.fit(scaling(seen), drawn, settled=settled)
        return self

    def _ready(self) -> tuple[Scaling, _Warp, Process]:
        if self._fitted is None:
            raise UsageError("This predictor has learned nothing yet; call fit first.")
        return self._fitted

    def predict(self, table: Table, *, level: float = 0.8) -> Prediction:
        """What is expected of other networks.

        Args:
            table: Their columns, of the groups that were fitted.
            level: Of the intervals.

        Raises:
            UsageError: Before ``fit``, for another set of groups, or a level that is no share.
        """
        scaling, warp, process = self._ready()
        if not 0 < level < 1:
            raise UsageError(f"A level lies between 0 and 1, such as 0.8; this one is {level}.")
        score, doubt = process.predict(scaling(table))
        reach = _normal.inv_cdf((1 + level) / 2) * process.width * np.hypot(doubt, process.noise)
        return Prediction(
            median=warp.back(score),
            low=warp.back(score - reach),
            high=warp.back(score + reach),
            level=level,
            score=score,
            doubt=doubt,
        )

    def better(self, table: Table) -> Floats:
        """Probability that the network of the row is better than that of the column: (N, N).

        It is of the networks themselves, not of one noisy training each; 0.5 on the diagonal.
        """
        scaling, _, process = self._ready()
        groups = scaling(table)
        mean, joint = process.mean(groups), process.covariance(groups)
        own = np.diag(joint)
        spread = np.sqrt(np.maximum(own[:, None] + own - 2 * joint, 1e-12))
        z = (mean[:, None] - mean) / spread
        return _cumulative(z)

    def ranks(self, table: Table) -> Floats:
        """Expected rank of every network among these, from 1 for the best (N,)."""
        expected: Floats = self.better(table).sum(axis=0) + 0.5
        return expected

    def improvement(self, table: Table, best: float | None = None) -> Floats:
        """Expected improvement over a value, on the predictor's scale (N,).

        Jones, Schonlau and Welch, "Efficient Global Optimization", 1998, eq. 15.

        Args:
            table: The candidates.
            best: The value to improve on, in the unit of the values.  None: the best that the
                predictor makes of those it learned from, which one lucky training does not raise.
        """
        scaling, warp, process = self._ready()
        score, doubt = process.predict(scaling(table))
        edge = None if best is None else float(warp.forward(np.array([best]))[0])
        return _gain(score, doubt, process.best if edge is None else edge)

    def choose(self, table: Table, count: int) -> list[int]:
        """The candidates to train next, at once: rows of the table, the most promising first.

        Each has the greatest expected improvement after the earlier ones, as if they had come as
        expected: the Kriging believer of Ginsbourger, Le Riche and Carraro, 2010.

        Args:
            table: The candidates.
            count: How many, at most as many as there are.
        """
        scaling, _, process = self._ready()
        groups = scaling(table)
        score, doubt = process.predict(groups)
        gain = _gain(score, doubt, process.best)
        short = np.argsort(-gain, kind="stable")[: max(_LISTED, count)]
        mean = score[short]
        joint = process.covariance([(name, rows[short]) for name, rows in groups])
        best, left, found = process.best, np.ones(len(short), dtype=bool), list[int]()
        for _ in range(count):
            gain = _gain(mean, np.sqrt(np.maximum(joint.diagonal(), 1e-12)), best)
            place = int(np.argmax(np.where(left, gain, -1.0)))
            found.append(int(short[place]))
            left[place], best = False, max(best, float(mean[place]))
            seen = joint[:, place]
            joint = joint - np.outer(seen, seen) / (joint[place, place] + process.noise**2)
        return found


def _gain(score: Floats, doubt: Floats, best: float) -> Floats:
    """Expected improvement of normal scores over a value."""
    gain = score - best
    z = gain / doubt
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    found: Floats = gain * _cumulative(z) + doubt * density
    return np.maximum(found, 0.0)


def _cumulative(z: Floats) -> Floats:
    from scipy.special import ndtr

    share: Floats = ndtr(z)
    return share
