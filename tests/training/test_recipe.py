"""A recipe is exact as a dict, refuses nonsense, and fits data and length."""

from __future__ import annotations

import json

import pytest

from netwright.errors import UsageError
from netwright.training.recipe import Recipe, default_recipe, steps_per_epoch
from netwright.training.survey import DataFacts


def facts(
    count: int = 8500, *, resolution: int = 32, stored: int = 32, flip: bool = True
) -> DataFacts:
    return DataFacts(
        source="x", name="x", classes=("a", "b"), channels=3, resolution=resolution,
        stored=stored, flip=flip, counts={"train": (count // 2, count - count // 2)}, origins={},
    )  # fmt: skip


def test_exact_through_json() -> None:
    recipe = Recipe(steps=7, lr=0.1 + 0.2, amp="bf16", mixup=0.2)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 1, "learning_rate": 1}, "no setting 'learning_rate'"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": 1, "lr": float("nan")}, "lr is nan"),
        ({"steps": 1, "optimizer": "lion"}, "No optimizer is called 'lion'"),
        ({"steps": 1, "amp": "fp16"}, "amp is 'fp16'"),
        ({"steps": 5, "warmup_steps": 6}, "warmup_steps is 6; it must lie between 0 and 5"),
    ],
)
def test_nonsense_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Recipe.from_dict(values)


def test_half_precision_is_for_cuda() -> None:
    recipe = Recipe(steps=1)
    assert recipe.for_device("cuda:1").amp == "bf16"
    assert recipe.for_device("cuda").for_device("cpu").amp is None
    assert recipe.for_device("mps").amp is None


def test_an_epoch_is_full_batches() -> None:
    assert [steps_per_epoch(n, 64) for n in (10, 64, 127, 128)] == [1, 1, 1, 2]


def test_length_in_steps_or_epochs() -> None:
    by_epochs = default_recipe(facts(), epochs=2)
    assert by_epochs.steps == 2 * steps_per_epoch(8500, by_epochs.batch_size)
    assert default_recipe(facts(), steps=by_epochs.steps) == by_epochs
    for lengths in ({}, {"steps": 1, "epochs": 1.0}):
        with pytest.raises(UsageError, match="either as steps or as epochs"):
            default_recipe(facts(), **lengths)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="trains nothing"):
        default_recipe(facts(), epochs=0.001)


def test_the_longer_the_more_it_regularises() -> None:
    short, long = default_recipe(facts(), epochs=3), default_recipe(facts(), epochs=100)
    assert short.randaugment == 0 and short.erasing == 0
    assert long.randaugment > 0 and long.erasing > 0


def test_data_decides_crop_and_flip() -> None:
    small = default_recipe(facts(flip=False), epochs=100)
    assert not small.flip and small.crop_padding == 4 and small.crop_scale == 1
    assert small.randaugment == 0
    photos = default_recipe(facts(resolution=96, stored=110), epochs=3)
    assert photos.flip and photos.crop_padding == 0 and photos.crop_scale < 1


def test_a_small_set_gets_small_batches() -> None:
    assert default_recipe(facts(100), epochs=1).batch_size <= 16
