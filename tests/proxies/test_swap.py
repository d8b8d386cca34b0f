"""SWAP against a set of rows, with few and with many images."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.swap import swap


@pytest.mark.parametrize("size", [1, 6, 62, 63, 130])
def test_against_a_set(
    plain_net: nn.Module, make_batches: Callable[..., list[Batch]], size: int
) -> None:
    batches = make_batches(1, size=size)
    on = plain_net.get_submodule("0")(batches[0][0].double()) > 0
    rows = {tuple(row) for row in on.reshape(size, -1).T.tolist()}
    assert swap(plain_net, batches) == len(rows)


def test_patterns_are_shared_between_layers(batches: list[Batch]) -> None:
    """The second ReLU sees the first one's output, so it adds no pattern."""
    net = nn.Sequential(nn.ReLU(), nn.ReLU(), nn.Flatten())
    rows = {tuple(row) for row in (batches[0][0] > 0).reshape(6, -1).T.tolist()}
    assert swap(net, batches) == len(rows)


def test_order_of_images_is_no_matter(net: nn.Module, batches: list[Batch]) -> None:
    turned = [(batches[0][0].flip(0), batches[0][1])]
    assert swap(net.double(), turned) == swap(net, batches)
    with pytest.raises(ScoreFailed, match="no ReLU-like"):
        swap(
            nn.Sequential(nn.Flatten(), nn.Linear(192, 2)),
            [(torch.ones(2, 3, 8, 8), batches[0][1])],
        )
