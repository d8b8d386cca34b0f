"""Ensembles: several proxies put together by rank within a fixed reference sample.

Needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from netwright.errors import UsageError
from netwright.proxies.rank import Reference
from netwright.stats import spearman

Rule = Literal["log_rank", "rank_mean"]
Scores = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Which proxies are put together, and how."""

    name: str
    members: tuple[str, ...]
    rule: Rule
    """``log_rank`` averages the logs of ranks, so that one bad rank weighs most; ``rank_mean``
    averages the ranks."""
    summary: str
    lower: frozenset[str] = frozenset()
    """Members of which lower is better."""
    agreeing: bool = False
    """Whether members weigh by how far they agree with the others in the reference sample."""
    citation: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """An ensemble with its reference sample: it scores any network, and a score never moves.

    Weights are all equal, or, where the ensemble says ``agreeing``, the leading eigenvector of
    the members' rank correlations within the sample, negative entries set to 0.  So a member that
    ranks the networks of a space as no other does, by noise or by whim, has no say there; no
    accuracy is needed to know it.  After Parisi et al., "Ranking and combining multiple
    predictors without labeled data", PNAS 2014, arXiv 1303.3257, who show it for classifiers.
    """

    ensemble: Ensemble
    reference: Reference
    weights: tuple[float, ...]
    """One a member, summing to 1."""

    @classmethod
    def of(cls, ensemble: Ensemble, sample: Sequence[Scores]) -> Panel:
        """The panel that a sample of scored networks makes.

        Args:
            ensemble: What to put together.
            sample: Scores by proxy of every network; None where a proxy failed, which ranks last.

        Raises:
            UsageError: With an empty sample, or a network that lacks a member.
        """
        reference = Reference.of(sample, proxies=ensemble.members, lower=ensemble.lower)
        count = len(ensemble.members)
        weights = np.full(count, 1 / count)
        if ensemble.agreeing:
            ranks = [[reference.rank(m, s[m]) for s in sample] for m in ensemble.members]
            weights = _agreement(ranks)
        return cls(ensemble=ensemble, reference=reference, weights=tuple(weights.tolist()))

    def score(self, scores: Scores) -> float:
        """How good a network is by its members' scores; higher is better.

        ``log_rank`` gives 0 for a network that no one of the sample surpasses, else below;
        ``rank_mean`` gives 1 for it.

        Raises:
            UsageError: Where a member's score is missing.
        """
        terms = []
        for member, weight in zip(self.ensemble.members, self.weights, strict=True):
            if member not in scores:
                raise UsageError(f"No score {member!r} was passed; pass None where it failed.")
            rank = self.reference.rank(member, scores[member])
            terms.append(weight * (math.log(rank) if self.ensemble.rule == "log_rank" else rank))
        return math.fsum(terms)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that ``from_json`` reads back."""
        return {
            "ensemble": self.ensemble.name,
            "reference": self.reference.to_json(),
            "weights": list(self.weights),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Panel:
        """What ``to_json`` wrote."""
        found = {e.name: e for e in ENSEMBLES}[data["ensemble"]]
        reference = Reference.from_json(data["reference"])
        return cls(ensemble=found, reference=reference, weights=tuple(data["weights"]))


def _agreement(ranks: Sequence[Sequence[float]]) -> Any:
    """Weights of members by their ranks (members, networks); equal where none can be had."""
    count = len(ranks)
    matrix = np.eye(count)
    for i in range(count):
        for j in range(i):
            rho = spearman(ranks[i], ranks[j])
            matrix[i, j] = matrix[j, i] = 0.0 if math.isnan(rho) else rho
    leading = np.linalg.eigh(matrix)[1][:, -1]
    weights = np.clip(leading * (1 if leading.sum() >= 0 else -1), 0, None)
    return weights / weights.sum()


ENSEMBLES: tuple[Ensemble, ...] = (
    Ensemble(
        name="consensus",
        members=("params", "sum_log_n", "jacob_cov", "az_trainability"),
        rule="log_rank",
        agreeing=True,
        summary="Two counts, jacob_cov and az_trainability by log-rank, as far as they agree.",
    ),
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
