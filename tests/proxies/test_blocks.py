"""Blocks are found in module trees, in named graphs, and in plain chains."""

from __future__ import annotations

import timm
import torch
from torch import Tensor, nn

from netwright.nn.build import build
from netwright.proxies.blocks import Tapped
from netwright.proxies.borrow import Batch
from netwright.rng import stream
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.nasnet import NASNetSpace
from netwright.spaces.tokens import sample


def maps_of(module: nn.Module, images: Tensor) -> list[Tensor]:
    features: list[Tensor] = Tapped(module)(images)[1]
    return features


def test_blocks_of_timm_models_are_their_own() -> None:
    images = torch.zeros(1, 3, 64, 64)
    resnet = timm.create_model("resnet18").eval()
    channels = [f.shape[1] for f in maps_of(resnet, images)]
    assert channels == [64, 64, 128, 128, 256, 256, 512, 512]
    small = timm.create_model("mnasnet_small").eval()
    widths = [8, 16, 16, 16, 32, 32, 32, 32, 32, 32, 32, 88, 88, 88, 144]
    found = [f.shape[1] for f in maps_of(small, images)]
    assert found[1:] == widths[-len(found) + 1 :] and found[0] == 8


def test_blocks_of_a_built_graph_follow_its_names(batches: list[Batch]) -> None:
    space = MobileSpace(classes=4, resolution=32)
    arch = space.decode(sample(space, stream(0, "blocks")))
    net = build(arch, seed=0).eval()
    names = {n.name for n in arch.nodes}
    groups = {".".join(n.split(".")[:3]) for n in names if n.startswith("blocks.")}
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    tapped = Tapped(net)
    result, features = tapped(images)
    assert len(features) == len(groups)
    assert isinstance(result, Tensor) and torch.equal(result, net(images))
    with torch.no_grad():
        assert features[-1].shape[2] <= features[0].shape[2]


def test_blocks_of_a_nasnet_are_its_stem_and_cells() -> None:
    space = NASNetSpace(classes=10, resolution=32)
    arch = space.decode(sample(space, stream(0, "cells")))
    cells = {n.name.split(".")[0] for n in arch.nodes if "cell_" in n.name}
    net = build(arch, seed=0, device="meta").eval()
    features = maps_of(net, torch.zeros(1, 3, 32, 32, device="meta"))
    assert len(features) == 1 + len(cells) and {f.shape[2] for f in features} == {32, 16, 8}


def test_a_chain_without_blocks_gives_its_convolutions(batches: list[Batch]) -> None:
    chain = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU(), nn.Flatten()
    )
    assert [f.shape[1] for f in maps_of(chain, batches[0][0])] == [4, 5]


def test_lists_and_stages_are_containers_and_tapping_leaves_no_hook(
    batches: list[Batch], net: nn.Module
) -> None:
    residual = net.get_submodule("3")

    class Stage(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.entry = nn.Conv2d(3, 6, 1)
            self.body = nn.Sequential(residual, type(residual)(6))

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.body(self.entry(x))
            return result

    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stages = nn.ModuleList([Stage(), type(residual)(6)])

        def forward(self, x: Tensor) -> Tensor:
            for stage in self.stages:
                x = stage(x)
            return x

    module = Listed()
    assert len(maps_of(module, batches[0][0])) == 3
    assert not any(m._forward_hooks for m in module.modules())
