"""Tiny image sets, drawn here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from netwright.nn.seeding import seeded
from netwright.rng import stream
from netwright.training.data import ImageData, open_data


@pytest.fixture(scope="session")
def digits() -> ImageData:
    return open_data("digits")


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder of noise images around one colour per class."""

    def make(
        counts: dict[str, int],
        *,
        under: str = ".",
        size: tuple[int, int] = (12, 12),
        mode: str = "RGB",
        suffix: str = "png",
    ) -> Path:
        root = tmp_path / "images"
        for index, (name, count) in enumerate(counts.items()):
            folder = root / under / name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                noise = stream(0, "test image", name, number).integers(0, 60, (*size[::-1], 3))
                noise[..., index % 3] += 120
                picture = Image.fromarray(noise.astype(np.uint8)).convert(mode)
                picture.save(folder / f"{number:03d}.{suffix}")
        return root

    return make


@pytest.fixture
def make_net() -> Callable[..., nn.Sequential]:
    """A small convolutional net with batch norm and dropout."""

    def make(channels: int = 1, classes: int = 10, seed: int = 0) -> nn.Sequential:
        with seeded(seed):
            return nn.Sequential(
                nn.Conv2d(channels, 8, 3, padding=1, bias=False),
                nn.BatchNorm2d(8),
                nn.ReLU(),
                nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8, bias=False),
                nn.BatchNorm2d(8),
                nn.ReLU(),
                nn.Conv2d(8, 32, 1, bias=False),
                nn.BatchNorm2d(32),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(4),
                nn.Flatten(),
                nn.Dropout(0.1),
                nn.Linear(512, classes),
            )

    return make


@pytest.fixture(autouse=True)
def untouched_generators() -> object:
    """No test of this folder may move torch's or NumPy's global generator."""
    before = torch.get_rng_state()
    numpy_before = np.random.get_state()[1].copy()  # type: ignore[index] # noqa: NPY002
    yield
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == numpy_before).all()  # type: ignore[index] # noqa: NPY002
