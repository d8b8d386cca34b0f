"""Putting proxies together: ranks within a fixed reference sample, so that no score ever moves.

Needs no torch.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netwright.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Scores of a fixed sample of networks, against which any other network is ranked."""

    size: int
    """Networks in the sample, failed ones included."""
    values: Mapping[str, tuple[float, ...]]
    """By proxy, the scores that were had, ascending, negated where lower is better."""
    lower: frozenset[str]
    """Proxies of which lower is better."""

    @classmethod
    def of(
        cls,
        sample: Sequence[Mapping[str, float | None]],
        *,
        proxies: Sequence[str],
        lower: Collection[str] = (),
    ) -> Reference:
        """The reference that a sample of scored networks makes.

        Args:
            sample: Scores by proxy of every network; None where a proxy failed, which ranks last.
            proxies: Which to put together.
            lower: Those of which lower is better.

        Raises:
            UsageError: With an empty sample, or a network that lacks a proxy.
        """
        if not sample or not proxies:
            raise UsageError("A reference needs at least one network and one proxy.")
        values: dict[str, tuple[float, ...]] = {}
        for name in proxies:
            missing = [i for i, scores in enumerate(sample) if name not in scores]
            if missing:
                raise UsageError(f"Network {missing[0]} of the sample has no score {name!r}.")
            known = (scores[name] for scores in sample)
            sign = -1.0 if name in lower else 1.0
            values[name] = tuple(sorted(sign * v for v in known if v is not None))
            if not all(map(math.isfinite, values[name])):
                raise UsageError(f"Scores {name!r} of the sample must be finite, or None.")
        return cls(size=len(sample), values=values, lower=frozenset(lower) & frozenset(proxies))

    def rank(self, name: str, value: float | None) -> float:
        """How many networks of the sample are no better, out of its size; 1 is the best.

        A network better than none counts half a network, so that a log can be taken; a failed
        score does too.

        Args:
            name: The proxy.
            value: A score, or None where the proxy failed.

        Raises:
            UsageError: Where the reference has no such proxy, or the score is not finite.
        """
        if name not in self.values:
            raise UsageError(f"The reference has no proxy {name!r}; it has {sorted(self.values)}.")
        if value is None:
            return 0.5 / self.size
        if not math.isfinite(value):
            raise UsageError(f"Score {name!r} is {value}; pass None where a proxy failed.")
        failed = self.size - len(self.values[name])
        below = failed + bisect_right(self.values[name], -value if name in self.lower else value)
        return max(below, 0.5) / self.size

    def to_json(self) -> dict[str, Any]:
        """A JSON object that ``from_json`` reads back."""
        values = {name: list(column) for name, column in self.values.items()}
        return {"size": self.size, "values": values, "lower": sorted(self.lower)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reference:
        """What ``to_json`` wrote."""
        values = {name: tuple(column) for name, column in data["values"].items()}
        return cls(size=data["size"], values=values, lower=frozenset(data["lower"]))


def log_rank(scores: Mapping[str, float | None], reference: Reference) -> float:
    """Sum over the reference's proxies of ``log(rank / size)``: 0 for the best of all, else below.

    One bad rank weighs more than in a sum of ranks.  Lee and Ham, "AZ-NAS", CVPR 2024,
    arXiv 2403.19232, rank within the search's history, so that their scores move with it.

    Args:
        scores: By proxy; None where one failed, which ranks last.
        reference: Fixed for a search.

    Raises:
        UsageError: Where a proxy of the reference is missing.
    """
    return math.fsum(math.log(rank) for rank in _ranks(scores, reference))


def rank_mean(scores: Mapping[str, float | None], reference: Reference) -> float:
    """Mean over the reference's proxies of ``rank / size``: 1 for the best of all.

    Args:
        scores: By proxy; None where one failed, which ranks last.
        reference: Fixed for a search.

    Raises:
        UsageError: Where a proxy of the reference is missing.
    """
    ranks = _ranks(scores, reference)
    return math.fsum(ranks) / len(ranks)


def _ranks(scores: Mapping[str, float | None], reference: Reference) -> list[float]:
    missing = [name for name in reference.values if name not in scores]
    if missing:
        raise UsageError(f"No score {missing[0]!r} was passed; pass None where a proxy failed.")
    return [reference.rank(name, scores[name]) for name in reference.values]
