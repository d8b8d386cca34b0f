"""A checkpoint holds all that a training needs, and is never half written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from netwright.errors import UsageError
from netwright.nn.seeding import seeded
from netwright.training.checkpoint import read_checkpoint, restore, write_checkpoint
from netwright.training.data import ImageData
from netwright.training.recipe import Recipe
from netwright.training.stepper import Stepper


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_everything_comes_back(
    digits: ImageData, make_net: Callable[..., nn.Sequential], tmp_path: Path, optimizer: str
) -> None:
    recipe = Recipe(steps=5, lr=0.01, ema_decay=0.9, optimizer=optimizer)
    pixels = digits.pixels.take(digits.train.rows[:8])
    labels = torch.from_numpy(digits.train.labels[:8])

    def make(seed: int) -> Stepper:
        return Stepper(
            make_net(seed=seed), digits, recipe=recipe, seed=0, device=torch.device("cpu")
        )

    first, second = make(0), make(1)
    first(0, pixels, labels)
    path = tmp_path / "deep" / "c.safetensors"
    write_checkpoint(path, first, {"step": 1, "note": 0.1 + 0.2})
    assert [p.name for p in path.parent.iterdir()] == ["c.safetensors"]
    found = read_checkpoint(path)
    assert found.facts["step"] == 1 and found.facts["note"] == 0.1 + 0.2
    restore(second, found)
    first(1, pixels, labels)
    second(1, pixels, labels)
    for name, value in first.module.state_dict().items():
        assert torch.equal(value, second.module.state_dict()[name]), name
    assert first.average is not None and second.average is not None
    for name, value in first.average.tensors.items():
        assert torch.equal(value, second.average.tensors[name]), name


def test_tied_weights_can_be_written(digits: ImageData, tmp_path: Path) -> None:
    with seeded(0):
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10))
    net[2].weight = net[1].weight
    stepper = Stepper(net, digits, recipe=Recipe(steps=1), seed=0, device=torch.device("cpu"))
    write_checkpoint(tmp_path / "t", stepper, {})
    restore(stepper, read_checkpoint(tmp_path / "t"))


def test_other_files_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "c.safetensors"
    path.write_bytes(b"")
    with pytest.raises(UsageError, match=r"c.safetensors cannot be read as a training checkpoint"):
        read_checkpoint(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(UsageError, match="no training checkpoint of this version"):
        read_checkpoint(path)
