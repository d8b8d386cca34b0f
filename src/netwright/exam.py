"""The one look at the test data: the winner's, once per training, however often a run resumes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from netwright.arch.graph import Architecture
from netwright.finals import Final
from netwright.nn.build import build
from netwright.nn.weights import load_weights, save_weights
from netwright.run_folder import RunFolder
from netwright.stats import wilson
from netwright.training.evaluate import evaluate
from netwright.training.recipe import Recipe
from netwright.training.reference import DataRef


def examine(
    arch: Architecture,
    best: Final,
    recipe: Recipe,
    *,
    data: DataRef,
    folder: RunFolder,
    seed: int,
    device: str,
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Put the winner's weights in place, and look at the test data.

    Args:
        arch: The winner.
        best: What came of its training.
        recipe: By which it was trained.
        data: The images.
        folder: Of the run; its ``finals/`` hold the weights.
        seed: Of the run.
        device: Where to look.
        before: What ``result.json`` held, if there was one.  What it says of the same training is
            given again, and the test data is not looked at.

    Returns:
        ``accuracy`` with its 95% interval ``low`` to ``high``, and ``images``; None where there is
        no test data, or no figure came out.
    """
    module = build(arch, seed=seed, device=device)
    weights = f"{best.arch_id}-{recipe.steps}.weights.safetensors"
    load_weights(module, folder.finals / weights)
    images = data.open()
    save_weights(module, folder.weights, about={"arch": arch.id, **images.about()})
    if before is not None and _same_training(before, best, recipe):
        seen: dict[str, Any] | None = before["test"]
        return seen
    if images.test is None or not len(images.test):
        return None
    found = evaluate(module, images, split="test", device=device)
    if not math.isfinite(found.accuracy):
        return None
    interval = wilson(round(found.accuracy * found.count), found.count)
    return {
        "accuracy": found.accuracy,
        "low": interval.low,
        "high": interval.high,
        "images": found.count,
    }


def _same_training(before: Mapping[str, Any], best: Final, recipe: Recipe) -> bool:
    then, now = (json.dumps(r, sort_keys=True) for r in (before.get("recipe"), recipe.to_dict()))
    return bool(before["best"]["arch_id"] == best.arch_id and then == now)
