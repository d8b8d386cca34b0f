"""How far each score may be trusted: its agreement with real trainings, and one honest sentence.

A dozen trained networks are few and scores are many, so the best of them looks good by luck.
Two things guard against that.  The p-value of a score is the probability that the best of as many
worthless scores would do as well (``chance.chance``).  And a score beats the parameter count only
where the lower end of its lead, taken for all scores at once, is above zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from netwright.chance import chance, kendall_rows, resampled, spearman_rows
from netwright.errors import UsageError
from netwright.stats import Interval, partial_spearman, percentiles

Kind = Literal["control", "proxy", "ensemble"]
BASE = "params"  # the count that a score has to beat
GIVEN = ("params", "macs")  # taken out of both sides by the partial correlation
FEWEST = 5  # trained networks that a verdict needs
LEVEL = 0.05
_LEAST_PARTIAL = 8  # networks; with fewer, two controls explain almost anything
_APART = 0.25  # of the pairs must differ by more than the noise
_LEAST_KNOWN = 0.5  # of the resamples must have a correlation for its interval to be told
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What one score said of every network.

    Args:
        name: Of the score.
        kind: A plain count, a proxy, or several proxies together.
        values: One per network; None where there was none, which ranks last.
        higher_is_better: Whether a larger value promises more.
        ms: Milliseconds per network; None where it was not timed.
        reason: Why the first failed one failed.
    """

    name: str
    kind: Kind
    values: tuple[float | None, ...]
    higher_is_better: bool = True
    ms: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Trust:
    """How a score agrees with what trainings came to.

    Args:
        name: Of the score.
        kind: A plain count, a proxy, or several proxies together.
        spearman: Rank correlation with a bootstrap interval; None where all values are equal.
        kendall: The same of pairs; networks that differ by less than the noise are ties.
        partial: Spearman with what params and MACs explain taken out; None where they explain all,
            or with fewer than 8 networks.
        p_value: Probability that the best of as many worthless scores does as well.
        lead: Spearman less that of the parameter count.
        lead_at_least: What the leads of all scores at once are above, 19 times out of 20.
        failed: Networks without a value; they rank last.
        reason: Why the first of those failed.
        ms: Milliseconds per network.
    """

    name: str
    kind: Kind
    spearman: Interval | None
    kendall: Interval | None
    partial: float | None
    p_value: float | None
    lead: float | None
    lead_at_least: float | None
    failed: int
    reason: str
    ms: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """All scores against the trainings.

    Args:
        rows: One per score, the best Spearman correlation first, those without one last.
        networks: Trained ones, failed trainings included.
        pairs: Of networks.
        apart: Pairs that differ by more than the noise; None where the noise is not known.
        by_luck: The Spearman correlation that the best of as many worthless scores stays below
            19 times out of 20; None where nothing can be said.
        verdict: One sentence.
    """

    rows: tuple[Trust, ...]
    networks: int
    pairs: int
    apart: int | None
    by_luck: float | None
    verdict: str


def weigh(
    scores: Sequence[Scores],
    values: Sequence[float | None],
    *,
    noise: float | None,
    seed: int,
    repeats: int = 2000,
) -> Weighed:
    """Weigh scores against what trainings of the same networks came to.

    Args:
        scores: The parameter count and MACs among them.
        values: Of the networks, larger is better; None for a training that failed, ranked last.
        noise: Networks whose values are no further apart are ties; None where it is not known.
        seed: Of resamples and permutations.
        repeats: Number of resamples; four times as many permutations.

    Raises:
        UsageError: If a score has not one value per network, or is not finite.
    """
    y = _losing(values, sign=1.0)
    columns = [_losing(s.values, sign=1.0 if s.higher_is_better else -1.0) for s in scores]
    for score, column in zip(scores, columns, strict=True):
        if len(column) != len(y):
            raise UsageError(f"{score.name} has {len(column)} values for {len(y)} networks.")
    pairs, apart = len(y) * (len(y) - 1) // 2, _apart(y, noise)
    rows: tuple[Trust, ...] = ()
    by_luck = math.nan
    if len(y) >= 2 and scores:
        rows, by_luck = _rows(scores, columns, y, tie=noise or 0.0, seed=seed, repeats=repeats)
    known = None if math.isnan(by_luck) else by_luck
    said = verdict(rows, networks=len(y), pairs=pairs, apart=apart, by_luck=known)
    return Weighed(
        rows=rows, networks=len(y), pairs=pairs, apart=apart, by_luck=known, verdict=said
    )


