"""Distillation: a network learns from what a larger one, that is trained, says of each image.

Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network" (2015): the teacher's
logits, softened by a temperature, tell which wrong classes an image resembles.  The teacher sees
the very image that the network sees, augmented alike (Beyer et al., CVPR 2022, found that this
matters most).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from netwright.errors import UsageError
from netwright.training.stepper import heads

WEIGHT, TEMPERATURE = 0.7, 4.0


class Distillation:
    """A loss that mixes the teacher's softened answers with the true labels.

    Args:
        teacher: From images (B, C, R, R), as the network gets them, to logits (B, classes).
            Frozen here and put into eval mode.
        weight: Share of the teacher; the rest is cross-entropy with the labels.
        temperature: What logits are divided by on both sides; the loss is multiplied by its
            square, so that gradients keep their size.
        label_smoothing: Of the cross-entropy.

    Raises:
        UsageError: If the weight is no share, or the temperature is not above 0.
    """

    def __init__(
        self,
        teacher: nn.Module,
        *,
        weight: float = WEIGHT,
        temperature: float = TEMPERATURE,
        label_smoothing: float = 0.0,
    ) -> None:
        if not 0 <= weight <= 1 or not temperature > 0:
            raise UsageError(
                f"Distillation has a weight from 0 to 1 and a temperature above 0; {weight} and "
                f"{temperature} came."
            )
        self.teacher = teacher.eval().requires_grad_(False)
        self.weight, self.temperature = weight, temperature
        self.label_smoothing = label_smoothing
        self._seen: torch.Tensor | None = None
        self._said: torch.Tensor | None = None

    def __call__(
        self, outputs: torch.Tensor, images: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        """The loss, a scalar.

        Args:
            outputs: Logits of the network (B, classes).
            images: What it was given (B, C, R, R).
            targets: Labels (B,), or shares of classes (B, classes).
        """
        hard = functional.cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)
        if self.weight == 0:
            return hard
        t = self.temperature
        soft = functional.kl_div(
            functional.log_softmax(outputs / t, dim=1),
            functional.log_softmax(self._answers(images) / t, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        return (1 - self.weight) * hard + self.weight * t * t * soft

    def _answers(self, images: torch.Tensor) -> torch.Tensor:
        """The teacher's logits; asked once where auxiliary classifiers learn from it as well."""
        if self._said is None or self._seen is not images:
            with torch.no_grad():
                self._said = heads(self.teacher(images))[0].float()
            self._seen = images
        return self._said
