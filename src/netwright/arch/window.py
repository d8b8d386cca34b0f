"""Sliding windows: output length and padding of a convolution or a pool along one axis."""

from __future__ import annotations

import math
from typing import Literal

Size = int | tuple[int, int]
Padding = Literal["symmetric", "same", "valid"]
PADDINGS: tuple[str, ...] = Padding.__args__  # type: ignore[attr-defined]


def pair(size: Size) -> tuple[int, int]:
    """``3`` → ``(3, 3)``: height and width of a kernel, stride or dilation."""
    return (size, size) if isinstance(size, int) else size


def window(
    length: int, kernel: int, stride: int, padding: Padding, dilation: int = 1
) -> tuple[int, int, int]:
    """Output length of a sliding window along one axis, and the padding before and after it.

    ``symmetric`` pads ``((stride - 1) + dilation * (kernel - 1)) // 2`` on both sides, as timm and
    torchvision do; ``same`` pads as TensorFlow does, to ``ceil(length / stride)`` with any odd
    pixel at the end; ``valid`` does not pad.
    """
    reach = dilation * (kernel - 1) + 1
    if padding == "same":
        out = math.ceil(length / stride)
        total = max(0, (out - 1) * stride + reach - length)
        return out, total // 2, total - total // 2
    pad = ((stride - 1) + dilation * (kernel - 1)) // 2 if padding == "symmetric" else 0
    return (length + 2 * pad - reach) // stride + 1, pad, pad
