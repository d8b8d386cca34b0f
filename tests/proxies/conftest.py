"""Small networks and batches that every proxy test shares."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from netwright.nn.seeding import seeded
from netwright.proxies.borrow import Batch

Maker = Callable[..., list[Batch]]


class Residual(nn.Module):
    """Conv-BN twice around a functional and an in-place activation, with a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)))
        result: Tensor = self.act(self.bn2(self.conv2(inner)) + x)
        return result


class Vector(nn.Module):
    """Averages the image and classifies that: no convolution, no map."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(x.mean((2, 3)))
        return result


@pytest.fixture
def vector() -> nn.Module:
    """A network of (B, 3, H, W) without a map in it."""
    return Vector()


def small_net() -> nn.Module:
    """Stem, one residual block, pooling, two linear layers and a dropout; 3x8x8 to 4 classes."""
    with seeded(3):
        return nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            Residual(6),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6, 5),
            nn.ReLU6(),
            nn.Dropout(0.5),
            nn.Linear(5, 4),
        )


def _make(n: int, *, size: int = 6, side: int = 8, seed: int = 0) -> list[Batch]:
    """``n`` batches of noise (size, 3, side, side) with labels 0..3 in turn."""
    draw = torch.Generator().manual_seed(seed)
    return [
        (torch.randn(size, 3, side, side, generator=draw), torch.arange(size) % 4)
        for _ in range(n)
    ]


@pytest.fixture
def net() -> nn.Module:
    return small_net()


@pytest.fixture
def batches() -> list[Batch]:
    return _make(2)


@pytest.fixture
def make_batches() -> Maker:
    """``make_batches(n, size=6, side=8, seed=0)``."""
    return _make


@pytest.fixture
def plain_net() -> nn.Module:
    """Conv (biased), ReLU, pool, linear; small enough to derive by hand."""
    with seeded(5):
        return nn.Sequential(
            nn.Conv2d(3, 4, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 4),
        ).double()


class Scaled(nn.Module):
    """A network whose gradients all come out multiplied, as if the loss were."""

    def __init__(self, inner: nn.Module, factor: float) -> None:
        super().__init__()
        self.inner, self.factor = inner, factor

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.inner(x)
        result = result * 1.0
        if result.requires_grad:
            result.register_hook(lambda g: g * self.factor)  # type: ignore[no-untyped-call]
        return result


@pytest.fixture
def scaled() -> Callable[[nn.Module, float], nn.Module]:
    return Scaled