def verdict(
    rows: Sequence[Trust], *, networks: int, pairs: int, apart: int | None, by_luck: float | None
) -> str:
    """One sentence on whether a score may be trusted here.

    Args:
        rows: The scores.
        networks: How many were trained.
        pairs: Of networks.
        apart: Pairs that differ by more than the noise, where it is known.
        by_luck: What the best of as many worthless scores stays below 19 times out of 20.
    """
    if networks < FEWEST:
        return (
            f"Nothing can be said: {networks} networks were trained, and at least {FEWEST} are "
            "needed; give more minutes or more probes."
        )
    if apart is not None and apart < _APART * pairs:
        return (
            f"Nothing can be said: only {apart} of {pairs} pairs of networks differ by more than "
            "two trainings of one network do; train longer, or allow a wider budget."
        )
    ranked = [row for row in rows if row.spearman is not None]
    if not ranked or by_luck is None:
        return "Nothing can be said: the networks, or all of their scores, are equal."
    many = len(ranked)
    if not any(_real(row) for row in ranked):
        best = max(ranked, key=_rho)
        return (
            f"With {networks} probes nothing can be told apart from chance: the best of {many} "
            f"scores, {best.name}, has a Spearman correlation of {_rho(best):.2f}, and the best "
            f"of as many worthless ones reaches {by_luck:.2f} one time in twenty."
        )
    return _against_counts(ranked, networks=networks)


def _against_counts(ranked: Sequence[Trust], *, networks: int) -> str:
    others = sorted((r for r in ranked if r.kind != "control"), key=_rho, reverse=True)
    base = next((r for r in ranked if r.name == BASE), None)
    real = [r for r in others if _real(r)]
    if base is None:
        names = _listed([r.name for r in real]) or "No proxy"
        return f"{names} ranks these networks better than chance; params are equal for all."
    ahead = [r for r in real if r.lead_at_least is not None and r.lead_at_least > 0]
    if ahead:
        named = _listed([f"{r.name} ({_rho(r):.2f})" for r in ahead[:3]])
        more = f" and {len(ahead) - 3} more" if len(ahead) > 3 else ""
        verb = "rank" if len(ahead) > 1 else "ranks"
        return (
            f"On this data {named}{more} {verb} networks better than the parameter count "
            f"({_rho(base):.2f}), also after correction for {len(ranked)} scores."
        )
    if not others:
        return f"The parameter count has a Spearman correlation of {_rho(base):.2f}."
    best = others[0]
    if _rho(best) <= _rho(base):
        return (
            f"On this data no proxy beats the parameter count: it has a Spearman correlation of "
            f"{_rho(base):.2f}, the best proxy, {best.name}, {_rho(best):.2f}."
        )
    return (
        f"On this data no proxy is shown to beat the parameter count: the best, {best.name}, has "
        f"a Spearman correlation of {_rho(best):.2f} against {_rho(base):.2f}, a lead that "
        f"{networks} probes cannot tell from chance."
    )


