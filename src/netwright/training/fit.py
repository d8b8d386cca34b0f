"""Training a network on images: steps, evaluations, checkpoints, an exact resume."""

from __future__ import annotations

import copy
import hashlib
import math
import re
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from netwright.errors import UsageError
from netwright.training.checkpoint import read_checkpoint, restore, write_checkpoint
from netwright.training.data import ImageData
from netwright.training.evaluate import Evaluation, evaluate
from netwright.training.feed import feed, row_batches
from netwright.training.recipe import Recipe, steps_per_epoch
from netwright.training.reports import Fitted, HistoryPoint, Progress
from netwright.training.stepper import Criterion, Stepper

_LOSSES_AT_ONCE = 16


def fit(
    module: nn.Module,
    data: ImageData,
    *,
    recipe: Recipe,
    seed: int,
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 30.0,
    eval_every: int | None = None,
    until: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    progress_seconds: float = 0.5,
    criterion: Criterion | None = None,
) -> Fitted:
    """Train a network in place, and leave it in eval mode with the better weights on val.

    The better is chosen between the moving average and the last weights.  With a checkpoint, a
    training that was killed goes on where it was, and ends (on a CPU with as many threads) with
    the very weights it would have had; a training that had ended is not repeated.

    Args:
        module: Images (B, C, R, R) to outputs (B, classes); moved to the device.
        data: Trained on ``train``, evaluated on ``val``.
        recipe: Settings.
        seed: Of order, augmentation and dropout; not of the weights, which come with the module.
        device: Where to train.
        checkpoint: A file to resume from where it exists, and to write.
        checkpoint_seconds: Time between two writes.
        eval_every: Steps between evaluations; an epoch, or a tenth of a long schedule, where None.
        until: Stop after this many steps of the schedule; a checkpoint can carry on from there.
        on_progress: Called every ``progress_seconds``; what it raises ends the training.
        progress_seconds: Time between two calls.
        criterion: A loss in place of cross-entropy, as for distillation.

    Raises:
        UsageError: The checkpoint belongs to another training.
        DataError: A picture is broken.
    """
    where = torch.device(device)
    data.pixels.load(np.concatenate([data.train.rows, data.val.rows]))
    stepper = Stepper(
        module.to(where), data, recipe=recipe, seed=seed, device=where, criterion=criterion
    )
    per_epoch = steps_per_epoch(len(data.train), recipe.batch_size)
    training = _Training(
        stepper,
        checkpoint=checkpoint,
        checkpoint_seconds=checkpoint_seconds,
        eval_every=eval_every or max(per_epoch, -(-recipe.steps // 10)),
        on_progress=on_progress,
        progress_seconds=progress_seconds,
    )
    training.resume()
    return training.run(min(recipe.steps, until or recipe.steps))


def step_seconds(
    module: nn.Module,
    data: ImageData,
    *,
    recipe: Recipe,
    device: torch.device | str = "cpu",
    criterion: Criterion | None = None,
    warmup: int = 3,
    least_steps: int = 4,
    least_seconds: float = 1.5,
    most_seconds: float = 4.0,
) -> float:
    """Mean seconds of one training step, data included, measured on a copy of the network.

    The mean, not the median: what other programs take of the machine now, they will take of the
    training too.

    Args:
        module: Left as it is.
        data: Whose train split is used; the images needed are decoded before the clock starts.
        recipe: Settings.
        device: Where to measure.
        criterion: A loss in place of cross-entropy.
        warmup: Steps before the clock starts.
        least_steps: Steps that are timed, at least.
        least_seconds: How long to measure, at least.
        most_seconds: For everything; where steps are slow, one warms up and one is timed.
    """
    where = torch.device(device)
    twin = copy.deepcopy(module).to(where).train()
    stepper = Stepper(twin, data, recipe=recipe, seed=0, device=where, criterion=criterion)
    plan = [*row_batches(len(data.train), recipe.batch_size, 0, 0, warmup + least_steps)]
    data.pixels.load(data.train.rows[np.concatenate(plan)])
    begun = started = time.perf_counter()
    step = first = 0
    while True:
        for pixels, labels in feed(data, iter(plan), where):
            stepper(step, pixels, labels)
            _wait(where)
            step, now = step + 1, time.perf_counter()
            if not first:
                if step >= warmup or now - begun > most_seconds / 2:
                    first, started = step, now
                continue
            taken = now - started
            enough = step - first >= least_steps and taken >= least_seconds
            if enough or now - begun > most_seconds:
                return taken / (step - first)


class _Training:
    """A training under way: the step reached, the clock, the losses and the history."""

    def __init__(
        self,
        stepper: Stepper,
        *,
        checkpoint: Path | None,
        checkpoint_seconds: float,
        eval_every: int,
        on_progress: Callable[[Progress], None] | None,
        progress_seconds: float,
    ) -> None:
        self.stepper, self.data, self.recipe = stepper, stepper.data, stepper.recipe
        self.path, self.checkpoint_seconds = checkpoint, checkpoint_seconds
        self.eval_every, self.on_progress = eval_every, on_progress
        self.progress_seconds = progress_seconds
        self.step = self.first = 0
        self.earlier_seconds = self.eval_seconds = 0.0
        self.history: list[HistoryPoint] = []
        self.losses: list[float] = []
        self.pending: list[torch.Tensor] = []
        self.unreported: list[float] = []
        self.reason: str | None = None
        self.started = time.perf_counter()

    def resume(self) -> None:
        """Take up the checkpoint, if there is one."""
        if self.path is None or not self.path.exists():
            return
        found = read_checkpoint(self.path)
        for key, value in self._identity().items():
            if found.facts.get(key) != value:
                raise UsageError(
                    f"{self.path} belongs to a training with another {key}; give the same {key}, "
                    f"or remove the file to start anew."
                )
        restore(self.stepper, found)
        self.step = self.first = int(found.facts["step"])
        self.earlier_seconds = float(found.facts["seconds"])
        self.history = [HistoryPoint(**point) for point in found.facts["history"]]
        self.losses = list(found.facts["losses"])

    def run(self, last: int) -> Fitted:
        """Take steps up to ``last``, then choose the weights to leave."""
        device, recipe, rows = self.stepper.device, self.recipe, self.data.train.rows
        plan = row_batches(len(rows), recipe.batch_size, self.stepper.seed, self.step, last)
        saved = told = time.perf_counter()
        self.stepper.module.train()
        for pixels, labels in feed(self.data, plan, device):
            self.pending.append(self.stepper(self.step, pixels, labels))
            self.step += 1
            due = self.step % self.eval_every == 0 and self.step < recipe.steps
            now = time.perf_counter()
            save = self.path is not None and now - saved >= self.checkpoint_seconds
            tell = self.on_progress is not None and now - told >= self.progress_seconds
            if due or save or tell or len(self.pending) >= _LOSSES_AT_ONCE:
                self._collect()
            if due and self.reason is None:
                self._evaluate()
            if self.reason is not None:
                break
            if save:
                self._save()
                saved = time.perf_counter()
            if tell:
                self._report()
                told = time.perf_counter()
        self._collect()
        if self.reason is None and self.step > self.first:
            self._save()
        return self._finish()

    def _collect(self) -> None:
        """Read the last losses from the device, and stop at one that is not finite."""
        if not self.pending:
            return
        before = self.step - len(self.pending)
        values = torch.stack(self.pending).tolist()
        self.pending = []
        for step, value in enumerate(values, start=before + 1):
            if not math.isfinite(value):
                self.reason = f"loss became {value} at step {step}"
                return
            self.losses.append(value)
            self.unreported.append(value)

    def _evaluate(self) -> None:
        """Evaluate the average where there is one, else the weights, and note it."""
        average = self.stepper.average
        if average is None:
            found = self._score()
        else:
            with average.applied():
                found = self._score()
        self._note(found)

    def _score(self) -> Evaluation:
        started = time.perf_counter()
        found = evaluate(
            self.stepper.module, self.data, device=self.stepper.device, amp=self.recipe.amp
        )
        self.eval_seconds += time.perf_counter() - started
        if not math.isfinite(found.loss):
            self.reason = f"validation loss became {found.loss} at step {self.step}"
        return found

    def _note(self, found: Evaluation) -> None:
        if self.reason is not None:
            return
        again = bool(self.history) and self.history[-1].step == self.step
        last = self.history.pop().train_loss if again else None
        mean = sum(self.losses) / len(self.losses) if self.losses else last
        self.history.append(
            HistoryPoint(
                step=self.step,
                val_accuracy=found.accuracy,
                val_loss=found.loss,
                train_loss=mean,
            )
        )
        self.losses = []

    def _finish(self) -> Fitted:
        """Leave the better of the average and the last weights in the module.

        Half-way, after ``until``, that is the average if there is one: a look is not free.
        """
        self.stepper.module.eval()
        if self.reason is not None:
            return self._fitted(None, averaged=False)
        average, half_way = self.stepper.average, self.step < self.recipe.steps
        averaged = average is not None and half_way
        if average is not None and half_way:
            average.copy_to_module()
        best = self._score()
        if average is not None and not half_way and self.reason is None:
            with average.applied():
                smooth = self._score()
            averaged = (smooth.accuracy, -smooth.loss) >= (best.accuracy, -best.loss)
            if averaged and self.reason is None:
                average.copy_to_module()
                best = smooth
        self._note(best)
        return self._fitted(best if self.reason is None else None, averaged=averaged)

    def _fitted(self, best: Evaluation | None, *, averaged: bool) -> Fitted:
        return Fitted(
            status="ok" if self.reason is None else "failed",
            reason=self.reason,
            val_accuracy=None if best is None else best.accuracy,
            val_loss=None if best is None else best.loss,
            history=tuple(self.history),
            steps=self.step,
            images=self.step * min(self.recipe.batch_size, len(self.data.train)),
            seconds=self._seconds(),
            device=str(self.stepper.device),
            averaged=averaged,
        )

    def _seconds(self) -> float:
        return self.earlier_seconds + time.perf_counter() - self.started

    def _save(self) -> None:
        if self.path is None:
            return
        state = {
            "step": self.step,
            "seconds": self._seconds(),
            "history": [asdict(point) for point in self.history],
            "losses": self.losses,
        }
        write_checkpoint(self.path, self.stepper, {**self._identity(), **state})

    def _identity(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.to_dict(),
            "seed": self.stepper.seed,
            "network": signature(self.stepper.module),
            "data": self.data.id,
        }

    def _report(self) -> None:
        if self.on_progress is None:
            return
        recent, self.unreported = self.unreported, []
        here = time.perf_counter() - self.started
        taken = self.step - self.first
        images = taken * min(self.recipe.batch_size, len(self.data.train))
        self.on_progress(
            Progress(
                step=self.step,
                steps=self.recipe.steps,
                loss=sum(recent) / len(recent),
                val_accuracy=self.history[-1].val_accuracy if self.history else None,
                images_per_second=images / (here - self.eval_seconds),
                seconds=self._seconds(),
                seconds_left=here / taken * (self.recipe.steps - self.step),
            )
        )


def signature(module: nn.Module) -> str:
    """A short hash of a network's layers, code and tensor shapes, not of its weights."""
    shapes = [(n, tuple(t.shape), str(t.dtype)) for n, t in module.state_dict().items()]
    text = f"{module!r}\n{getattr(module, 'code', '')}\n{shapes}"
    plain = re.sub(r"0x[0-9a-f]+", "0x", text)
    return hashlib.blake2b(plain.encode(), digest_size=8).hexdigest()


def _wait(device: torch.device) -> None:
    if device.type in ("cuda", "mps"):
        getattr(torch, device.type).synchronize()
