"""Parameter count against hand counts."""

from __future__ import annotations

import torch
from torch import nn

from netwright.proxies.params import params


def test_counts_every_parameter_and_no_buffer(net: nn.Module) -> None:
    convs = 6 * 3 * 9 + 2 * 6 * 6 * 9
    norms = 3 * 2 * 6
    assert params(net, []) == convs + norms + (6 * 5 + 5) + (5 * 4 + 4)


def test_frozen_count_and_shared_count_once() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    net[1].weight = net[0].weight
    net[0].weight.requires_grad_(False)
    assert params(net, [(torch.empty(1), torch.empty(1))]) == 16 + 4 + 4
