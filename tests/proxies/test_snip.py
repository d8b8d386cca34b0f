"""SNIP against plain backward passes and by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.plain import plain
from netwright.proxies.snip import snip


def test_against_backward(net: nn.Module, batches: list[Batch]) -> None:
    twin = copy.deepcopy(net).double().train()
    twin.get_submodule("8").eval()
    images, labels = batches[0]
    nn.functional.cross_entropy(twin(images.double()), labels).backward()  # type: ignore[no-untyped-call]
    layers = [m for m in twin.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    products = [m.weight.detach() * m.weight.grad for m in layers if m.weight.grad is not None]
    assert len(products) == 5
    assert snip(net.double(), batches) == pytest.approx(
        sum(float(p.abs().sum()) for p in products)
    )
    assert plain(net, batches) == pytest.approx(sum(float(p.sum()) for p in products), abs=1e-9)


def test_by_hand() -> None:
    """Logits w*x of one pixel x = 2 with w = (1, 0): p = softmax(2, 0), dL/dw = (p - e) x."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False)).double()
    net.get_parameter("1.weight").data.copy_(torch.tensor([[1.0], [0.0]]))
    batch = [(torch.full((1, 1, 1, 1), 2.0), torch.tensor([1]))]
    p = float(torch.softmax(torch.tensor([2.0, 0.0]), 0)[0])
    assert snip(net, batch) == pytest.approx(2 * p, rel=1e-6)


def test_scales_with_the_loss_and_ignores_the_order_of_images(
    net: nn.Module, batches: list[Batch], scaled: Callable[[nn.Module, float], nn.Module]
) -> None:
    net = net.double()
    images, labels = batches[0]
    turned = [(images.flip(0), labels.flip(0))]
    assert snip(scaled(net, 8.0), batches) == pytest.approx(8 * snip(net, batches))
    assert snip(net, turned) == pytest.approx(snip(net, batches))
