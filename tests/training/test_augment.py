"""Augmentations move pixels where they say, once per seed, for each image on its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from netwright.rng import stream
from netwright.training.augment import (
    augment,
    erase,
    mix,
    randaugment,
    resized_crop,
    shifted_crop,
)
from netwright.training.recipe import Recipe


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int) -> torch.Tensor:
    return torch.from_numpy(stream(0, "noise").integers(0, 256, shape).astype(np.uint8))


def test_nothing_asked_nothing_changed() -> None:
    pixels = noise(4, 8, 8, 3)
    plain = augment(pixels, Recipe(steps=1), resolution=8, generator=drawn())
    assert torch.equal(plain, pixels)


def test_flip_mirrors_about_half() -> None:
    pixels = noise(200, 6, 6, 3)
    seen = augment(pixels, Recipe(steps=1, flip=True), resolution=6, generator=drawn())
    same = (seen == pixels).flatten(1).all(dim=1)
    mirrored = (seen == pixels.flip(2)).flatten(1).all(dim=1)
    assert bool((same ^ mirrored).all()) and 70 < int(mirrored.sum()) < 130


def test_shifted_crops_are_windows_of_the_padded_image() -> None:
    pixels = noise(50, 6, 6, 3)
    mirrored = torch.arange(50) % 2 == 1
    seen = shifted_crop(pixels, mirrored, resolution=6, padding=2, generator=drawn())
    padded = np.pad(pixels.numpy(), ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    offsets = set()
    for n in range(50):
        image = seen[n].flip(1).numpy() if mirrored[n] else seen[n].numpy()
        places = [
            (y, x) for y in range(5) for x in range(5)
            if np.array_equal(padded[n, y : y + 6, x : x + 6], image)
        ]  # fmt: skip
        assert places
        offsets.update(places)
    assert len(offsets) > 12


def test_crop_from_a_larger_image_stays_inside() -> None:
    pixels = torch.arange(10, dtype=torch.uint8).view(1, 1, 10, 1).expand(30, 10, 10, 1)
    straight = torch.zeros(30, dtype=torch.bool)
    seen = shifted_crop(pixels, straight, resolution=8, padding=0, generator=drawn())
    assert seen.shape == (30, 8, 8, 1)
    assert sorted({int(v) for v in seen[:, 0, 0, 0]}) == [0, 1, 2]


def test_resized_crops_cover_what_they_say() -> None:
    ramp = torch.arange(64, dtype=torch.uint8).view(1, 1, 64, 1).expand(300, 64, 64, 1)
    mirrored = torch.arange(300) % 2 == 1
    seen = resized_crop(ramp, mirrored, resolution=32, scale=0.25, generator=drawn())
    assert seen.shape == (300, 32, 32, 1)
    width = (seen[:, 0, -1, 0] - seen[:, 0, 0, 0]).abs() / 63
    assert width.min() > 0.5 * (0.75**0.5) - 0.1 and width.max() > 0.9
    rising = seen[:, 0, -1, 0] > seen[:, 0, 0, 0]
    assert torch.equal(rising, ~mirrored)


def test_the_whole_image_as_resized_crop_is_a_plain_resize() -> None:
    pixels = noise(3, 16, 16, 3)
    straight = torch.zeros(3, dtype=torch.bool)
    seen = resized_crop(pixels, straight, resolution=16, scale=1.0, generator=drawn(5))
    assert seen.shape == pixels.shape  # the aspect still varies; the area is whole
    flat = torch.full((3, 16, 16, 3), 77, dtype=torch.uint8)
    level = resized_crop(flat, straight, resolution=8, scale=0.3, generator=drawn())
    assert torch.allclose(level, torch.full_like(level, 77.0))


def test_randaugment_keeps_type_and_shape_and_repeats() -> None:
    pixels = noise(64, 12, 12, 3)
    before = pixels.clone()
    first = randaugment(pixels, 9, generator=drawn())
    assert first.dtype == torch.uint8 and first.shape == pixels.shape
    assert torch.equal(first, randaugment(pixels, 9, generator=drawn()))
    assert not torch.equal(first, randaugment(pixels, 9, generator=drawn(1)))
    assert torch.equal(pixels, before)
    changed = (first != pixels).flatten(1).any(dim=1)
    assert 40 < int(changed.sum()) <= 64


def test_randaugment_grows_with_strength_and_takes_grey() -> None:
    pixels = noise(256, 12, 12, 1)

    def moved(strength: int) -> float:
        seen = randaugment(pixels, strength, generator=drawn())
        return float((seen.float() - pixels.float()).abs().mean())

    assert moved(2) < moved(9) < moved(25)


def test_erasing_blanks_one_rectangle() -> None:
    images = torch.ones(300, 2, 16, 16)
    seen = erase(images, 0.5, generator=drawn())
    hole = seen[:, 0] == 0
    assert torch.equal(hole, seen[:, 1] == 0)
    erased = hole.flatten(1).any(dim=1)
    assert 110 < int(erased.sum()) < 190
    for mask in hole[erased]:
        rows, columns = mask.any(dim=1), mask.any(dim=0)
        assert int(mask.sum()) == int(rows.sum()) * int(columns.sum())
    share = hole[erased].float().mean(dim=(1, 2))
    assert share.min() > 0.005 and share.max() < 0.45


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_targets_are_mixed_as_images_are(kind: str) -> None:
    count, side = 8, 20
    images = torch.arange(count).float().view(-1, 1, 1, 1).expand(count, 1, side, side).clone()
    targets = torch.eye(count)
    recipe = Recipe(steps=1, **{kind: 1.0})  # type: ignore[arg-type]
    for step in range(10):
        mixed, soft = mix(images, targets, recipe, rng=stream(0, "mix", step))
        means = mixed.mean(dim=(1, 2, 3))
        assert torch.allclose(means, soft @ torch.arange(count).float(), atol=1e-4)
        assert torch.allclose(soft.sum(dim=1), torch.ones(count), atol=1e-6)
    assert torch.equal(targets, torch.eye(count))


def test_both_mixes_take_turns() -> None:
    images = torch.stack([torch.zeros(1, 16, 16), torch.ones(1, 16, 16)])
    recipe = Recipe(steps=1, mixup=1.0, cutmix=1.0)
    kinds = set()
    for step in range(30):
        mixed, _ = mix(images, torch.eye(2), recipe, rng=stream(1, "mix", step))
        kinds.add(bool(((mixed == 0) | (mixed == 1)).all()))
    assert kinds == {True, False}
