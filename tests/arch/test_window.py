"""Windows against torch: what a convolution with these paddings gives."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from netwright.arch.window import PADDINGS, Padding, pair, window


def test_pair() -> None:
    assert pair(3) == (3, 3) and pair((1, 7)) == (1, 7)


@pytest.mark.parametrize("padding", PADDINGS)
def test_lengths_are_torchs(padding: Padding) -> None:
    for length in range(1, 20):
        for kernel in (1, 2, 3, 5):
            for stride in (1, 2, 3):
                for dilation in (1, 2):
                    out, before, after = window(length, kernel, stride, padding, dilation)
                    row = F.pad(torch.zeros(1, 1, length), (before, after))
                    if row.shape[-1] < dilation * (kernel - 1) + 1:
                        assert out < 1
                        continue
                    weight = torch.zeros(1, 1, kernel)
                    came = F.conv1d(row, weight, stride=stride, dilation=dilation)
                    assert came.shape[-1] == out
                    if padding == "same":
                        assert out == math.ceil(length / stride) and 0 <= after - before <= 1
