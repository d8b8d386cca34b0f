"""One training: a network with fresh or inherited weights, trained into a folder, tested once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.folders import make_folder
from netwright.nn.ancestors import Ancestor
from netwright.nn.device import require_device
from netwright.nn.models import from_architecture
from netwright.nn.weights import save_weights
from netwright.run_folder import RunFolder, next_run
from netwright.training.data import ImageData
from netwright.training.distill import Distillation
from netwright.training.evaluate import evaluate
from netwright.training.fit import fit
from netwright.training.recipe import Recipe, default_recipe
from netwright.training.reference import DataRef
from netwright.training.reports import Fitted, Progress
from netwright.training.support import Support, heir

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What came of a training.

    Args:
        folder: Holds ``weights.safetensors``, ``result.json``, the checkpoint and, of an
            architecture, ``best.json``.
        fitted: Accuracy and loss on the validation split, steps and seconds.
        test_accuracy: On the test split, looked at once; None where there is none.
        test_images: In the test split.
        recipe: How it was trained.
        inherited: What was taken from a pretrained relative, as ``Inherited.to_dict`` gives it.
        teacher: Folder of the network that it learned from, if it had one.
    """

    folder: Path
    fitted: Fitted
    test_accuracy: float | None
    test_images: int
    recipe: dict[str, Any]
    inherited: dict[str, Any] | None = None
    teacher: str | None = None

    @property
    def val_accuracy(self) -> float:
        """Share of the validation images that the network names rightly."""
        return self.fitted.val_accuracy or 0.0

    def facts(self) -> dict[str, Any]:
        """Plain JSON types, the recipe left out."""
        found = {
            "val_accuracy": self.fitted.val_accuracy,
            "val_loss": self.fitted.val_loss,
            "test_accuracy": self.test_accuracy,
            "test_images": self.test_images,
            "steps": self.fitted.steps,
            "seconds": self.fitted.seconds,
            "device": self.fitted.device,
        }
        more = {"inherited": self.inherited, "teacher": self.teacher}
        return found | {name: value for name, value in more.items() if value is not None}


