"""One training from Python: fresh, inherited, gone on with, refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import netwright as nw
from netwright.arch.staged import Layer, Staged, parse_stage
from netwright.errors import UsageError
from netwright.nn.ancestors import Ancestor
from netwright.trained import Trained, train

STEM = Layer(kind="cn", out=8, skip=False)
SMALL = Staged(
    input_shape=(3, 8, 8),
    stem=STEM,
    stages=(parse_stage("ir_r2_k3_s2_e3_c12"), parse_stage("ir_r2_k3_s2_e3_c16")),
    head=replace(STEM, out=24, kernel=1),
    classes=3,
    name="small",
)


@pytest.fixture
def parent() -> Ancestor:
    """A relative with a block more in every stage, that tells seven classes apart."""
    stages = tuple((*layers, layers[-1]) for layers in SMALL.stages)
    arch = replace(SMALL, stages=stages, classes=7).architecture()
    return Ancestor(name="parent", arch=arch, state=nw.build(arch, seed=9).state_dict())


def test_an_architecture_is_trained_into_a_folder(photos: Path, tmp_path: Path) -> None:
    arch = SMALL.architecture()
    told = nw.train(arch, str(photos), epochs=1, out=tmp_path / "mine")
    assert isinstance(told, Trained) and told.inherited is None and 0 <= told.val_accuracy <= 1
    assert nw.Architecture.from_json((tmp_path / "mine/best.json").read_text()) == arch
    stored = json.loads((tmp_path / "mine/result.json").read_text())
    assert stored == {
        "arch": "small", **told.facts(), "data": str(photos), "recipe": told.recipe
    }  # fmt: skip
    assert "inherited" not in stored


def test_what_was_inherited_is_told_and_kept_for_those_who_resume(
    photos: Path, tmp_path: Path, parent: Ancestor
) -> None:
    arch, place = SMALL.architecture(), tmp_path / "mine"
    first = train(arch, str(photos), epochs=1, inherit=parent, out=place)
    assert first.inherited is not None
    assert first.inherited["asked"] == first.inherited["source"] == "parent"
    classifier = 3 * 24 + 3
    assert first.inherited["inherited"] == first.inherited["params"] - classifier
    assert first.inherited["calibration_images"] > 0
    again = train(arch, str(photos), epochs=1, out=place, resume=True)
    assert again.inherited == first.inherited and again.val_accuracy == first.val_accuracy
    with pytest.raises(UsageError, match="began from parent; leave out --inherit"):
        train(arch, str(photos), epochs=1, inherit="lite0", out=place, resume=True)
    with pytest.raises(UsageError, match="already holds a training; add --resume"):
        train(arch, str(photos), epochs=1, out=place)


def test_a_fresh_training_cannot_inherit_later(
    photos: Path, tmp_path: Path, parent: Ancestor
) -> None:
    arch, place = SMALL.architecture(), tmp_path / "mine"
    train(arch, str(photos), epochs=1, out=place)
    with pytest.raises(UsageError, match="began with fresh weights; leave out --inherit"):
        train(arch, str(photos), epochs=1, inherit=parent, out=place, resume=True)


def test_any_module_is_trained_in_place_but_inherits_nothing(
    photos: Path, tmp_path: Path, parent: Ancestor
) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 3))
    told = train(module, str(photos), epochs=1, resolution=8, out=tmp_path / "mine")
    assert not (told.folder / "best.json").exists()
    stored = load_file(told.folder / "weights.safetensors")
    assert torch.equal(stored["1.weight"], module.state_dict()["1.weight"])
    with pytest.raises(UsageError, match="Only an architecture of ours can inherit weights"):
        train(module, str(photos), epochs=1, resolution=8, inherit=parent, out=tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_search_is_not_overwritten(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("")
    with pytest.raises(UsageError, match="holds a search"):
        train(SMALL.architecture(), str(photos), epochs=1, out=tmp_path)
