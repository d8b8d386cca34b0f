"""What trainings are given besides images: refused early, used by those it suits."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch

import netwright as nw
from netwright.errors import UsageError
from netwright.evaluators.training import SpeedEvaluator, TrainingEvaluator
from netwright.fakes import TinySpace
from netwright.nn.weights import save_weights
from netwright.trained import train
from netwright.training.recipe import default_recipe
from netwright.training.reference import DataRef
from netwright.training.support import ALONE, Support
from netwright.training.survey import peek_data

SPACE = nw.space("mobile", classes=3, resolution=8)
ARCH = SPACE.decode(SPACE.canonical(tuple(0 for _ in SPACE.choices)))
STRANGER = TinySpace().decode((0, 1, 0, 0))


@pytest.fixture(scope="module")
def relative(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same network, trained, whose folder can be inherited from and learned from."""
    place = tmp_path_factory.mktemp("support") / "relative"
    train(ARCH, str(photos), epochs=1, out=place)
    return str(place)


def test_it_is_names_alone_and_falsy_without_any() -> None:
    assert not ALONE and ALONE.to_dict() == {}
    both = Support(inherit="a", teacher="b")
    assert both
    assert both.to_dict() == {"inherit": "a", "teacher": "b"}
    assert both.of_probes == Support(inherit="a")


def test_a_network_begins_with_what_its_relative_has(photos: Path, relative: str) -> None:
    images = DataRef(source=str(photos), resolution=8).open()
    module, before = nw.build(ARCH, seed=1), nw.build(ARCH, seed=1)
    support = Support(inherit=relative)
    told = support.begin(module, ARCH, images, seed=0, device="cpu")
    assert told is not None and told.share == 1.0 and told.calibration_images > 0
    fresh, now = before.state_dict(), module.state_dict()
    assert not torch.equal(fresh["conv_stem.weight"], now["conv_stem.weight"])
    again = support.begin(module, ARCH, images, seed=0, device="cpu", fresh=False)
    assert again is not None and again.calibration_images == 0


def test_what_is_written_anew_under_an_old_name_is_read_anew(
    photos: Path, relative: str, tmp_path: Path
) -> None:
    place = tmp_path / "relative"
    shutil.copytree(relative, place)
    images = DataRef(source=str(photos), resolution=8).open()
    support, stems = Support(inherit=str(place)), []
    for seed in (3, 4):
        save_weights(
            nw.build(ARCH, seed=seed), place / "weights.safetensors", about=images.about()
        )
        os.utime(place / "weights.safetensors", ns=(seed, seed))
        module = nw.build(ARCH, seed=1)
        support.begin(module, ARCH, images, seed=0, device="cpu", fresh=False)
        stems.append(module.state_dict()["conv_stem.weight"])
    assert not torch.equal(*stems)


def test_a_stranger_begins_with_fresh_weights(photos: Path, relative: str) -> None:
    images = DataRef(source=str(photos), resolution=8).open()
    module = nw.build(STRANGER, seed=1)
    support = Support(inherit=relative)
    assert support.begin(module, STRANGER, images, seed=0, device="cpu") is None
    assert ALONE.begin(module, STRANGER, images, seed=0, device="cpu") is None
    for key, value in nw.build(STRANGER, seed=1).state_dict().items():
        assert torch.equal(value, module.state_dict()[key])


def test_what_does_not_suit_is_refused_before_anything_is_trained(
    photos: Path, relative: str, tmp_path: Path
) -> None:
    facts = peek_data(str(photos), resolution=8)
    Support(inherit=relative, teacher=relative).require(ARCH, facts, device="cpu")
    for support, arch, said in (
        (Support(inherit=relative), STRANGER, "stages"),
        (Support(inherit="nothing"), ARCH, "No timm model is called 'nothing'"),
        (Support(teacher=str(tmp_path)), ARCH, "holds no trained network to learn from"),
    ):
        with pytest.raises(UsageError, match=said):
            support.require(arch, facts, device="cpu")


def test_trainings_use_it_and_say_how_much(photos: Path, relative: str) -> None:
    data = DataRef(source=str(photos), resolution=8)
    recipe = default_recipe(data.open(), steps=2)
    alone, heirs, pupils = (
        TrainingEvaluator(data=data, recipe=recipe, support=support)(ARCH, seed=0).metrics
        for support in (ALONE, Support(inherit=relative), Support(teacher=relative))
    )
    assert heirs["inherited"] == 1.0 and "inherited" not in alone
    assert len({m["val_loss"] for m in (alone, heirs, pupils)}) == 3
    told = SpeedEvaluator(data=data, recipe=recipe, support=Support(teacher=relative))
    assert told(ARCH, seed=0).metrics["step_seconds"] > 0
