"""Gradients taken apart by image equal each image's own, or it is said that they cannot be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from netwright.proxies.borrow import borrowed, logits
from netwright.proxies.taps import Taps, by_image, paired

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "dense": lambda: nn.Conv2d(4, 6, 3, padding=1),
    "depthwise": lambda: nn.Conv2d(4, 4, 5, stride=2, padding=2, groups=4),
    "grouped": lambda: nn.Conv2d(4, 6, (1, 3), dilation=(1, 2), groups=2, bias=False),
    "pointwise": lambda: nn.Conv2d(4, 6, 1),
    "strided pointwise": lambda: nn.Conv2d(4, 6, 1, stride=2),
    "padded pointwise": lambda: nn.Conv2d(4, 6, 1, padding=1),
    "tokens": lambda: nn.Linear(7, 3),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_each_kind_of_layer(kind: str) -> None:
    layer = LAYERS[kind]().double()
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, 7, 7, generator=draw, dtype=torch.float64)
    y = layer(x)
    g = torch.randn(y.shape, generator=draw, dtype=torch.float64)
    weight = layer.get_parameter("weight")
    found = by_image(layer, x, g, weight)
    for i in range(3):
        (grad,) = torch.autograd.grad(y[i], weight, g[i], retain_graph=True)
        assert torch.allclose(found[i], grad)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(20, 30, 1), (3, 20, 1, 3)),
        (nn.Conv2d(20, 30, 1, stride=2), (3, 20, 2, 3)),
        (nn.Linear(20, 30), (3, 20)),
        (nn.Linear(20, 30), (3, 2, 20)),
    ],
)
def test_products_without_gradients(layer: nn.Module, shape: tuple[int, ...]) -> None:
    draw = torch.Generator().manual_seed(1)
    layer = layer.double()
    x = torch.randn(shape, generator=draw, dtype=torch.float64)
    g = torch.randn(layer(x).shape, generator=draw, dtype=torch.float64)
    weight = layer.get_parameter("weight")
    grads = by_image(layer, x, g, weight).flatten(1)
    found = paired(layer, x, g, weight)
    assert found is not None and torch.allclose(found, grads @ grads.T)


def test_products_are_left_where_gradients_are_cheaper() -> None:
    for layer in (nn.Conv2d(4, 6, 1), nn.Conv2d(4, 6, 3), nn.Conv2d(4, 4, 1, groups=4)):
        x = torch.ones(2, 4, 7, 7)
        assert paired(layer, x, layer(x), layer.get_parameter("weight")) is None


class By(nn.Module):
    """A network whose forward pass is given."""

    def __init__(self, call: Callable[[By, Tensor], Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.call = call
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self, x)


def covered(net: nn.Module) -> bool:
    with borrowed(net, batch_statistics=False) as view:
        images = torch.ones(2, 3, 8, 8, requires_grad=True)
        taps = Taps(view, images)
        with taps.open():
            scores = logits(view, images)
        return taps.cover(scores)


class Standardised(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        result: Tensor = self._conv_forward(input, self.weight * 2, self.bias)
        return result


def mean(net: By, x: Tensor) -> Tensor:
    result: Tensor = net.get_submodule("a")(x).mean((2, 3))
    return result


def folded(net: By, x: Tensor) -> Tensor:
    result: Tensor = net.get_submodule("a")(x.reshape(4, 96)).reshape(2, -1)
    return result


def constant(net: By, x: Tensor) -> Tensor:
    result: Tensor = mean(net, x) + net.get_submodule("b")(torch.ones(2, 3))
    return result


def by_hand(net: By, x: Tensor) -> Tensor:
    weight = net.get_submodule("b").weight
    assert isinstance(weight, Tensor)
    return mean(net, x) + x.mean((2, 3)) @ weight.T


def test_what_can_be_taken_apart() -> None:
    assert covered(By(mean, a=nn.Conv2d(3, 4, 1)))
    assert covered(By(mean, a=nn.Conv2d(3, 4, 1), b=nn.Linear(3, 4)))
    assert covered(By(mean, a=nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))))


@pytest.mark.parametrize(
    "net",
    [
        By(mean, a=Standardised(3, 4, 1)),
        By(mean, a=nn.Conv2d(3, 4, 3, padding="same")),
        By(mean, a=nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")),
        By(mean, a=nn.ConvTranspose2d(3, 4, 1)),
        By(mean, a=nn.Sequential(nn.Conv2d(3, 4, 1), nn.InstanceNorm2d(4))),
        By(folded, a=nn.Linear(96, 4)),
        By(constant, a=nn.Conv2d(3, 4, 1), b=nn.Linear(3, 4)),
        By(by_hand, a=nn.Conv2d(3, 4, 1), b=nn.Linear(3, 4)),
    ],
    ids=["standardised", "same", "reflect", "transposed", "norm", "folded", "constant", "by hand"],
)
def test_what_cannot(net: nn.Module) -> None:
    assert not covered(net)
