"""Plain torch modules read as architectures: the same outputs, gradients, costs and names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torchvision.models as models
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.contracts import Space
from netwright.errors import UsageError
from netwright.nn.build import build
from netwright.nn.own import read_module
from netwright.nn.seeding import seeded
from netwright.spaces.own import OwnSpace, own_space
from netwright.testing import SpaceContract

IMAGE = (3, 32, 32)


class Gated(nn.Module):
    """A residual, a gate, a join, functions and methods: what fx must follow."""

    def __init__(self, width: int = 8, depth: int = 1) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(width)
        rows = [nn.Conv2d(width, width, 3, padding="same", groups=width) for _ in range(depth)]
        self.rows = nn.ModuleList(rows)
        self.pool = nn.AvgPool2d(2)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width, 1), nn.Sigmoid()
        )
        self.head = nn.Linear(2 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(x)))
        for row in self.rows:
            x = x + torch.tanh(row(x))
        x = self.pool(x)
        y = self.gate(x) * x
        return self.head(torch.flatten(torch.cat([x, y], 1).mean((2, 3), keepdim=True), 1))  # type: ignore[no-any-return]


def make(width: int, depth: int) -> Architecture:
    return read_module(lambda: Gated(width, depth), image=IMAGE)


def torch_space() -> OwnSpace:
    return own_space("gated", {"width": (8, 16), "depth": (0, 1, 3)}, make)


class TestPlainTorch(SpaceContract):
    samples = 6

    def make(self) -> Space:
        return torch_space()


MAKERS: dict[str, Callable[[], nn.Module]] = {
    "gated": Gated,
    "resnet18": models.resnet18,
    "mobilenet_v2": models.mobilenet_v2,
    "mnasnet0_5": models.mnasnet0_5,
}


@pytest.mark.parametrize("name", ["gated", "resnet18", "mobilenet_v2", "mnasnet0_5"])
def test_outputs_gradients_and_costs_are_the_modules_own(name: str) -> None:
    with seeded(1):
        theirs = MAKERS[name]().double().eval()
    arch = read_module(MAKERS[name], image=IMAGE)
    ours = build(arch, seed=0, dtype=torch.float64).eval()
    assert set(ours.state_dict()) == set(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, *IMAGE, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(ours(images), theirs(images))
    ours(images).square().sum().backward()
    theirs(images).square().sum().backward()
    expected = {n: p.grad for n, p in theirs.named_parameters()}
    for key, p in ours.named_parameters():
        torch.testing.assert_close(p.grad, expected[key])
    assert cost(arch).params == sum(p.numel() for p in theirs.parameters())
    with FlopCounterMode(display=False) as counter:
        theirs.to("meta")(torch.empty(1, *IMAGE, device="meta", dtype=torch.float64))
    assert counter.get_total_flops() == 2 * cost(arch).macs
    assert Architecture.from_json(arch.to_json()) == arch


def test_nothing_is_allocated_and_no_generator_touched() -> None:
    before = torch.get_rng_state()
    arch = read_module(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(4096, 1 << 20)), image=(4096, 1, 1)
    )
    assert cost(arch).params == 4097 << 20
    assert torch.equal(before, torch.get_rng_state())


class Odd(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.conv, self.relu = how, nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> object:
        if self.how == "twice":
            return self.conv(self.conv(x))
        if self.how == "in place":
            return x + self.relu(x)
        if self.how == "data" and x.sum() > 0:
            return x
        if self.how == "softmax":
            return torch.softmax(x, 1)
        if self.how == "flatten":
            return torch.flatten(x, 1)
        if self.how == "two":
            return x, self.conv(x)
        return self.conv(x)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("twice", "calls conv twice"),
        ("in place", "which other layers read"),
        ("data", "cannot be traced"),
        ("softmax", "calls softmax"),
        ("flatten", "pool it to one pixel"),
        ("two", "more than one tensor"),
        ("map", "returns a map"),
    ],
)
def test_what_cannot_be_read_is_named(how: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_module(Odd(how), image=IMAGE)


@pytest.mark.parametrize(
    "layer",
    [
        nn.LSTM(3, 3),
        nn.GELU("tanh"),
        nn.Conv2d(3, 3, 3, padding=2),
        nn.AvgPool2d(2, ceil_mode=True),
    ],
)
def test_layers_without_a_word_are_named(layer: nn.Module) -> None:
    with pytest.raises(UsageError, match=r"Sequential\.0"):
        read_module(nn.Sequential(layer), image=IMAGE)
