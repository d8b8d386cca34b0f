"""The Python face of a check: a space and images in, how far each proxy may be trusted out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright import catalog
from netwright.check_folder import CheckFolder
from netwright.contracts import Space
from netwright.errors import UsageError
from netwright.events import Event
from netwright.folders import make_folder
from netwright.records import Budget
from netwright.run_folder import RunFolder, next_run
from netwright.spaces.tokens import first_row
from netwright.spaces.within import Within
from netwright.workers import Processes, at_once

if TYPE_CHECKING:
    from netwright.checked import Check

_SAME = ("data", "space", "seed", "resolution", "flip", "budget", "probes", "metric", "proxies")


def check(
    space: Space,
    data: str,
    *,
    budget: Budget,
    probes: int = 12,
    minutes: float = 15,
    steps: int | None = None,
    proxies: Sequence[str] | None = None,
    metric: str = "val_loss",
    seed: int = 0,
    flip: bool | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    on_event: Callable[[Event], None] = lambda event: None,
) -> Check:
    """Train a few diverse networks briefly, and say how far each proxy may be trusted here.

    Args:
        space: Made for the images: same classes, resolution and channels.
        data: Image folder, Parquet file, torchvision name, or ``digits``.
        budget: What a network may cost.
        probes: How many networks are trained.
        minutes: Wall clock for everything; at most 20 epochs of each are trained.
        steps: Length of each training, in place of what fits into the minutes.
        proxies: Names to check; all where None.  The counts are always among them.
        metric: What a training is judged by, ``val_loss`` or ``val_accuracy``.
        seed: Of probes, weights and resamples.
        flip: Whether mirror images keep their class; judged from the data where None.
        workers: Networks looked at a time; as many as the executor says, or one per core and at
            most 8, where None.
        executor: Where; processes of this machine where None.
        out: Folder of the check; a new one under ``runs/`` where None.
        resume: Go on with the check in the folder.
        device: Where networks are scored and trained.
        on_event: Told of every stage and of progress within it.

    Raises:
        UsageError: For data, names or settings that cannot be used.
        BudgetError: If no network of the space fits.
    """
    started = time.monotonic()
    _refuse_nonsense(probes=probes, minutes=minutes, steps=steps, metric=metric)
    names = tuple(catalog.PROXIES) if proxies is None else tuple(dict.fromkeys(proxies))
    chosen = tuple(catalog.proxy(name) for name in names)

    from netwright.training.survey import peek_data, require_fitting

    first = space.decode(first_row(space))
    facts = peek_data(data, resolution=first.input_shape[1], seed=seed, flip=flip)
    require_fitting(space, facts)
    within = Within.of(space, budget, seed=seed)

    from netwright.nn.device import require_device
    from netwright.pipeline import Clock
    from netwright.probing import Prober
    from netwright.training.reference import DataRef

    require_device(device)
    place = Path(out) if out else next_run(Path("runs"), f"{Path(data).stem or 'images'}-check")
    settings = {
        "data": data, "space": space.name, "seed": seed, "resolution": facts.resolution,
        "flip": flip, "budget": budget.limits(), "probes": probes, "metric": metric,
        "proxies": list(names), "minutes": minutes, "device": device,
    }  # fmt: skip
    folder = _begun(CheckFolder(place), settings, resume=resume)
    workers = at_once(workers, executor)
    with ExitStack() as stack:
        if executor is None:
            crew = stack.enter_context(Processes(workers))
            stack.callback(crew.kill)
            executor = crew
        return Prober(
            within=within,
            data=DataRef(source=data, resolution=facts.resolution, seed=seed, flip=flip),
            facts=facts,
            proxies=chosen,
            ensembles=tuple(catalog.TOGETHER.values()),
            metric=metric,
            folder=folder,
            clock=Clock(seconds=60 * minutes, started=started),
            seed=seed,
            workers=workers,
            executor=executor,
            device=device,
            on_event=on_event,
        ).run(probes, steps=steps)


def _refuse_nonsense(*, probes: int, minutes: float, steps: int | None, metric: str) -> None:
    if probes < 2:
        raise UsageError(f"{probes} probes cannot be compared; ask for 5 or more, such as 12.")
    if not 0 < minutes < float("inf"):
        raise UsageError(f"A check of {minutes} minutes makes no sense; give a number above 0.")
    if steps is not None and steps < 1:
        raise UsageError(f"A training of {steps} steps trains nothing; ask for at least 1.")
    if metric not in catalog.TRAINED:
        raise UsageError(f"Trainings are judged by {' or '.join(catalog.TRAINED)}, not {metric}.")


def _begun(folder: CheckFolder, settings: dict[str, Any], *, resume: bool) -> CheckFolder:
    """The folder with the settings in it; those of an earlier sitting are kept.

    Raises:
        UsageError: If it holds a check and is not to be resumed, or one with other settings.
    """
    if folder.is_check():
        if not resume:
            raise UsageError(
                f"{folder.path} already holds a check; add --resume to go on with it, or choose "
                "another folder with --out."
            )
        before = folder.read_settings()
        for name in _SAME:
            if before.get(name) != settings[name]:
                raise UsageError(
                    f"{folder.path} holds a check with {name} {before.get(name)}, not "
                    f"{settings[name]}; resume it with the same settings, or choose another "
                    "folder with --out."
                )
        return folder
    if resume:
        raise UsageError(f"{folder.path} is not the folder of a check: it has no settings.json.")
    make_folder(folder.path)
    RunFolder(folder.path).write_json(folder.settings, settings)
    return folder
