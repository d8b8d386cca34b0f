"""SynFlow against the product of magnitudes, and what must not move it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.synflow import synflow


def chain(act: nn.Module) -> nn.Sequential:
    net = nn.Sequential(
        nn.Conv2d(3, 5, 8, bias=False), nn.BatchNorm2d(5), act, nn.Flatten(),
        nn.Linear(5, 7, bias=False), act, nn.Linear(7, 4, bias=False),
    )  # fmt: skip
    draw = torch.Generator().manual_seed(2)
    for index in (0, 1, 4, 6):
        p = net.get_parameter(f"{index}.weight")
        p.data.copy_(torch.randn(p.shape, generator=draw) * (9 if index == 1 else 3))
    return net


def test_by_hand(batches: list[Batch]) -> None:
    """Without biases every layer carries the whole flow R, so the sum is layers times R."""
    net = chain(nn.ReLU())
    w = [
        np.abs(net.get_parameter(f"{i}.weight").detach().numpy().astype(float)) for i in (0, 4, 6)
    ]
    flow = (w[2] @ w[1] @ w[0].reshape(5, -1).sum(1)).sum()
    assert synflow(net, batches) == pytest.approx(math.log(3 * flow), rel=1e-12)


@pytest.mark.parametrize(
    "act",
    [
        nn.ReLU6(),
        nn.ReLU(inplace=True),
        nn.SiLU(),
        nn.Hardswish(),
        nn.GELU(),
        nn.PReLU(),
        nn.ELU(),
    ],
    ids=lambda act: type(act).__name__,
)
def test_no_activation_clips_or_bends(act: nn.Module, batches: list[Batch]) -> None:
    assert synflow(chain(act), batches) == pytest.approx(synflow(chain(nn.ReLU()), batches))


def test_needs_no_data_no_sign_and_no_statistics(batches: list[Batch]) -> None:
    net = chain(nn.ReLU6())
    expected = synflow(net, batches)
    other = [(torch.full((1, 3, 8, 8), torch.nan), torch.zeros(1))]
    net.get_parameter("4.weight").data.mul_(-1)
    net.get_buffer("1.running_var").fill_(1e6)
    net.get_parameter("1.weight").data.fill_(0)
    assert synflow(net, other) == expected
    assert synflow(net.double(), other) == pytest.approx(expected)


def test_scaling_a_layer_adds_its_log(batches: list[Batch]) -> None:
    net = chain(nn.SiLU())
    before = synflow(net, batches)
    net.get_parameter("6.weight").data.mul_(2.0**20)
    assert synflow(net, batches) == pytest.approx(before + 20 * math.log(2))


def test_too_deep_for_float32_but_not_for_float64(batches: list[Batch]) -> None:
    wide = nn.Sequential(nn.Flatten(), nn.Linear(192, 64, bias=False))
    wide.extend([nn.Linear(64, 64, bias=False) for _ in range(40)])
    for p in wide.parameters():
        p.data.fill_(1.0)
    flow = math.log(41) + math.log(192) + 41 * math.log(64)
    assert synflow(wide, batches) == pytest.approx(flow, rel=1e-12)
    wide.extend([nn.Linear(64, 64, bias=False) for _ in range(140)])
    for p in wide.parameters():
        p.data.fill_(1.0)
    with pytest.raises(ScoreFailed, match="beyond the range"):
        synflow(wide, batches)


class Gated(nn.Module):
    """A chain whose map passes a squeeze-and-excitation gate and uniform attention."""

    def __init__(self, inner: nn.Sequential, gate: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.inner, self.gate = inner, gate
        self.squeeze, self.excite = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 3, 1)
        self.query = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.relu(self.squeeze(x.mean((2, 3), keepdim=True) * 1e9))
        x = x * self.gate(self.excite(pooled))
        tokens = x.flatten(2).transpose(1, 2)
        q = self.query(tokens)
        x = nn.functional.scaled_dot_product_attention(q, q, tokens).transpose(1, 2).view_as(x)
        result: Tensor = self.inner(x)
        return result


@pytest.mark.parametrize("gate", [torch.sigmoid, nn.Hardsigmoid(), Tensor.sigmoid])
def test_gates_and_attention_neither_amplify_nor_count(
    gate: Callable[[Tensor], Tensor], batches: list[Batch]
) -> None:
    net = chain(nn.ReLU())
    assert synflow(Gated(net, gate), batches) == pytest.approx(synflow(net, batches))


def test_a_cut_network_fails(batches: list[Batch]) -> None:
    net = chain(nn.ReLU())
    net.get_parameter("4.weight").data.zero_()
    with pytest.raises(ScoreFailed, match="no path"):
        synflow(net, batches)
