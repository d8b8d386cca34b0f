"""The one look at the test data: weights in place, an interval, no second look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from command_line import draw_photos
from netwright.arch.cost import cost
from netwright.exam import examine
from netwright.fakes import TinySpace
from netwright.finals import Final
from netwright.nn.build import build
from netwright.nn.weights import save_weights
from netwright.records import Outcome
from netwright.run_folder import RunFolder
from netwright.stats import wilson
from netwright.training.recipe import Recipe, default_recipe
from netwright.training.reference import DataRef

ARCH = TinySpace().decode((1, 1, 0, 0))
BEST = Final(
    role="search 1",
    tokens=(1, 1, 0, 0),
    arch_id=ARCH.id,
    cost=cost(ARCH),
    outcome=Outcome.of({"val_accuracy": 0.5}, seconds=1.0, device="cpu"),
)


@pytest.fixture
def data(tmp_path: Path) -> DataRef:
    for split, count in (("train", 6), ("test", 5)):
        draw_photos(tmp_path / "split" / split, dict.fromkeys(("red", "green", "blue"), count))
    return DataRef(source=str(tmp_path / "split"), resolution=8)


def trained(folder: RunFolder, recipe: Recipe) -> None:
    folder.finals.mkdir(parents=True)
    path = folder.finals / f"{ARCH.id}-{recipe.steps}.weights.safetensors"
    save_weights(build(ARCH, seed=0), path, about={})


def test_a_training_is_looked_at_once(
    data: DataRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, recipe = RunFolder(tmp_path / "run"), default_recipe(data.open(), steps=5)
    trained(folder, recipe)

    def look(recipe: Recipe, before: dict[str, Any] | None) -> dict[str, Any] | None:
        return examine(
            ARCH, BEST, recipe, data=data, folder=folder, seed=0, device="cpu", before=before
        )

    found = look(recipe, None)
    assert found is not None and folder.weights.is_file() and found["images"] == 15
    interval = wilson(round(15 * found["accuracy"]), 15)
    assert (found["low"], found["high"]) == (interval.low, interval.high)
    before = {"best": {"arch_id": ARCH.id}, "recipe": recipe.to_dict(), "test": {"accuracy": 9}}

    def never(*args: object, **options: object) -> None:
        raise AssertionError("the test data was looked at again")

    folder.weights.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("netwright.exam.evaluate", never)
        assert look(recipe, before) == {"accuracy": 9} and folder.weights.is_file()
    other = {**before, "best": {"arch_id": "another"}}
    assert look(recipe, other) == found
    longer = {**before, "recipe": {**recipe.to_dict(), "steps": 6}}
    assert look(recipe, longer) == found


def test_without_test_images_there_is_no_figure(photos: Path, tmp_path: Path) -> None:
    data, folder = DataRef(source=str(photos), resolution=8), RunFolder(tmp_path / "run")
    recipe = default_recipe(data.open(), steps=5)
    trained(folder, recipe)
    found = examine(ARCH, BEST, recipe, data=data, folder=folder, seed=0, device="cpu")
    assert found is None and folder.weights.is_file()
