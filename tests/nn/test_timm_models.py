"""timm models by name, counted on the meta device."""

from __future__ import annotations

import pytest
import torch

from netwright.errors import UnknownNameError, UsageError
from netwright.nn.timm_models import cost_of_timm, timm_model


def test_counts_are_the_published_ones() -> None:
    assert cost_of_timm("efficientnet_b0") == (5_288_548, 385_814_752, 224)
    assert cost_of_timm("mnasnet_small", classes=10)[0] == 2_030_264 - 990 * 1281


def test_size_and_classes_are_followed() -> None:
    model, size = timm_model("vit_tiny_patch16_224", resolution=64, classes=5, channels=1)
    assert size == 64
    assert model(torch.zeros(1, 1, 64, 64)).shape == (1, 5)


def test_mistakes_are_one_sentence() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'resnet18'"):
        timm_model("resnet8")
    with pytest.raises(UsageError, match="does not take 3 px images"):
        cost_of_timm("vgg11", resolution=3)
