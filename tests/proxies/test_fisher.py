"""Fisher against activations and gradients kept by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.fisher import fisher


def test_against_numpy(plain_net: nn.Module, batches: list[Batch]) -> None:
    conv, linear = plain_net.get_submodule("0"), plain_net.get_submodule("4")
    a = conv(batches[0][0].double()).detach().requires_grad_()
    z = linear(torch.relu(a).mean((2, 3)))
    nn.functional.cross_entropy(z, batches[0][1]).backward()  # type: ignore[no-untyped-call]
    p = torch.softmax(z, 1).detach().numpy()
    dz = (p - np.eye(4)[batches[0][1]]) / 6
    assert a.grad is not None
    of_conv = 27 * ((a.detach().numpy() * a.grad.numpy()).sum((2, 3)) ** 2).mean(0).sum() / 2
    of_linear = 4 * ((z.detach().numpy() * dz) ** 2).mean(0).sum() / 2
    assert fisher(plain_net, batches) == pytest.approx(of_conv + of_linear, rel=1e-9)


def test_in_place_activations_do_not_change_it(plain_net: nn.Module, batches: list[Batch]) -> None:
    expected = fisher(plain_net, batches)
    plain_net.register_module("1", nn.ReLU(inplace=True))
    assert fisher(plain_net, batches) == expected


def test_tokens_count_channels_last(batches: list[Batch]) -> None:
    """A 1x1 convolution and the same map as a linear layer on tokens agree."""

    class Tokens(nn.Module):
        def __init__(self, conv: nn.Conv2d) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 4, bias=False)
            self.linear.weight = nn.Parameter(conv.weight.detach().flatten(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.linear(x.flatten(2).transpose(1, 2))).mean(1)

    conv = nn.Conv2d(3, 4, 1, bias=False).double()
    net = nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert fisher(Tokens(conv).double(), batches) == pytest.approx(fisher(net, batches))
