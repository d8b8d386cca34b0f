"""Feature maps: their strides, their values, and a torchvision detector that learns on them."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import FeaturePyramidNetwork

from netwright import catalog
from netwright.arch.graph import Architecture, Draft, Placed
from netwright.arch.ops import GlobalPool, Linear
from netwright.errors import UsageError
from netwright.exporters.features import Features, levels
from netwright.exporters.network import load_network
from netwright.nn.seeding import seeded


def test_every_size_has_a_level_and_the_head_is_left_out() -> None:
    found = levels(catalog.architecture("efficientnet_b0"))
    assert [(level.stride, level.channels) for level in found] == [
        (2, 16),
        (4, 24),
        (8, 40),
        (16, 112),
        (32, 320),
    ]  # fmt: skip (timm's features_only gives the same)
    assert [level.node for level in found][-1].startswith("blocks.6.0")


@pytest.mark.parametrize("name", ["nasnet_a_cifar", "zico_450m"])
def test_networks_that_are_not_staged_have_levels_too(name: str) -> None:
    strides = [level.stride for level in levels(catalog.architecture(name))]
    assert strides == sorted(set(strides)) and strides[-1] >= 4


def test_the_maps_are_those_of_the_whole_network_at_any_size() -> None:
    network = load_network(catalog.architecture("mnasnet_small", classes=4, resolution=64), None)
    features = Features(network, strides=(8, 32))
    assert features.strides == (8, 32) and not features.training
    images = torch.rand(2, 3, 96, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        eighth, last = features(images)
        whole = dict(network.module.named_modules())
        pooled = whole["act2"](whole["bn2"](whole["conv_head"](last))).mean((2, 3))
        assert torch.allclose(whole["classifier"](pooled), network.module(images), atol=1e-5)
    assert eighth.shape == (2, features.channels[0], 12, 8)
    assert last.shape == (2, features.channels[1], 3, 2)


def test_what_is_not_there_is_one_sentence() -> None:
    network = load_network(catalog.architecture("mnasnet_small", classes=4, resolution=64), None)
    with pytest.raises(UsageError, match="no feature map of stride 3; it has 2, 4, 8, 16, 32"):
        Features(network, strides=[3])
    draft = Draft("flat", (3, 8, 8))
    draft.add("classifier", Linear(out=2), draft.add("pool", GlobalPool(), 0))
    with pytest.raises(UsageError, match="gives no feature map"):
        levels(Architecture((3, 8, 8), (Placed("", draft.block(), (0,)),)))


class Backbone(nn.Module):
    """What torchvision's detectors want: named maps of one width."""

    out_channels = 16

    def __init__(self, features: Features) -> None:
        super().__init__()
        self.features = features
        self.pyramid = FeaturePyramidNetwork(list(features.channels), self.out_channels)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        maps = OrderedDict((str(i), x) for i, x in enumerate(self.features(images)))
        found: dict[str, Tensor] = self.pyramid(maps)
        return found


def test_a_detector_of_torchvisions_takes_a_training_step() -> None:
    network = load_network(catalog.architecture("mnasnet_small", classes=4, resolution=64), None)
    with seeded(0):
        features = Features(network, strides=(8, 16, 32)).train()
        anchors = AnchorGenerator(((16,), (32,), (64,)), ((1.0,),) * 3)
        detector = RetinaNet(
            Backbone(features), 3, anchor_generator=anchors, min_size=64, max_size=64
        )
        optimiser = torch.optim.SGD(detector.parameters(), lr=0.01)
        images = [torch.rand(3, 64, 64) for _ in range(2)]
        boxes = torch.tensor([[8.0, 8.0, 40.0, 40.0]])
        targets = [{"boxes": boxes, "labels": torch.tensor([k])} for k in (1, 2)]
        before = features.body.get_parameter("conv_stem.weight").detach().clone()
        losses = detector(images, targets)
        total = sum(losses.values())
        total.backward()
        optimiser.step()
    assert set(losses) == {"classification", "bbox_regression"} and torch.isfinite(total)
    assert not torch.equal(before, features.body.get_parameter("conv_stem.weight"))
    assert "act2" not in dict(features.body.named_modules())
