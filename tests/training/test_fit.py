"""Training: it learns, it resumes exactly, and what goes wrong is a value or a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from netwright.errors import UsageError
from netwright.nn.seeding import seeded
from netwright.training.data import ImageData, open_data
from netwright.training.evaluate import evaluate
from netwright.training.fit import fit, signature, step_seconds
from netwright.training.recipe import Recipe, default_recipe
from netwright.training.reports import Progress

MakeNet = Callable[..., nn.Sequential]
FULL = Recipe(
    steps=8, batch_size=16, lr=0.01, warmup_steps=2, crop_padding=1, erasing=0.5, mixup=0.2,
    label_smoothing=0.1, clip_norm=1.0, ema_decay=0.9,
)  # fmt: skip


class Killed(Exception):  # noqa: N818 (what happens to a process)
    """Stands for the power cut."""


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


def test_it_learns_digits(digits: ImageData, make_net: MakeNet) -> None:
    net = make_net()
    told: list[Progress] = []
    fitted = fit(
        net, digits, recipe=default_recipe(digits, epochs=4), seed=0, on_progress=told.append,
        progress_seconds=0.0,
    )  # fmt: skip
    assert fitted.status == "ok" and fitted.reason is None and not net.training
    assert fitted.val_accuracy is not None and fitted.val_accuracy > 0.6
    found = evaluate(net, digits)
    assert (found.accuracy, found.loss) == (fitted.val_accuracy, fitted.val_loss)
    assert fitted.history[-1].step == fitted.steps == told[-1].steps
    assert [point.step for point in fitted.history] == sorted({p.step for p in fitted.history})
    assert told[-1].seconds_left == 0 and told[-1].val_accuracy is not None
    assert told[0].loss > told[-1].loss
    assert json.loads(json.dumps(asdict(fitted)))["device"] == "cpu"


@pytest.mark.parametrize("kill_at", [1, 4, 7])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_killed_and_resumed_is_bit_identical(
    digits: ImageData, make_net: MakeNet, tmp_path: Path, kill_at: int, optimizer: str
) -> None:
    recipe = replace(FULL, optimizer=optimizer)
    path = tmp_path / "training.safetensors"

    def kill(progress: Progress) -> None:
        if progress.step == kill_at:
            raise Killed

    whole = make_net()
    straight = fit(whole, digits, recipe=recipe, seed=3, eval_every=3)
    with pytest.raises(Killed):
        fit(
            make_net(), digits, recipe=recipe, seed=3, eval_every=3, checkpoint=path,
            checkpoint_seconds=0.0, on_progress=kill, progress_seconds=0.0,
        )  # fmt: skip
    resumed = make_net(seed=99)  # its weights come from the checkpoint
    fitted = fit(resumed, digits, recipe=recipe, seed=3, eval_every=3, checkpoint=path)
    assert same_weights(whole, resumed)
    assert fitted.history == straight.history
    assert fitted.val_loss == straight.val_loss and fitted.images == straight.images


def test_a_finished_training_is_not_repeated(
    digits: ImageData, make_net: MakeNet, tmp_path: Path
) -> None:
    path = tmp_path / "t.safetensors"
    first, second = make_net(), make_net(seed=5)
    one = fit(first, digits, recipe=FULL, seed=0, checkpoint=path)
    stamp = path.stat().st_mtime_ns
    two = fit(second, digits, recipe=FULL, seed=0, checkpoint=path)
    assert same_weights(first, second) and path.stat().st_mtime_ns == stamp
    assert two.val_loss == one.val_loss and two.history == one.history


def test_in_pieces_is_the_same_as_at_once(
    digits: ImageData, make_net: MakeNet, tmp_path: Path
) -> None:
    whole, pieces = make_net(), make_net()
    fit(whole, digits, recipe=FULL, seed=0)
    for until in (3, 5, None):
        fitted = fit(pieces, digits, recipe=FULL, seed=0, checkpoint=tmp_path / "t", until=until)
        assert fitted.steps == (until or 8)
    assert same_weights(whole, pieces)


def test_another_checkpoint_is_refused(
    digits: ImageData, make_net: MakeNet, tmp_path: Path
) -> None:
    path = tmp_path / "t.safetensors"
    fit(make_net(), digits, recipe=FULL, seed=0, checkpoint=path, until=1)
    with seeded(0):
        other_net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    for arguments, word in (
        ({"recipe": replace(FULL, lr=0.5)}, "recipe"),
        ({"seed": 1}, "seed"),
        ({"module": other_net}, "network"),
        ({"data": open_data("digits", seed=1)}, "data"),
    ):
        given = {"module": make_net(), "data": digits, "recipe": FULL, "seed": 0} | arguments
        with pytest.raises(UsageError, match=f"training with another {word};"):
            fit(**given, checkpoint=path)  # type: ignore[arg-type]


def test_a_loss_that_is_not_finite_is_an_outcome(digits: ImageData, make_net: MakeNet) -> None:
    recipe = replace(FULL, optimizer="sgd", lr=1e3, clip_norm=0.0, warmup_steps=0, steps=60)
    fitted = fit(make_net(), digits, recipe=recipe, seed=0)
    assert fitted.status == "failed" and fitted.val_accuracy is None
    assert fitted.reason is not None and fitted.reason.startswith(("loss became", "validation"))
    assert fitted.steps <= 60


def test_nan_at_a_known_step(digits: ImageData, make_net: MakeNet) -> None:
    calls = []

    def criterion(
        outputs: torch.Tensor, images: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        calls.append(0)
        return outputs.mean() * (float("nan") if len(calls) == 5 else 1.0)

    fitted = fit(make_net(), digits, recipe=FULL, seed=0, criterion=criterion)
    assert fitted.reason == "loss became nan at step 5"


def test_images_that_are_not_kept_train_alike(
    make_folder: Callable[..., Path], make_net: MakeNet
) -> None:
    root = str(make_folder({"a": 12, "b": 12}))
    kept, streamed = open_data(root), open_data(root, limit_bytes=0)
    recipe = Recipe(steps=3, batch_size=8, flip=True, crop_padding=1)
    one, other = make_net(channels=3, classes=2), make_net(channels=3, classes=2)
    fit(one, kept, recipe=recipe, seed=0)
    fit(other, streamed, recipe=recipe, seed=0)
    assert same_weights(one, other)


def test_seconds_of_a_step(digits: ImageData, make_net: MakeNet) -> None:
    net = make_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert step_seconds(net, digits, recipe=FULL, warmup=1, least_steps=2, least_seconds=0) > 0
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_slow_steps_are_not_taken_many_times(digits: ImageData, make_net: MakeNet) -> None:
    taken: list[int] = []
    net = make_net()
    net.register_forward_hook(lambda *_: taken.append(1))
    assert step_seconds(net, digits, recipe=FULL, least_steps=90, most_seconds=0.0) > 0
    assert sum(taken) == 2


def test_threads_are_left_alone(digits: ImageData, make_net: MakeNet) -> None:
    threads = torch.get_num_threads()
    fit(make_net(), digits, recipe=replace(FULL, steps=2), seed=0)
    assert torch.get_num_threads() == threads


def test_a_signature_is_of_the_network_not_its_weights(make_net: MakeNet) -> None:
    assert signature(make_net(seed=0)) == signature(make_net(seed=1))
    assert signature(make_net(classes=3)) != signature(make_net())
