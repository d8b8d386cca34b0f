"""Multiply-adds against hand formulas and a published count."""

from __future__ import annotations

import timm
import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch
from netwright.proxies.macs import macs


def test_by_hand(net: nn.Module, batches: list[Batch]) -> None:
    convs = 64 * (6 * 3 * 9) + 2 * 64 * (6 * 6 * 9)
    assert macs(net, batches) == convs + 6 * 5 + 5 * 4


def test_grouped_strided_dilated_transposed_and_1d() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.grouped = nn.Conv2d(4, 8, 3, stride=2, padding=2, dilation=2, groups=4)
            self.back = nn.ConvTranspose2d(8, 2, 2, stride=2)
            self.line = nn.Conv1d(2, 3, 5)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.line(self.back(self.grouped(x)).flatten(2))
            return y.mean(2)

    batch = torch.zeros(2, 4, 8, 8), torch.zeros(2)
    grouped = (4 * 4) * 8 * (1 * 9)
    back = (4 * 4) * 8 * 2 * 4  # every input pixel times the kernel
    line = (8 * 8 - 4) * 3 * (2 * 5)
    assert macs(Odd(), [batch]) == grouped + back + line


def test_published_count_of_efficientnet_b0() -> None:
    with torch.device("meta"):
        net = timm.create_model("efficientnet_b0")
    assert macs(net, [(torch.empty(1, 3, 224, 224, device="meta"), torch.empty(1))]) == 385_814_752


def test_does_not_depend_on_batch_size_and_attention_is_left_out() -> None:
    class Attend(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(3, 9)

        def forward(self, x: Tensor) -> Tensor:
            q, k, v = self.qkv(x.flatten(2).transpose(1, 2)).chunk(3, dim=-1)
            return nn.functional.scaled_dot_product_attention(q, k, v).mean(1)

    for size in (1, 7):
        assert macs(Attend(), [(torch.zeros(size, 3, 4, 4), torch.zeros(size))]) == 16 * 27
