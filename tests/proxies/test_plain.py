"""Plain saliency: by hand, and zero where the loss does not see the scale of weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.plain import plain


def test_by_hand() -> None:
    """Logits w*x of one pixel x = 2 with w = (1, -1), label 1: sum w (p - e) x = 4 p."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False)).double()
    net.get_parameter("1.weight").data.copy_(torch.tensor([[1.0], [-1.0]]))
    batch = [(torch.full((1, 1, 1, 1), 2.0), torch.tensor([1]))]
    p = float(torch.softmax(torch.tensor([2.0, -2.0]), 0)[0])
    assert plain(net, batch) == pytest.approx(4 * p, rel=1e-6)


def test_layers_before_batch_norm_cancel(batches: list[Batch]) -> None:
    """Euler: a loss that does not change with the scale of w has w . dL/dw = 0."""
    torch_net = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8, eps=1e-12), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.BatchNorm1d(32),
    ).double()  # fmt: skip
    assert plain(torch_net, batches) == pytest.approx(0, abs=1e-9)