def train(
    network: Architecture | nn.Module,
    data: str,
    *,
    epochs: float = 50,
    inherit: str | Ancestor | None = None,
    teacher: str | None = None,
    seed: int = 0,
    resolution: int | None = None,
    flip: bool | None = None,
    device: str = "cpu",
    out: str | Path | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train a network on images; test data, if there is any, is looked at once, at the end.

    Args:
        network: An architecture, or any module from images (B, C, H, W) to logits, trained in
            place.
        data: Image folder, Parquet file, torchvision name, or ``digits``.
        epochs: Passes over the training images.
        inherit: A pretrained relative to begin from: ``lite0``, a timm name, a file of weights, a
            folder of a run or training, or what ``nn.ancestors.ancestor`` gave.
        teacher: Folder of a run or training on the same classes, whose answers it learns from.
        seed: Of weights, order and augmentation.
        resolution: Side of the images in pixels; the architecture's or the images' own where None.
        flip: Whether mirror images keep their class; judged from the data where None.
        device: Where to train.
        out: Folder for weights, checkpoint and result; a new one under ``trained/`` where None.
        resume: Go on with the training in the folder.
        on_progress: Called with progress now and then.

    Raises:
        UsageError: For data or settings that cannot be used, or a relative that is none.
    """
    arch = network if isinstance(network, Architecture) else None
    require_device(device)
    size = resolution or (arch.input_shape[1] if arch is not None else None)
    images = DataRef(source=data, resolution=size, seed=seed, flip=flip).open()
    if isinstance(network, Architecture):
        module = from_architecture(
            network, shape=images.input_shape, classes=len(images.classes), seed=seed,
            device=device,
        )  # fmt: skip
    else:
        module = network
    name = (arch.name or arch.id) if arch is not None else type(module).__name__
    folder = RunFolder(Path(out) if out else next_run(Path("trained"), name))
    require_place(folder, resume=resume)
    return train_into(
        folder, module, images,
        arch=arch, name=name, data=data, epochs=epochs, inherit=inherit, teacher=teacher,
        seed=seed, device=device, on_progress=on_progress,
    )  # fmt: skip


def require_place(folder: RunFolder, *, resume: bool) -> None:
    """See that a training may be written to a folder.

    Raises:
        UsageError: If it holds a search, or a training that is not to be gone on with.
    """
    if folder.is_run():
        raise UsageError(
            f"{folder.path} holds a search, which a training would overwrite; choose another "
            "place with --out."
        )
    if _checkpoint(folder).exists() and not resume:
        raise UsageError(
            f"{folder.path} already holds a training; add --resume to go on with it, or choose "
            "another place with --out."
        )


def train_into(
    folder: RunFolder,
    module: nn.Module,
    images: ImageData,
    *,
    arch: Architecture | None,
    name: str,
    data: str,
    epochs: float,
    inherit: str | Ancestor | None,
    teacher: str | None,
    seed: int,
    device: str,
    on_progress: Callable[[Progress], None] | None,
) -> Trained:
    """Train a module and leave weights and result in the folder.

    Args:
        folder: May hold the checkpoint of the same training, which is then gone on with.
        module: Trained in place.
        images: What on.
        arch: What the module was built from, if it was.
        name: What the user calls the network.
        data: What the user calls the images.
        epochs: Passes over the training images.
        inherit: A pretrained relative, or None.
        teacher: Folder of a network to learn from, or None.
        seed: Of order and augmentation.
        device: Where to train.
        on_progress: Called now and then.

    Raises:
        UsageError: If the training fails or cannot be gone on with, or the relative is none.
    """
    recipe = default_recipe(images, epochs=epochs).for_device(device)
    inherited = _begun(folder, inherit)
    criterion = _criterion(folder, teacher, images, recipe=recipe, device=device)
    if inherited is None and inherit is not None:
        inherited = _inherit(module, images, source=inherit, arch=arch, seed=seed, device=device)
    make_folder(folder.path)
    if inherited is not None:
        folder.write_json(_heritage(folder), inherited)
    if teacher is not None:
        folder.write_json(_lessons(folder), {"teacher": teacher})
    fitted = fit(
        module, images,
        recipe=recipe, seed=seed, device=device, checkpoint=_checkpoint(folder),
        on_progress=on_progress, criterion=criterion,
    )  # fmt: skip
    if fitted.status != "ok":
        raise UsageError(f"The training failed: {fitted.reason}. Try another seed.")
    save_weights(module, folder.weights, about=images.about())
    if arch is not None:
        folder.write_text(folder.best, arch.to_json())
    test = None
    if images.test is not None:
        test = evaluate(module, images, split="test", device=device)
    trained = Trained(
        folder=folder.path,
        fitted=fitted,
        test_accuracy=test.accuracy if test else None,
        test_images=len(images.test or ()),
        recipe=recipe.to_dict(),
        inherited=inherited,
        teacher=teacher,
    )
    result = {"arch": name, **trained.facts(), "data": data, "recipe": trained.recipe}
    folder.write_json(folder.result, result)
    return trained


def _checkpoint(folder: RunFolder) -> Path:
    return folder.path / "checkpoint.safetensors"


def _heritage(folder: RunFolder) -> Path:
    return folder.path / "inherited.json"


def _lessons(folder: RunFolder) -> Path:
    return folder.path / "teacher.json"


def _criterion(
    folder: RunFolder, teacher: str | None, images: ImageData, *, recipe: Recipe, device: str
) -> Distillation | None:
    """The loss of a network with a teacher; a training goes on with the one it began with.

    Raises:
        UsageError: If it had begun with another, or the teacher is none for these images.
    """
    if _checkpoint(folder).exists():
        known, before = _lessons(folder), None
        if known.is_file():
            before = folder.read_json(known, ("teacher",))["teacher"]
        if before != teacher:
            began = f"with --teacher {before}" if before else "without a teacher"
            raise UsageError(
                f"The training in {folder.path} began {began}; go on with the same, or choose "
                "another place with --out."
            )
    return Support(teacher=teacher).criterion(images, recipe, device=device)


def _begun(folder: RunFolder, inherit: str | Ancestor | None) -> dict[str, Any] | None:
    """What the training that is gone on with had inherited.

    Raises:
        UsageError: If it had begun otherwise.
    """
    if not _checkpoint(folder).exists():
        return None
    found = None
    if _heritage(folder).is_file():
        found = folder.read_json(_heritage(folder), ("source", "share"))
    source = inherit.name if isinstance(inherit, Ancestor) else inherit
    if source is not None and (found is None or found["asked"] != source):
        began = f"from {found['asked']}" if found is not None else "with fresh weights"
        raise UsageError(
            f"The training in {folder.path} began {began}; leave out --inherit to go on with it, "
            "or choose another place with --out."
        )
    return found


def _inherit(
    module: nn.Module,
    images: ImageData,
    *,
    source: str | Ancestor,
    arch: Architecture | None,
    seed: int,
    device: str,
) -> dict[str, Any]:
    """Carry over what fits, and measure the norms' statistics on the user's images."""
    if arch is None:
        raise UsageError(
            "Only an architecture of ours can inherit weights; give a catalogue name, a .json "
            "file or a RUN."
        )
    told = heir(module, images, source, arch=arch, seed=seed, device=device)
    asked = source.name if isinstance(source, Ancestor) else source
    return {"asked": asked, **told.to_dict(), "told": str(told)}
