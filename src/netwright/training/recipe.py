"""How a network is trained: every setting of a training run, as one frozen record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from netwright.errors import UsageError
from netwright.training.survey import DataFacts


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings of one training run; plain numbers and words, exact as a dict."""

    steps: int
    """Optimiser steps; the schedule is counted in these, so that a time budget can be met."""
    batch_size: int = 64
    """Images per step; all of train where train is smaller."""
    optimizer: str = "adamw"
    """``sgd`` (Nesterov momentum) or ``adamw``."""
    lr: float = 3e-3
    """The highest learning rate."""
    momentum: float = 0.9
    """Of SGD; the first beta of AdamW."""
    weight_decay: float = 0.05
    """Not on norms and biases; decoupled in AdamW, added to the gradient in SGD."""
    warmup_steps: int = 0
    """Steps of linear warm-up, before the half cosine down to zero."""
    clip_norm: float = 0.0
    """Largest norm of all gradients together; 0 is off."""
    label_smoothing: float = 0.0
    """Share of the target that is spread over all classes."""
    ema_decay: float = 0.0
    """Decay of the moving average of weights and norm statistics, per step; 0 is off.

    Step t uses min(ema_decay, (1 + t) / (10 + t)), so that short runs are averaged too.
    """
    flip: bool = False
    """Mirror half of the images."""
    crop_padding: int = 0
    """Shift by up to this many pixels each way, edges repeated; for images without room."""
    crop_scale: float = 1.0
    """Smallest share of the area that a random resized crop keeps; 1 is off; for photos."""
    randaugment: int = 0
    """Strength of RandAugment, two operations an image, 1 to 30 (9 is usual); 0 is off."""
    erasing: float = 0.0
    """Probability that a rectangle of an image is blanked."""
    mixup: float = 0.0
    """Alpha of mixup; 0 is off."""
    cutmix: float = 0.0
    """Alpha of CutMix; 0 is off; with both on, each step draws one of the two."""
    aux_weight: float = 0.4
    """Of the loss of an auxiliary classifier, where the network has one (NASNet's weight)."""
    amp: str | None = None
    """``bf16`` for autocast, or None.

    Measured on a CPU without bf16 arithmetic (AVX2), autocast made the step of a 4.6M-MAC MBConv
    net eleven times slower (1.49 s against 0.13 s at batch 64), so None is the choice there.
    """
    channels_last: bool = True
    """Keep weights and images channels-last."""

    def __post_init__(self) -> None:
        _check(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain values under the field names."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """The recipe that ``to_dict`` wrote.

        Raises:
            UsageError: A key is not a setting, or a value is out of range.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise UsageError(
                f"A recipe has no setting {unknown[0]!r}; it has {', '.join(sorted(known))}."
            )
        return cls(**values)

    def for_device(self, device: str) -> Recipe:
        """The same recipe with the arithmetic that suits a device: bf16 on CUDA, else float32."""
        return replace(self, amp="bf16" if device.split(":")[0] == "cuda" else None)


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Full batches in one pass over ``count`` images; 1 where a batch is larger than that."""
    return max(1, count // batch_size)


def default_recipe(
    data: DataFacts, *, steps: int | None = None, epochs: float | None = None
) -> Recipe:
    """A recipe for this data and length: the longer the training, the more it regularises.

    Args:
        data: Chooses crop, flip and batch size.
        steps: Length in optimiser steps.
        epochs: Length in passes over train; give one of the two.

    Raises:
        UsageError: Both lengths or neither, or a length that is not positive.
    """
    if (steps is None) == (epochs is None):
        raise UsageError("Give a recipe its length either as steps or as epochs.")
    count = data.count("train")
    batch_size = _batch_size(count)
    if steps is None:
        steps = round((epochs or 0.0) * steps_per_epoch(count, batch_size))
    if steps < 1:
        raise UsageError(f"A training of {steps} steps trains nothing; ask for at least 1 step.")
    passes = steps / steps_per_epoch(count, batch_size)
    long, very_long = passes >= 30, passes >= 100
    return Recipe(
        steps=steps,
        batch_size=batch_size,
        optimizer="adamw",
        lr=3e-3,
        weight_decay=0.05,
        warmup_steps=min(steps // 20, 200),
        clip_norm=1.0,
        label_smoothing=0.1,
        ema_decay=0.99,
        flip=data.flip,
        crop_padding=0 if data.photos else data.resolution // 8,
        crop_scale=(0.3 if long else 0.5) if data.photos else 1.0,
        randaugment=9 if very_long and data.flip else 0,
        erasing=0.2 if long else 0.0,
    )


def _batch_size(count: int) -> int:
    """A power of two from 8 to 64 that leaves at least 16 steps an epoch where it can."""
    return max(8, min(64, 1 << int(math.log2(max(1, count // 16)))))


def _check(recipe: Recipe) -> None:
    if recipe.optimizer not in ("sgd", "adamw"):
        raise UsageError(f"No optimizer is called {recipe.optimizer!r}. There are: sgd, adamw.")
    if recipe.amp not in (None, "bf16"):
        raise UsageError(f"amp is {recipe.amp!r}; it may be 'bf16' or None.")
    ranges: dict[str, tuple[float, float]] = {
        "steps": (1, 10**9), "batch_size": (1, 10**6), "lr": (0, 1e3), "momentum": (0, 0.9999),
        "weight_decay": (0, 1e3), "warmup_steps": (0, recipe.steps), "clip_norm": (0, 1e9),
        "label_smoothing": (0, 0.99), "ema_decay": (0, 0.999999), "crop_padding": (0, 512),
        "crop_scale": (0.01, 1), "randaugment": (0, 30), "erasing": (0, 1), "mixup": (0, 100),
        "cutmix": (0, 100), "aux_weight": (0, 100),
    }  # fmt: skip
    for name, (low, high) in ranges.items():
        value = getattr(recipe, name)
        if not low <= value <= high:
            raise UsageError(f"{name} is {value}; it must lie between {low:g} and {high:g}.")
