"""``netwright train``: a network trained on the user's images, resumable."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn

from netwright import catalog
from netwright.cli.networks import module_for, short_name
from netwright.cli.output import Flag, console, print_json
from netwright.errors import UsageError
from netwright.run_folder import RunFolder
from netwright.units import format_count, format_seconds

if TYPE_CHECKING:
    from netwright.training.reports import Progress as FitProgress


def train(
    data: str,
    arch: str,
    *,
    epochs: float = 50,
    inherit: str | None = None,
    teacher: str | None = None,
    seed: int = 0,
    resolution: int | None = None,
    flip: bool | None = None,
    device: str = "cpu",
    out: Path | None = None,
    resume: Flag = False,
    json: Flag = False,
) -> None:
    """Train a network; test data, if there is any, is looked at once, at the end.

    Args:
        data: Image folder, Parquet file, torchvision name, or digits.
        arch: A catalogue name, timm:NAME, file.py:make_model, a .json file or a RUN folder.
        epochs: Passes over the training images.
        inherit: Pretrained relative to begin from: lite0, a timm name, a file of weights or a RUN.
        teacher: Folder of a run or training on the same images, whose answers it learns from.
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
    size = resolution or _own_resolution(arch)

    from netwright.nn.device import require_device
    from netwright.trained import require_place, train_into
    from netwright.training.reference import DataRef

    require_place(folder, resume=resume)
    require_device(device)
    images = DataRef(source=data, resolution=size, seed=seed, flip=flip).open()
    module, made = module_for(
        arch, shape=images.input_shape, classes=len(images.classes), seed=seed, device=device
    )
    watch = _Watch(f"{short_name(arch)} on {images.name}")
    with watch.bars:
        trained = train_into(
            folder, module, images,
            arch=made, name=arch, data=data, epochs=epochs, inherit=inherit,
            teacher=teacher, seed=seed, device=device, on_progress=watch,
        )  # fmt: skip
    if json:
        print_json({"arch": arch, **trained.facts(), "folder": str(folder.path)})
        return
    screen = console()
    params = sum(p.numel() for p in module.parameters())
    screen.print(
        f"{short_name(arch)} ({format_count(params)} params): validation accuracy "
        f"{100 * trained.val_accuracy:.1f}% after {epochs:g} epochs in "
        f"{format_seconds(trained.fitted.seconds)}"
    )
    if trained.inherited is not None:
        screen.print(f"Inherited: {trained.inherited['told']}.", soft_wrap=True)
    if trained.teacher is not None:
        screen.print(f"It learned from {trained.teacher}.", soft_wrap=True)
    if trained.test_accuracy is not None:
        screen.print(_test_sentence(trained.test_accuracy, trained.test_images))
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
