"""Evaluation by training: what a network reaches on validation images under a given recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netwright.arch.graph import Architecture
from netwright.nn.build import build
from netwright.nn.weights import save_weights
from netwright.records import Outcome
from netwright.training.fit import fit, step_seconds
from netwright.training.recipe import Recipe
from netwright.training.reference import DataRef
from netwright.training.support import ALONE, Support


@dataclass(frozen=True, kw_only=True)
class TrainingEvaluator:
    """Trains a network and measures it on the validation split.

    Small enough to send to another process, which opens the data once.

    Args:
        data: The images; they are opened at the size that the network takes.
        recipe: How to train; its length in steps included.
        device: Where to train.
        folder: Where checkpoints are kept, so that an interrupted training goes on where it
            was, and the trained weights; None keeps neither.
        until: Train up to this step of the recipe only, for now; needs a folder.
        support: Weights that it begins from, a teacher that it learns from.
    """

    data: DataRef
    recipe: Recipe
    device: str = "cpu"
    folder: str | None = None
    until: int | None = None
    support: Support = ALONE

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        """``val_accuracy`` and ``val_loss`` of the trained network; a diverged one is failed.

        With a folder also ``train_seconds``, which all parts and sittings took together; with a
        pretrained relative ``inherited``, the share of the parameters that came from it.
        """
        module = build(arch, seed=seed, device=self.device)
        images = self.data.at(arch.input_shape[1]).open()
        checkpoint = self.path(arch.id, "checkpoint")
        inherited = self.support.begin(
            module, arch, images, seed=seed, device=self.device,
            fresh=checkpoint is None or not checkpoint.exists(),
        )  # fmt: skip
        fitted = fit(
            module,
            images,
            recipe=self.recipe,
            seed=seed,
            device=self.device,
            checkpoint=checkpoint,
            until=self.until,
            eval_every=self.recipe.steps,
            criterion=self.support.criterion(images, self.recipe, device=self.device),
        )
        if fitted.status == "failed":
            return Outcome(
                status="failed",
                reason=fitted.reason or "training failed",
                seconds=fitted.seconds,
                device=self.device,
            )
        weights = self.path(arch.id, "weights")
        if weights is not None and fitted.steps == self.recipe.steps:
            save_weights(module, weights, about={"arch": arch.id, "seed": str(seed)})
        metrics = {"steps": float(fitted.steps)}
        if self.support.inherit is not None:
            metrics["inherited"] = inherited.share if inherited else 0.0
        if self.folder is not None:  # the seconds of an Outcome are of one part, and one sitting
            metrics["train_seconds"] = fitted.seconds
        if fitted.val_accuracy is not None and fitted.val_loss is not None:
            metrics |= {"val_accuracy": fitted.val_accuracy, "val_loss": fitted.val_loss}
        return Outcome.of(metrics, seconds=fitted.seconds, device=self.device)

    def path(self, arch_id: str, what: str) -> Path | None:
        """Where the ``checkpoint`` or the ``weights`` of a network are; None without a folder."""
        if self.folder is None:
            return None
        return Path(self.folder) / f"{arch_id}-{self.recipe.steps}.{what}.safetensors"


@dataclass(frozen=True, kw_only=True)
class SpeedEvaluator:
    """Measures how long one training step of a network takes, to plan how many will fit.

    Args:
        data: The images; they are opened at the size that the network takes.
        recipe: How it would be trained.
        device: Where it would be trained.
        support: A teacher takes time as well.
    """

    data: DataRef
    recipe: Recipe
    device: str = "cpu"
    support: Support = ALONE

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        """``step_seconds``: the mean of a few steps, the data's share included."""
        module = build(arch, seed=seed, device=self.device)
        images = self.data.at(arch.input_shape[1]).open()
        taken = step_seconds(
            module,
            images,
            recipe=self.recipe,
            device=self.device,
            criterion=self.support.criterion(images, self.recipe, device=self.device),
        )
        return Outcome.of({"step_seconds": taken}, seconds=taken, device=self.device)
