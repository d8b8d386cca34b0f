"""Per-image gradients, with normalisation held at the batch's statistics."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from netwright.nn.seeding import seeded
from netwright.proxies.borrow import Batch, borrowed, logits
from netwright.proxies.per_sample import Reader, read, settled
from netwright.proxies.sharing import Circle, Scene


def test_settled_statistics_are_the_batchs(net: nn.Module, batches: list[Batch]) -> None:
    images = batches[0][0]
    before = {name: b.clone() for name, b in net.named_buffers()}
    stem = net.get_submodule("0")(images)
    found = settled(net, images)
    assert torch.allclose(found["1.running_mean"], stem.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(found["1.running_var"], stem.var((0, 2, 3)), atol=1e-5)
    assert all(torch.equal(b, before[name]) for name, b in net.named_buffers())
    assert all(m.momentum == 0.1 for m in net.modules() if isinstance(m, nn.BatchNorm2d))


Rows = dict[str, Tensor]


def gradients(net: nn.Module, batches: list[Batch]) -> tuple[Rows, Rows]:
    """By layer name (B, *weight), of two objectives that share a forward pass."""
    found: tuple[Rows, Rows] = {}, {}

    def into(rows: Rows, first: int, grads: Rows) -> None:
        for name, grad in grads.items():
            whole = rows.setdefault(name, torch.zeros(6, *grad.shape[1:], dtype=grad.dtype))
            whole[first : first + len(grad)] += grad

    circle = Circle(
        {
            "one": Reader(
                value=float,
                objective=lambda s, i: s.square().sum() * (i + 1),
                take=partial(into, found[0]),
            ),
            "two": Reader(
                value=float, objective=lambda s, _: -s.square().sum(), take=partial(into, found[1])
            ),
        }
    )
    read(circle, Scene(module=net, batches=batches, seed=0))
    return found


class Twice(nn.Module):
    """A convolution called twice, one called by hand if asked, strides, groups and tokens."""

    def __init__(self, *, by_hand: bool) -> None:
        super().__init__()
        self.by_hand = by_hand
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.again = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2)
        self.point = nn.Conv2d(4, 6, 1, stride=2, bias=False)
        self.tokens = nn.Linear(6, 5, bias=False)
        self.head = nn.Linear(5, 4)
        self.unused = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(torch.tanh(self.again(self.stem(x))))
        x = F.conv2d(x, self.point.weight, stride=2) if self.by_hand else self.point(x)
        x = torch.tanh(self.tokens(x.flatten(2).transpose(1, 2)))
        self.unused(x)
        result: Tensor = self.head(x.mean(1))
        return result


@pytest.mark.parametrize("kind", ["small", "twice", "by hand"])
def test_gradients_are_each_images_own(kind: str, net: nn.Module, batches: list[Batch]) -> None:
    with seeded(1):
        net = net if kind == "small" else Twice(by_hand=kind == "by hand")
    net, images = net.double(), batches[0][0]
    found = gradients(net, batches)
    with borrowed(net, batch_statistics=False, replace=settled(net, images)) as view:
        for i in range(6):
            value = logits(view, images[i : i + 1]).square().sum()
            layers = list(view.layers.values())
            whole = torch.autograd.grad(value, layers, allow_unused=True)
            for name, grad in zip(view.layers, whole, strict=True):
                assert (name in found[0]) == (name != "unused")
                if name in found[0]:
                    assert torch.allclose(found[0][name][i], (i + 1) * grad), name
                    assert torch.allclose(found[1][name][i], -grad), name
