"""How well each proxy ranks the networks of a table: correlations, what is left, what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from netwright.correlation.intervals import correlations
from netwright.correlation.published import PUBLISHED, Published
from netwright.stats import Interval, partial_spearman, spearman

_HELD = ("params", "macs")  # what a partial correlation holds fixed
_FEWEST = 3

Column = Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """What one proxy says about one column of accuracies."""

    proxy: str
    column: str
    control: bool
    networks: int
    """With a score and an accuracy."""
    failed: int
    """Tried without success; left out."""
    spearman: Interval
    kendall: Interval
    partial: float
    """Spearman given params and MACs; nan where they explain the proxy fully."""
    milliseconds: float
    """Median of a network's own time; nan where it was not timed."""
    published: Published | None
    precomputed: float = math.nan
    """Spearman of another laboratory's scores of the same networks with the same column."""
    agreement: float = math.nan
    """Spearman between their scores and ours."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The scores of one proxy."""

    name: str
    values: Column
    """One a network; None where it failed or was not scored."""
    seconds: Column
    """One a network; None where it was not scored."""
    lower_is_better: bool = False
    control: bool = False
    precomputed: Column | None = None
    """Another laboratory's scores of the same networks."""


def rank_networks(
    measured: Sequence[Measured],
    accuracies: Mapping[str, Sequence[float]],
    *,
    benchmark: str,
    seed: int,
    repeats: int = 1000,
) -> list[Ranking]:
    """Correlate every proxy with every column of accuracies; positive agrees.

    Args:
        measured: Scores of the same networks in the same order, params and macs among them.
        accuracies: By column, one a network; NaN where there is none.
        benchmark: Whose published figures stand beside.
        seed: Of the bootstrap.
        repeats: Resamples of the bootstrap.
    """
    known = {m.name: m.values for m in measured}
    held = [known[name] for name in _HELD if name in known]
    found = []
    for column, accuracy in accuracies.items():
        for one in measured:
            if sum(v is not None for v in one.values) >= _FEWEST:
                published = PUBLISHED.get(benchmark, {}).get(one.name, {}).get(column)
                found.append(
                    _rank(one, column, accuracy, held, published, seed=seed, repeats=repeats)
                )
    return found


def _rank(
    one: Measured,
    column: str,
    accuracy: Sequence[float],
    held: Sequence[Column],
    published: Published | None,
    *,
    seed: int,
    repeats: int,
) -> Ranking:
    sign = -1.0 if one.lower_is_better else 1.0
    scored = [i for i, v in enumerate(one.values) if v is not None]
    rows = [i for i in scored if not math.isnan(accuracy[i])]
    x = [sign * float(one.values[i] or 0.0) for i in rows]
    y = [accuracy[i] for i in rows]
    pairs = zip(one.values, one.seconds, strict=True)
    both = correlations(x, y, seed=seed, repeats=repeats)
    controls = [[float(c[i] or 0.0) for i in rows] for c in held]
    times = [s for i in rows if (s := one.seconds[i]) is not None]
    precomputed, agreement = _other(one.precomputed, rows, x, y)
    return Ranking(
        proxy=one.name,
        column=column,
        control=one.control,
        networks=len(rows),
        failed=sum(v is None and s is not None for v, s in pairs),
        spearman=both.spearman,
        kendall=both.kendall,
        partial=partial_spearman(x, y, controls=controls) if controls else math.nan,
        milliseconds=1000 * median(times) if times else math.nan,
        published=published,
        precomputed=precomputed,
        agreement=agreement,
    )


def _other(
    theirs: Column | None, rows: Sequence[int], x: Sequence[float], y: Sequence[float]
) -> tuple[float, float]:
    """Their correlation with the accuracies, and ours with theirs, where both have a score."""
    if theirs is None:
        return math.nan, math.nan
    both = [(j, float(v)) for j, i in enumerate(rows) if (v := theirs[i]) is not None]
    if len(both) < _FEWEST:
        return math.nan, math.nan
    values = [v for _, v in both]
    return spearman(values, [y[j] for j, _ in both]), spearman([x[j] for j, _ in both], values)
