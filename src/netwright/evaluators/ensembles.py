"""An ensemble of proxies as an evaluator: members scored, then ranked in a fixed sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.evaluators.proxies import ProxyEvaluator
from netwright.proxies.ensembles import Ensemble, Panel
from netwright.proxies.listing import ALL, CONTROLS
from netwright.records import Outcome, Tokens
from netwright.rng import stream
from netwright.spaces.within import Within

REFERENCE = 64  # networks of the sample that others are ranked in


def member_evaluator(ensemble: Ensemble, like: ProxyEvaluator) -> ProxyEvaluator:
    """The evaluator of an ensemble's members.

    Args:
        ensemble: Which members.
        like: Gives images, batches and device.
    """
    names = [name for name in ensemble.members if name not in CONTROLS]  # counted unasked
    return replace(like, proxies=tuple(p for name in names for p in ALL if p.name == name))


def reference_tokens(within: Within, *, seed: int, count: int = REFERENCE) -> list[Tokens]:
    """The sample of a space and budget: always the same for a seed.

    Args:
        within: The space and the budget.
        seed: The user's seed.
        count: Draws; where the space is small, some of them are the same network.
    """
    return [within.sample(rng=stream(seed, "reference sample", i)) for i in range(count)]


def panel_of(ensemble: Ensemble, outcomes: Sequence[Outcome]) -> Panel:
    """The panel that the members' scores of a reference sample make; one that failed ranks last.

    Raises:
        UsageError: If no member could be scored on any network.
    """
    sample = [_members(ensemble, outcome) for outcome in outcomes]
    if not any(value is not None for scores in sample for value in scores.values()):
        reason = next((o.reason for o in outcomes if o.reason), "no network was scored")
        raise UsageError(f"{ensemble.name} cannot be had on these images: {reason}.")
    return Panel.of(ensemble, sample)


@dataclass(frozen=True, kw_only=True)
class EnsembleEvaluator:
    """Scores a network by an ensemble's members and ranks them in the reference sample.

    Args:
        members: Scores the members.
        panel: The ensemble, its sample and its weights.
    """

    members: ProxyEvaluator
    panel: Panel

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        """The ensemble's value beside its members'; a member that failed ranks last.

        Failed, with the reasons, only where every member that is no count failed.
        """
        outcome = self.members(arch, seed=seed)
        if not any(proxy.name in outcome.metrics for proxy in self.members.proxies):
            return outcome
        ensemble = self.panel.ensemble
        value = self.panel.score(_members(ensemble, outcome))
        metrics = {**outcome.metrics, ensemble.name: value}
        return Outcome.of(metrics, seconds=outcome.seconds, device=outcome.device)


def _members(ensemble: Ensemble, outcome: Outcome) -> dict[str, float | None]:
    return {name: outcome.metrics.get(name) for name in ensemble.members}