def _rows(
    scores: Sequence[Scores],
    columns: Sequence[_Floats],
    y: _Floats,
    *,
    tie: float,
    seed: int,
    repeats: int,
) -> tuple[tuple[Trust, ...], float]:
    """A row for every score, the best first, and what luck alone would reach."""
    table = np.stack(columns)
    rho, tau = spearman_rows(table, y), kendall_rows(table, y, tie=tie)
    rho_draws = resampled(spearman_rows, table, y, seed=seed, repeats=repeats)

    def tied(a: _Floats, b: _Floats) -> _Floats:
        return kendall_rows(a, b, tie=tie)

    tau_draws = resampled(tied, table, y, seed=seed, repeats=repeats)
    p_values, by_luck = chance(table, y, seed=seed, repeats=4 * repeats - 1)
    names = [s.name for s in scores]
    leads = _leads(rho, rho_draws, [s.kind != "control" for s in scores], names)
    given = {s.name: c for s, c in zip(scores, columns, strict=True) if s.name in GIVEN}
    rows = [
        Trust(
            name=score.name,
            kind=score.kind,
            spearman=_interval(rho[k], rho_draws[k]),
            kendall=_interval(tau[k], tau_draws[k]),
            partial=_partial(columns[k], y, {n: c for n, c in given.items() if n != score.name}),
            p_value=None if math.isnan(p_values[k]) else float(p_values[k]),
            lead=leads.get(score.name, (None, None))[0],
            lead_at_least=leads.get(score.name, (None, None))[1],
            failed=score.values.count(None),
            reason=score.reason,
            ms=score.ms,
        )
        for k, score in enumerate(scores)
    ]
    rows.sort(key=lambda r: -_rho(r) if r.spearman else math.inf)
    return tuple(rows), by_luck


def _leads(
    rho: _Floats, draws: _Floats, rivals: Sequence[bool], names: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """The lead of every rival over the parameter count, and lower ends that hold together.

    The room below a lead is its standard error times the 95% quantile of how many of its errors
    the luckiest of all leads moves above itself from resample to resample.
    """
    base = names.index(BASE) if BASE in names else None
    if base is None or math.isnan(rho[base]):
        return {}
    known = np.isfinite(draws).mean(1) >= _LEAST_KNOWN
    at = [k for k, rival in enumerate(rivals) if rival and known[k] and math.isfinite(rho[k])]
    if not at or not known[base]:
        return {}
    leads = rho[at] - rho[base]
    moves = (draws[at] - draws[base] - leads[:, None])[:, np.isfinite(draws[base])]
    error = np.sqrt(np.nanmean(np.square(moves), axis=1))  # of each lead; 0 for a copy of params
    shares = np.divide(moves, error[:, None], out=np.zeros_like(moves), where=error[:, None] > 0)
    luckiest = np.where(np.isfinite(shares), shares, -math.inf).max(0)
    room = error * float(np.quantile(luckiest, 1 - LEVEL))
    low = (leads - room).tolist()
    return {names[k]: (a, b) for k, a, b in zip(at, leads.tolist(), low, strict=True)}


def _interval(value: float, draws: _Floats) -> Interval | None:
    found = percentiles(float(value), draws, level=1 - LEVEL)
    return None if math.isnan(found.value) or math.isnan(found.low) else found


def _partial(x: _Floats, y: _Floats, given: Mapping[str, _Floats]) -> float | None:
    if len(y) < _LEAST_PARTIAL or not given:
        return None
    found = partial_spearman(x, y, controls=list(given.values()))
    return None if math.isnan(found) else found


def _losing(values: Sequence[float | None], *, sign: float) -> _Floats:
    """Larger is better, and what there is no value of is worse than all."""
    odd = [v for v in values if v is not None and not math.isfinite(v)]
    if odd:
        raise UsageError(f"A value is {odd[0]}; pass None where there is none.")
    return np.array([-math.inf if v is None else sign * v for v in values])


def _apart(y: _Floats, noise: float | None) -> int | None:
    if noise is None:
        return None
    first, second = np.triu_indices(len(y), k=1)
    lost = np.isinf(y)
    gap = np.abs(np.where(lost, 0.0, y)[first] - np.where(lost, 0.0, y)[second])
    return int(
        np.where(lost[first] | lost[second], lost[first] != lost[second], gap > noise).sum()
    )


def _rho(row: Trust) -> float:
    return row.spearman.value if row.spearman is not None else -math.inf


def _real(row: Trust) -> bool:
    return row.p_value is not None and row.p_value <= LEVEL


def _listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
