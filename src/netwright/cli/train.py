"""``netwright train``: a network trained on the user's images, resumable."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TextColumn

from netwright import catalog
from netwright.cli.networks import module_for, short_name
from netwright.cli.output import Flag, console, print_json
from netwright.errors import UsageError
from netwright.folders import make_folder
from netwright.run_folder import RunFolder
from netwright.units import format_count, format_seconds

if TYPE_CHECKING:
    from netwright.training.reports import Fitted
    from netwright.training.reports import Progress as FitProgress


def train(
    data: str,
    arch: str,
    *,
    epochs: float = 50,
    seed: int = 0,
    resolution: int | None = None,
    flip: bool | None = None,
    device: str = "cpu",
    out: Path | None = None,
    resume: Flag = False,
    json: Flag = False,
) -> None:
    """Train a network from scratch; test data, if there is any, is looked at once, at the end.

    Args:
        data: Image folder, Parquet file, torchvision name, or digits.
        arch: A catalogue name, timm:NAME, file.py:make_model, a .json file or a RUN folder.
        epochs: Passes over the training images.
        seed: Of weights, order and augmentation.
        resolution: Side of the images in pixels; the network's or the images' own without it.
        flip: Whether mirror images keep their class; judged from the data without it.
        device: Where to train: cpu, cuda or mps.
        out: Folder for weights, checkpoint and result; a new one under trained/ without it.
        resume: Go on with the training in the folder.
        json: Print one JSON object on stdout; progress still goes to stderr.
    """
    if not 0 < epochs < math.inf:
        raise UsageError(f"A training of {epochs:g} epochs trains nothing; give more than 0.")
    if resume and out is None:
        raise UsageError("Say which training to resume: --resume --out FOLDER.")
    if resume and out is not None and not out.is_dir():
        raise UsageError(f"{out} is not the folder of a training; start it without --resume.")
    folder = RunFolder(out or _next(short_name(arch)))
    checkpoint = folder.path / "checkpoint.safetensors"
    if folder.is_run():
        raise UsageError(
            f"{folder.path} holds a search, which a training would overwrite; choose another "
            "place with --out."
        )
    if checkpoint.exists() and not resume:
        raise UsageError(
            f"{folder.path} already holds a training; add --resume to go on with it, or choose "
            "another place with --out."
        )
    size = resolution or _own_resolution(arch)

    from netwright.nn.device import require_device
    from netwright.nn.weights import save_weights
    from netwright.training.evaluate import evaluate
    from netwright.training.fit import fit
    from netwright.training.recipe import default_recipe
    from netwright.training.reference import DataRef

    require_device(device)
    images = DataRef(source=data, resolution=size, seed=seed, flip=flip).open()
    module, made = module_for(
        arch, shape=images.input_shape, classes=len(images.classes), seed=seed, device=device
    )
    recipe = default_recipe(images, epochs=epochs).for_device(device)
    make_folder(folder.path)
    watch = _Watch(f"{short_name(arch)} on {images.name}")
    with watch.bars:
        fitted = fit(
            module,
            images,
            recipe=recipe,
            seed=seed,
            device=device,
            checkpoint=checkpoint,
            on_progress=watch,
        )
    if fitted.status != "ok":
        raise UsageError(f"The training failed: {fitted.reason}. Try another seed.")
    save_weights(module, folder.weights, about=images.about())
    if made is not None:
        folder.write_text(folder.best, made.to_json())
    test = None
    if images.test is not None:
        test = evaluate(module, images, split="test", device=device)
    facts = _facts(arch, fitted, test.accuracy if test else None, len(images.test or ()))
    folder.write_json(folder.result, {**facts, "data": data, "recipe": recipe.to_dict()})
    if json:
        print_json({**facts, "folder": str(folder.path)})
        return
    screen = console()
    params = sum(p.numel() for p in module.parameters())
    screen.print(
        f"{short_name(arch)} ({format_count(params)} params): validation accuracy "
        f"{100 * (fitted.val_accuracy or 0):.1f}% after {epochs:g} epochs in "
        f"{format_seconds(fitted.seconds)}"
    )
    if test is not None:
        screen.print(_test_sentence(test.accuracy, test.count))
    screen.print(f"Weights: {folder.weights}", soft_wrap=True)


def _next(name: str) -> Path:
    from netwright.run_folder import next_run

    return next_run(Path("trained"), Path(name).stem.replace(":", "-"))


def _own_resolution(arch: str) -> int | None:
    """The size that an architecture file or a run is made for; None for what adapts itself."""
    if Path(arch).is_dir() or arch.endswith(".json"):
        return catalog.architecture(arch).input_shape[1]
    return None


def _test_sentence(accuracy: float, count: int) -> str:
    from netwright.stats import wilson

    interval = wilson(round(accuracy * count), count)
    return (
        f"Test accuracy: {100 * accuracy:.1f}% (95% interval {100 * interval.low:.1f} to "
        f"{100 * interval.high:.1f}, {count:,} images not trained on)."
    )


def _facts(arch: str, fitted: Fitted, test: float | None, images: int) -> dict[str, Any]:
    return {
        "arch": arch,
        "val_accuracy": fitted.val_accuracy,
        "val_loss": fitted.val_loss,
        "test_accuracy": test,
        "test_images": images,
        "steps": fitted.steps,
        "seconds": fitted.seconds,
        "device": fitted.device,
    }


class _Watch:
    """A progress bar with accuracy and time left, on stderr."""

    def __init__(self, title: str) -> None:
        screen = console(stderr=True)
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[facts]}", markup=False),
            console=screen,
            transient=True,
            disable=not screen.is_terminal,
        )
        self.task = self.bars.add_task(title, total=1.0, facts="")

    def __call__(self, at: FitProgress) -> None:
        seen = "" if at.val_accuracy is None else f"val {100 * at.val_accuracy:.1f}%, "
        facts = (
            f"loss {at.loss:.3f}, {seen}{at.images_per_second:.0f} images/s, "
            f"{format_seconds(at.seconds_left)} left"
        )
        self.bars.update(self.task, completed=at.step / at.steps, facts=facts)
