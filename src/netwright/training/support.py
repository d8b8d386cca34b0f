"""What a training is given besides images: weights to begin from, a teacher to learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.arch.graph import Architecture
from netwright.arch.staged import read_staged
from netwright.errors import UsageError
from netwright.nn.ancestors import Ancestor, ancestor
from netwright.nn.pretrained import Inherited, inherit
from netwright.nn.recalibration import recalibrate
from netwright.nn.teachers import load_teacher
from netwright.training.data import ImageData, batches
from netwright.training.distill import Distillation
from netwright.training.recipe import Recipe
from netwright.training.survey import DataFacts

if TYPE_CHECKING:
    from torch import nn

_CALIBRATION = (32, 16)  # images per batch, batches: more change the statistics little


@dataclass(frozen=True, kw_only=True)
class Support:
    """Names alone, so that it can be sent to another process.

    Args:
        inherit: A pretrained relative, as ``nn.ancestors.ancestor`` knows it by name.
        teacher: Folder of a run or training on the same classes.
    """

    inherit: str | None = None
    teacher: str | None = None

    def __bool__(self) -> bool:
        return self.inherit is not None or self.teacher is not None

    @property
    def of_probes(self) -> Support:
        """Of short trainings, which a teacher would make longer."""
        return replace(self, teacher=None)

    def to_dict(self) -> dict[str, str]:
        """What there is of it."""
        found = {"inherit": self.inherit, "teacher": self.teacher}
        return {name: value for name, value in found.items() if value is not None}

    def require(self, arch: Architecture, facts: DataFacts, *, device: str) -> None:
        """See that networks like this one can have it.

        Args:
            arch: One like those that will be trained; each inherits what it has in common.
            facts: Of the images.
            device: Where they will be trained.

        Raises:
            UsageError: If the relative or the teacher is not there, or does not suit.
        """
        if self.inherit is not None:
            read_staged(arch)
            _ancestor(self.inherit, _written(self.inherit))
        if self.teacher is not None:
            _teacher(
                self.teacher, facts.input_shape, facts.classes, device, _written(self.teacher)
            )

    def begin(
        self,
        module: nn.Module,
        arch: Architecture,
        images: ImageData,
        *,
        seed: int,
        device: str,
        fresh: bool = True,
    ) -> Inherited | None:
        """Put into a network what it inherits; None where it inherits nothing.

        Args:
            module: What ``build(arch)`` gave; changed in place.
            arch: The network.
            images: That the norms' statistics are measured on.
            seed: Of the choice of those.
            device: Where the module is.
            fresh: False where a checkpoint will take the place of all weights.
        """
        if self.inherit is None:
            return None
        source = _ancestor(self.inherit, _written(self.inherit))
        try:
            if fresh:
                return heir(module, images, source, arch=arch, seed=seed, device=device)
            return inherit(module, source, arch=arch, classes=images.classes)
        except UsageError:  # no relative: it begins from fresh weights
            return None

    def criterion(self, images: ImageData, recipe: Recipe, *, device: str) -> Distillation | None:
        """The loss of a network with a teacher; None without one.

        Args:
            images: What both look at.
            recipe: Of the training.
            device: Where.

        Raises:
            UsageError: If the teacher is none for these images.
        """
        if self.teacher is None:
            return None
        module = _teacher(
            self.teacher, images.input_shape, tuple(images.classes), device,
            _written(self.teacher),
        )  # fmt: skip
        return Distillation(module, label_smoothing=recipe.label_smoothing)


ALONE = Support()
"""Fresh weights, and labels alone to learn from."""


def heir(
    module: nn.Module,
    images: ImageData,
    source: str | Ancestor,
    *,
    arch: Architecture,
    seed: int,
    device: str,
) -> Inherited:
    """Carry over what fits, and measure the norms' statistics on the user's images.

    Args:
        module: What ``build(arch)`` gave; changed in place.
        images: To be trained on.
        source: The pretrained relative.
        arch: The network.
        seed: Of the choice of images.
        device: Where the module is.

    Raises:
        UsageError: If the two are no relatives.
    """
    told = inherit(module, source, arch=arch, classes=images.classes)
    size = min(_CALIBRATION[0], len(images.train))
    count = min(_CALIBRATION[1], len(images.train) // size)
    drawn = batches(images, size=size, count=count, seed=seed, device=device)
    return replace(told, calibration_images=recalibrate(module, [x for x, _ in drawn]))


def _written(name: str) -> int:
    """When a file, or the weights in a folder, were written; 0 for what is neither."""
    path = Path(name)
    path = path / "weights.safetensors" if path.is_dir() else path
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=1)
def _ancestor(name: str, written: int) -> Ancestor:
    """Read once in a process, for all the networks that it trains, until it is written anew."""
    return ancestor(name)


@lru_cache(maxsize=1)
def _teacher(
    name: str, shape: tuple[int, int, int], classes: tuple[str, ...], device: str, written: int
) -> nn.Module:
    """The same for a teacher, which learns nothing."""
    return load_teacher(name, shape=shape, classes=classes, device=device)
