"""One optimiser step: augmentation, schedule, forward, backward, clipping, average."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional

from netwright.nn.seeding import seeded
from netwright.rng import derive, stream
from netwright.training.augment import augment, erase, mix
from netwright.training.average import Average
from netwright.training.data import ImageData, normalise
from netwright.training.recipe import Recipe

Criterion = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(outputs (B, classes), images (B, C, R, R), targets (B,) or (B, classes)) to a scalar loss."""


def learning_rate(recipe: Recipe, step: int) -> float:
    """Linear warm-up, then half a cosine that reaches zero after the last step.

    Args:
        recipe: Whose ``lr``, ``warmup_steps`` and ``steps``.
        step: From 0.
    """
    if step < recipe.warmup_steps:
        return recipe.lr * (step + 1) / (recipe.warmup_steps + 1)
    span = max(1, recipe.steps - recipe.warmup_steps)
    return recipe.lr * 0.5 * (1.0 + math.cos(math.pi * (step - recipe.warmup_steps) / span))


class Stepper:
    """A network in training; it remembers the optimiser's state and the average.

    All randomness of a step is a function of (seed, step), so a step can be repeated exactly.

    Args:
        module: Trained in place, on ``device``.
        data: Statistics and resolution of the images.
        recipe: Settings.
        seed: Of augmentation and dropout.
        device: Where the module is.
        criterion: The loss; cross-entropy with the recipe's label smoothing where None.
    """

    def __init__(
        self,
        module: nn.Module,
        data: ImageData,
        *,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        criterion: Criterion | None = None,
    ) -> None:
        self.module, self.data, self.recipe = module, data, recipe
        self.seed, self.device, self.criterion = seed, device, criterion
        if recipe.channels_last:
            module.to(memory_format=torch.channels_last)
        self.optimizer = make_optimizer(module, recipe)
        self.average = Average(module, recipe.ema_decay) if recipe.ema_decay else None

    def __call__(self, step: int, pixels: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Take one step; the module must be in train mode.

        Args:
            step: From 0; decides the learning rate and all that is drawn.
            pixels: (B, S, S, C), uint8, on the device.
            labels: (B,), on the device.

        Returns:
            The loss, a scalar on the device.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, step)
        images, targets = self._inputs(step, pixels, labels)
        with seeded(derive(self.seed, "dropout", step), device=self.device):
            self.optimizer.zero_grad(set_to_none=True)
            with autocast(self.device, self.recipe.amp):
                outputs, *auxiliary = heads(self.module(images))
            loss = self._loss(outputs.float(), images, targets)
            for extra in auxiliary:
                loss = loss + self.recipe.aux_weight * self._loss(extra.float(), images, targets)
            loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip_norm:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        if self.average is not None:
            self.average.update(step)
        return loss.detach()

    def _inputs(
        self, step: int, pixels: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        recipe = self.recipe
        generator = torch.Generator().manual_seed(derive(self.seed, "augment", step))
        changed = augment(pixels, recipe, resolution=self.data.resolution, generator=generator)
        images = normalise(self.data, changed)
        if recipe.erasing:
            images = erase(images, recipe.erasing, generator=generator)
        targets = labels
        if recipe.mixup or recipe.cutmix:
            soft = functional.one_hot(labels, len(self.data.classes)).to(images.dtype)
            images, targets = mix(images, soft, recipe, rng=stream(self.seed, "mix", step))
        if not recipe.channels_last:
            images = images.contiguous()
        return images, targets

    def _loss(
        self, outputs: torch.Tensor, images: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        if self.criterion is not None:
            return self.criterion(outputs, images, targets)
        return functional.cross_entropy(
            outputs, targets, label_smoothing=self.recipe.label_smoothing
        )


def heads(outputs: torch.Tensor | Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """The outputs of the main classifier, then those of auxiliary ones if there are any."""
    return (outputs,) if isinstance(outputs, torch.Tensor) else outputs


def make_optimizer(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser; tensors of one dimension or none (norms, biases) never decay."""
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        nesterov = recipe.momentum > 0
        return torch.optim.SGD(
            groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=nesterov, foreach=True
        )
    return torch.optim.AdamW(groups, lr=recipe.lr, betas=(recipe.momentum, 0.999), foreach=True)


def autocast(device: torch.device, amp: str | None) -> torch.autocast:
    """Autocast to bfloat16 where ``amp`` is ``bf16``, and nothing otherwise."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=amp == "bf16")
