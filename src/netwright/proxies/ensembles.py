"""Ensembles: several proxies put together by rank within a fixed reference sample.

Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from netwright.proxies.rank import Reference, log_rank, rank_mean

Rule = Literal["log_rank", "rank_mean"]
_RULES = {"log_rank": log_rank, "rank_mean": rank_mean}


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Which proxies are put together, and how."""

    name: str
    members: tuple[str, ...]
    rule: Rule
    """``log_rank`` sums logs of ranks, so that one bad rank weighs most; ``rank_mean`` averages
    the ranks."""
    summary: str
    lower: frozenset[str] = frozenset()
    """Members of which lower is better."""
    citation: str = ""

    def reference(self, sample: Sequence[Mapping[str, float | None]]) -> Reference:
        """The reference that a sample of scored networks makes.

        Raises:
            UsageError: With an empty sample, or a network that lacks a member.
        """
        return Reference.of(sample, proxies=self.members, lower=self.lower)

    def score(self, scores: Mapping[str, float | None], reference: Reference) -> float:
        """How good a network is by its members' scores; higher is better.

        Raises:
            UsageError: Where a member's score is missing.
        """
        return _RULES[self.rule](scores, reference)


ENSEMBLES: tuple[Ensemble, ...] = (
    Ensemble(
        name="az_nas",
        members=("az_expressivity", "az_progressivity", "az_trainability", "macs"),
        rule="log_rank",
        summary="AZ-NAS: expressivity, progressivity, trainability and MACs by log-rank.",
        citation="Lee and Ham, CVPR 2024, arXiv 2403.19232",
    ),
    Ensemble(
        name="te_nas",
        members=("ntk_condition", "linear_regions"),
        rule="rank_mean",
        lower=frozenset({"ntk_condition"}),
        summary="TE-NAS: condition of the tangent kernel and linear regions by rank.",
        citation="Chen et al., ICLR 2021, arXiv 2102.11535",
    ),
)
"""Those that the literature defines, and ours."""
