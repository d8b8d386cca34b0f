"""Reusable blocks: conv-bn-act, depthwise-separable, MBConv with SE, fused MBConv, classifier.

Names of the nodes and labels of the blocks are timm's, so that a network of these blocks has the
state dict of timm's.  Every function is cached: the same block is made and checked once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from netwright.arch.graph import Block, Draft
from netwright.arch.ops import (
    Activation,
    ActivationName,
    Add,
    BatchNorm,
    Conv,
    Dropout,
    DropPath,
    GlobalPool,
    Linear,
    Multiply,
    Padding,
    Pool,
    Shape,
)

_CACHE = 65536
Skip = bool | Literal["pool"]  # what is added to a block's output: its input, its mean over 3×3


@dataclass(frozen=True, kw_only=True)
class Style:
    """What all layers of a family share.

    Args:
        activation: After every batch norm but a block's last.
        padding: ``symmetric`` (timm, torchvision), ``same`` (TensorFlow) or ``valid``.
        bn_eps: Added to the variance.
        bn_momentum: Weight of the new batch in the running statistics (torch's convention).
        se_activation: Between the two convolutions of squeeze-and-excitation; None: as above.
    """

    activation: ActivationName = "relu"
    padding: Padding = "symmetric"
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1
    se_activation: ActivationName | None = None

    def norm(self) -> BatchNorm:
        """The family's batch norm."""
        return BatchNorm(eps=self.bn_eps, momentum=self.bn_momentum)


PLAIN = Style()


class _Writer(Draft):
    """A draft that knows the family's style and writes conv, norm and activation in one go."""

    def __init__(self, label: str, style: Style, *input_shapes: Shape) -> None:
        super().__init__(label, *input_shapes)
        self.style = style
        self.count = 0

    def conv(
        self,
        name: str,
        x: str | int,
        out: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        depthwise: bool = False,
        activate: bool = True,
        norm: str | None = None,
    ) -> str:
        """Convolution, batch norm and (unless ``activate`` is off) activation; gives the last."""
        self.count += 1
        y = self.add(
            name,
            Conv(
                out=out,
                kernel=kernel,
                stride=stride,
                padding=self.style.padding,
                groups=self.shape(x)[0] if depthwise else 1,
            ),
            x,
        )
        y = self.add(norm or f"bn{self.count}", self.style.norm(), y)
        if activate:
            y = self.add(f"act{self.count}", Activation(name=self.style.activation), y)
        return y

    def squeeze_excite(self, x: str, squeeze: int) -> str:
        """Gate every channel of ``x`` by what its mean says (SE); ``squeeze`` hidden channels."""
        act = self.style.se_activation or self.style.activation
        y = self.add("se.pool", GlobalPool(keep=True), x)
        y = self.add("se.conv_reduce", Conv(out=squeeze, bias=True), y)
        y = self.add("se.act1", Activation(name=act), y)
        y = self.add("se.conv_expand", Conv(out=self.shape(x)[0], bias=True), y)
        y = self.add("se.gate", Activation(name="sigmoid"), y)
        return self.add("se.scale", Multiply(), x, y)

    def close(self, y: str, skip: Skip, stride: int, drop_path: float) -> Block:
        """Finish the block, adding its input (or that pooled) to ``y`` where the two fit.

        The input fits where the channels agree and the stride is 1; pooled, at any stride.
        """
        fits = self.shape(0)[0] == self.shape(y)[0] and (stride == 1 or skip == "pool")
        if not (skip and fits):
            return self.block()
        if drop_path:
            y = self.add("drop_path", DropPath(rate=drop_path), y)
        x: str | int = 0
        if skip == "pool":
            pool = Pool(kernel=3, stride=stride, padding=self.style.padding)
            x = self.add("skip_pool", pool, 0)
        self.add("add", Add(), y, x)
        return self.block()


def squeeze_channels(channels: int, ratio: float) -> int:
    """Hidden channels of an SE: ``max(1, int(ratio * channels of the block's input))``."""
    return max(1, int(ratio * channels))


@lru_cache(maxsize=_CACHE)
def conv_bn_act(
    shape: Shape,
    out: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    style: Style = PLAIN,
    names: tuple[str, str, str] = ("conv", "bn1", "act1"),
) -> Block:
    """A dense convolution with batch norm and activation, as in a stem or a head."""
    conv, norm, act = names
    draft = _Writer(f"cn_k{kernel}_s{stride}_c{out}", style, shape)
    y = draft.conv(conv, 0, out, kernel, stride=stride, activate=False, norm=norm)
    draft.add(act, Activation(name=style.activation), y)
    return draft.block()


def _label(
    kind: str, kernel: int, stride: int, out: int, expand: float, se_ratio: float, skip: Skip
) -> str:
    parts = [kind, f"k{kernel}", f"s{stride}"]
    if kind != "ds":
        parts.append(f"e{expand:g}")
    parts.append(f"c{out}")
    if se_ratio:
        parts.append(f"se{se_ratio:g}")
    if skip is not True:
        parts.append("poolskip" if skip else "noskip")
    return "_".join(parts)


@lru_cache(maxsize=_CACHE)
def depthwise_separable(
    shape: Shape,
    out: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    se_ratio: float = 0.0,
    skip: Skip = True,
    drop_path: float = 0.0,
    style: Style = PLAIN,
) -> Block:
    """Depthwise then pointwise convolution, linear at the end; timm's ``ds``.

    Where stride is 1 and channels agree, and ``skip`` is on, the input is added; ``"pool"`` adds
    its mean over 3×3 pixels instead, at any stride.
    """
    draft = _Writer(_label("ds", kernel, stride, out, 1, se_ratio, skip), style, shape)
    y = draft.conv("conv_dw", 0, shape[0], kernel, stride=stride, depthwise=True)
    if se_ratio:
        y = draft.squeeze_excite(y, squeeze_channels(shape[0], se_ratio))
    y = draft.conv("conv_pw", y, out, activate=False)
    return draft.close(y, skip, stride, drop_path)


@lru_cache(maxsize=_CACHE)
def mbconv(
    shape: Shape,
    out: int,
    kernel: int = 3,
    *,
    expand: float = 6,
    stride: int = 1,
    se_ratio: float = 0.0,
    skip: Skip = True,
    drop_path: float = 0.0,
    style: Style = PLAIN,
) -> Block:
    """Inverted residual: widen, depthwise, SE, narrow (MobileNetV2, MnasNet); timm's ``ir``.

    SE squeezes to a fraction of the *block input* channels, as MnasNet and EfficientNet do.
    """
    draft = _Writer(_label("ir", kernel, stride, out, expand, se_ratio, skip), style, shape)
    middle = round(shape[0] * expand)
    y = draft.conv("conv_pw", 0, middle)
    y = draft.conv("conv_dw", y, middle, kernel, stride=stride, depthwise=True)
    if se_ratio:
        y = draft.squeeze_excite(y, squeeze_channels(shape[0], se_ratio))
    y = draft.conv("conv_pwl", y, out, activate=False)
    return draft.close(y, skip, stride, drop_path)


@lru_cache(maxsize=_CACHE)
def fused_mbconv(
    shape: Shape,
    out: int,
    kernel: int = 3,
    *,
    expand: float = 4,
    stride: int = 1,
    se_ratio: float = 0.0,
    skip: Skip = True,
    drop_path: float = 0.0,
    style: Style = PLAIN,
) -> Block:
    """Dense k×k widening, then narrow (EfficientNetV2's fused MBConv); timm's ``er``."""
    draft = _Writer(_label("er", kernel, stride, out, expand, se_ratio, skip), style, shape)
    y = draft.conv("conv_exp", 0, round(shape[0] * expand), kernel, stride=stride)
    if se_ratio:
        y = draft.squeeze_excite(y, squeeze_channels(shape[0], se_ratio))
    y = draft.conv("conv_pwl", y, out, activate=False)
    return draft.close(y, skip, stride, drop_path)


@lru_cache(maxsize=_CACHE)
def conv_block(
    shape: Shape,
    out: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    se_ratio: float = 0.0,
    skip: Skip = True,
    drop_path: float = 0.0,
    style: Style = PLAIN,
) -> Block:
    """A dense convolution with an optional residual around it; timm's ``cn``.

    SE, which timm's has not, squeezes to a fraction of the block's input channels.
    """
    label = f"cn_k{kernel}_s{stride}_c{out}" + (f"_se{se_ratio:g}" if se_ratio else "")
    label += "" if skip is False else "_poolskip" if skip == "pool" else "_skip"
    draft = _Writer(label, style, shape)
    y = draft.conv("conv", 0, out, kernel, stride=stride)
    if se_ratio:
        y = draft.squeeze_excite(y, squeeze_channels(shape[0], se_ratio))
    return draft.close(y, skip, stride, drop_path)


@lru_cache(maxsize=_CACHE)
def classifier(shape: Shape, classes: int, *, dropout: float = 0.0) -> Block:
    """Global average pool, dropout, linear layer: a feature map to logits."""
    draft = Draft(f"classifier_{classes}", shape)
    y = draft.add("global_pool", GlobalPool(), 0)
    if dropout:
        y = draft.add("drop", Dropout(rate=dropout), y)
    draft.add("classifier", Linear(out=classes), y)
    return draft.block()
