"""The inverted-bottleneck pair of ZenNAS and ZiCo: two depthwise bottlenecks, a layer of IDW.

A layer widens, filters depthwise and narrows to a bottleneck, then does the same again to its
output channels; each half adds its input, through a 1x1 projection where it must.
"""

from __future__ import annotations

from functools import lru_cache

from netwright.arch.blocks import PLAIN, Style
from netwright.arch.cells import CellWriter
from netwright.arch.graph import Block
from netwright.arch.ops import Activation, Add, Conv, GlobalPool, Multiply, Shape

_CACHE = 65536


def round_to_8(channels: float) -> int:
    """The nearest multiple of 8, at least 8; halves go to the even multiple (20 → 16, 28 → 32)."""
    return max(8, round(channels / 8) * 8)


class _Half(CellWriter):
    """Writes one of the two bottlenecks of a layer."""

    def bottleneck(
        self,
        at: str,
        x: str | int,
        out: int,
        *,
        middle: int,
        kernel: int,
        stride: int,
        residual: bool,
        project: bool,
        se: bool,
    ) -> str:
        """Widen, filter, narrow; add the input; ReLU."""
        y = self.conv_bn(at, x, middle, names=("conv_pw", "bn1"))
        depthwise = Conv(
            out=middle, kernel=kernel, stride=stride, groups=middle, padding=self.style.padding
        )
        y = self.add(f"{at}.conv_dw", depthwise, self.relu(y))
        y = self.add(f"{at}.bn2", self.style.norm(), y)
        y = self.relu(y)
        if se:
            y = self.gate(at, y)
        y = self.conv_bn(at, y, out, names=("conv_pwl", "bn3"))
        if residual:
            side: str | int = x
            if project or stride > 1 or self.shape(x)[0] != out:
                conv = Conv(out=out, stride=stride, padding=self.style.padding, bias=True)
                side = self.add(f"{at}.proj", conv, x)
                side = self.add(f"{at}.proj_bn", self.style.norm(), side)
            y = self.add(f"{at}.add", Add(), y, side)
        return self.relu(y)

    def gate(self, at: str, x: str) -> str:
        """Squeeze-and-excitation to a quarter, batch norm after either convolution."""
        channels = self.shape(x)[0]
        y = self.add(f"{at}.se.pool", GlobalPool(keep=True), x)
        y = self.conv_bn(f"{at}.se", y, channels // 4, names=("reduce", "bn1"))
        y = self.conv_bn(f"{at}.se", self.relu(y), channels, names=("expand", "bn2"))
        y = self.add(f"{at}.se.sigmoid", Activation(name="sigmoid"), y)
        return self.add(f"{at}.se.scale", Multiply(), x, y)


@lru_cache(maxsize=_CACHE)
def idw_layer(
    shape: Shape,
    out: int,
    *,
    bottleneck: int,
    expand: int,
    kernel: int,
    stride: int = 1,
    first: bool = True,
    residual: bool = True,
    se: bool = True,
    style: Style = PLAIN,
) -> Block:
    """One layer: to ``bottleneck`` channels with the stride, then to ``out`` channels.

    Args:
        shape: Of the input.
        out: Channels of the output.
        bottleneck: Channels between the two halves.
        expand: Depthwise channels as a multiple of what a half narrows to.
        kernel: Of both depthwise convolutions.
        stride: Of the first.
        first: Whether it opens a super-block, whose first half always projects its input.
        residual: Whether each half adds its input.
        se: Whether squeeze-and-excitation follows each depthwise convolution and its ReLU.
        style: Padding and batch norm.
    """
    label = f"idw_k{kernel}_s{stride}_e{expand}_b{bottleneck}_c{out}"
    w = _Half(label, style, shape)
    y: str | int = 0
    for at, channels, step, project in (("a", bottleneck, stride, first), ("b", out, 1, False)):
        y = w.bottleneck(
            at,
            y,
            channels,
            middle=round_to_8(expand * channels),
            kernel=kernel,
            stride=step,
            residual=residual,
            project=project,
            se=se,
        )
    return w.block()
