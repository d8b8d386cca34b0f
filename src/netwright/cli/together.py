"""Ensembles of ``netwright score``: ranked in a fixed sample of a space on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from netwright import catalog
from netwright.evaluators.ensembles import panel_of, reference_tokens
from netwright.proxies.ensembles import Ensemble, Panel
from netwright.proxies.scoring import Score
from netwright.proxies.scoring import score as score_module
from netwright.records import Budget, Outcome
from netwright.spaces.within import Within

if TYPE_CHECKING:
    from netwright.proxies.borrow import Batch
    from netwright.training.data import ImageData


def panels(
    ensembles: Sequence[Ensemble],
    space: str,
    images: ImageData,
    batches: Sequence[Batch],
    *,
    seed: int,
    device: str,
) -> list[Panel]:
    """The panels of ensembles in a sample of a space, scored on the batches of the networks.

    Args:
        ensembles: Which.
        space: A name of the catalogue.
        images: Give classes and size.
        batches: What the networks are scored on.
        seed: Of sample, weights and noise.
        device: Where to score.
    """
    from netwright.nn.build import build

    channels, resolution, _ = images.input_shape
    made = catalog.space(
        space, classes=len(images.classes), resolution=resolution, channels=channels
    )
    within = Within.of(made, Budget(), seed=seed)
    names = dict.fromkeys(name for e in ensembles for name in e.members)
    proxies = [catalog.proxy(name) for name in names]
    outcomes = []
    for tokens in reference_tokens(within, seed=seed):
        module = build(made.decode(tokens), seed=seed, device=device)
        found = score_module(module, batches, proxies=proxies, seed=seed)
        known = {name: s.value for name, s in found.items() if s.value is not None}
        reasons = [f"{name}: {s.reason}" for name, s in found.items() if s.value is None]
        outcomes.append(
            Outcome(status="failed" if reasons else "ok", metrics=known, reason="; ".join(reasons))
        )
    return [panel_of(ensemble, outcomes) for ensemble in ensembles]


def together(panel: Panel, scores: Mapping[str, Score]) -> Score:
    """An ensemble's value of a network; a member that failed ranks last, and time is members'."""
    members = {name: scores[name].value for name in panel.ensemble.members}
    return Score(value=panel.score(members), seconds=0.0)
