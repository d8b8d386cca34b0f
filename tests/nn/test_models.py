"""Networks as the user names them, tried on the images they are for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from netwright.errors import UsageError
from netwright.nn.models import from_architecture, from_file, from_timm
from netwright.spaces.mobile import MobileSpace

SHAPE = (3, 32, 32)


def test_an_architecture_must_be_made_for_the_images() -> None:
    space = MobileSpace(10, 32)
    arch = space.decode(tuple(0 for _ in space.choices))
    model = from_architecture(arch, shape=SHAPE, classes=10, seed=0, device="cpu")
    assert model(torch.zeros(2, *SHAPE)).shape == (2, 10)
    with pytest.raises(UsageError, match="takes images"):
        from_architecture(arch, shape=(1, 32, 32), classes=10, seed=0, device="cpu")
    with pytest.raises(UsageError, match="has 10 classes"):
        from_architecture(arch, shape=SHAPE, classes=3, seed=0, device="cpu")


def test_timm_weights_follow_the_seed_and_leave_the_generator() -> None:
    before = torch.random.get_rng_state()

    def stem(seed: int) -> torch.Tensor:
        model = from_timm("mobilenetv3_small_050", shape=SHAPE, classes=5, seed=seed, device="cpu")
        return model.get_parameter("conv_stem.weight")

    one, same, other = stem(0), stem(0), stem(1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


SOURCE = """
from torch import nn
def good(classes):
    pool = nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), pool, nn.Flatten(), nn.Linear(4, classes))
def fixed():
    return good(7)
def grey():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten())
def number():
    return 3
"""


def test_functions_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)

    def load(name: str, classes: int = 7) -> torch.nn.Module:
        return from_file(f"{path}:{name}", shape=SHAPE, classes=classes, seed=0, device="cpu")

    assert load("good", 3)(torch.zeros(1, *SHAPE)).shape == (1, 3)
    assert load("fixed").training
    for name, words in (
        ("grey", "does not take images of shape"),
        ("number", "returned a int"),
        ("none", "has no function 'none'"),
    ):
        with pytest.raises(UsageError, match=words):
            load(name)
    with pytest.raises(UsageError, match=r"expected \(2, 4\)"):
        load("fixed", 4)
    with pytest.raises(UsageError, match="There is no file"):
        from_file("nowhere.py:f", shape=SHAPE, classes=7, seed=0, device="cpu")
