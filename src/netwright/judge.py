"""What a search goes by: a training-free score, or the validation loss of a short training."""

from __future__ import annotations

from dataclasses import dataclass

from netwright.contracts import Evaluator
from netwright.errors import DataError
from netwright.evaluators.ensembles import (
    EnsembleEvaluator,
    member_evaluator,
    panel_of,
    reference_tokens,
)
from netwright.evaluators.proxies import ProxyEvaluator
from netwright.evaluators.training import TrainingEvaluator
from netwright.proxies.ensembles import Ensemble
from netwright.proxies.listing import Proxy, batch_size
from netwright.records import Objective
from netwright.spaces.within import Within
from netwright.training.recipe import default_recipe
from netwright.training.reference import DataRef
from netwright.training.support import ALONE, Support
from netwright.training.survey import DataFacts
from netwright.workers import evaluate

_FEWEST_IMAGES = 4


@dataclass(frozen=True, kw_only=True)
class Judge:
    """An evaluator, the metric of it that counts, and what to call the two.

    Args:
        evaluator: Looks at a network.
        objective: What is made as good as it can be.
        name: In words; another one cannot resume its run.
    """

    evaluator: Evaluator
    objective: Objective
    name: str

    @staticmethod
    def by_proxy(proxy: Proxy, data: DataRef, facts: DataFacts, *, device: str) -> Judge:
        """Go by a training-free score on two batches of at most 32 images."""
        _require_images(facts)
        size = batch_size(facts.count("train"))
        return Judge(
            evaluator=ProxyEvaluator(data=data, proxies=(proxy,), batch_size=size, device=device),
            objective=Objective(
                metric=proxy.name, direction="max" if proxy.higher_is_better else "min"
            ),
            name=f"proxy {proxy.name} on {_images(facts)}",
        )

    @staticmethod
    def by_ensemble(
        ensemble: Ensemble,
        data: DataRef,
        facts: DataFacts,
        *,
        within: Within,
        seed: int,
        device: str,
    ) -> Judge:
        """Go by several training-free scores, ranked in a sample of the space within its budget.

        The sample depends on the space, the budget, the images and the seed alone: whoever
        resumes the search ranks in the same one.
        """
        _require_images(facts)
        size = batch_size(facts.count("train"))
        like = ProxyEvaluator(data=data, proxies=(), batch_size=size, device=device)
        members = member_evaluator(ensemble, like)
        rows = reference_tokens(within, seed=seed)
        known = {row: evaluate(members, within.space.decode(row), seed) for row in set(rows)}
        return Judge(
            evaluator=EnsembleEvaluator(
                members=members, panel=panel_of(ensemble, [known[row] for row in rows])
            ),
            objective=Objective(metric=ensemble.name, direction="max"),
            name=f"ensemble {ensemble.name} on {_images(facts)}",
        )

    @staticmethod
    def by_training(
        metric: str,
        data: DataRef,
        facts: DataFacts,
        *,
        steps: int,
        device: str,
        support: Support = ALONE,
    ) -> Judge:
        """Go by ``val_loss`` or ``val_accuracy`` after a training of so many steps.

        The loss is the finer measure: accuracies of short trainings on a small validation split
        come in coarse steps.
        """
        _require_images(facts)
        recipe = default_recipe(facts, steps=steps).for_device(device)
        return Judge(
            evaluator=TrainingEvaluator(
                data=data, recipe=recipe, device=device, support=support.of_probes
            ),
            objective=Objective(metric=metric, direction="min" if metric == "val_loss" else "max"),
            name=f"{steps} steps of training on {_images(facts)}"
            + (f" from {support.inherit}" if support.inherit else ""),
        )


def _images(facts: DataFacts) -> str:
    """Which images, so that a run is not resumed on others."""
    return f"{facts.count('train'):,} images of {facts.name} at {facts.resolution} px"


def _require_images(facts: DataFacts) -> None:
    if facts.count("train") < _FEWEST_IMAGES:
        raise DataError(
            f"{facts.name} has {facts.count('train')} training images; a search needs at least "
            f"{_FEWEST_IMAGES}, two batches of two."
        )
