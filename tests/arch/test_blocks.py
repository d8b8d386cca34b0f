"""Blocks against timm's own modules: keys, parameters and values; labels in timm's notation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from timm.models._efficientnet_blocks import (
    ConvBnAct,
    DepthwiseSeparableConv,
    EdgeResidual,
    InvertedResidual,
    SqueezeExcite,
)
from torch import nn

from netwright.arch.block import Block
from netwright.arch.blocks import (
    PLAIN,
    Style,
    classifier,
    conv_block,
    conv_bn_act,
    depthwise_separable,
    fused_mbconv,
    mbconv,
    squeeze_channels,
)
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture, chain
from netwright.nn.build import build
from netwright.nn.seeding import seeded

SHAPE = (8, 9, 9)
SILU = Style(activation="silu")


def _se(ratio: float) -> Any:
    return lambda channels, **_: SqueezeExcite(channels, rd_ratio=ratio, act_layer=nn.SiLU)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("out", [8, 12])
@pytest.mark.parametrize("kind", ["ds", "ir", "er", "cn"])
def test_a_block_is_timms(kind: str, out: int, stride: int) -> None:
    args: dict[str, Any] = {"stride": stride, "act_layer": nn.SiLU}
    made: dict[str, Any] = {
        "ds": lambda: (
            depthwise_separable(SHAPE, out, 5, stride=stride, se_ratio=0.5, style=SILU),
            DepthwiseSeparableConv(8, out, dw_kernel_size=5, se_layer=_se(0.5), **args),
        ),
        "ir": lambda: (
            mbconv(SHAPE, out, 5, expand=4, stride=stride, se_ratio=0.25, style=SILU),
            InvertedResidual(
                8, out, dw_kernel_size=5, exp_ratio=4, se_layer=_se(0.25 / 4), **args
            ),
        ),
        "er": lambda: (
            fused_mbconv(SHAPE, out, 3, expand=4, stride=stride, style=SILU),
            EdgeResidual(8, out, exp_kernel_size=3, exp_ratio=4, **args),
        ),
        "cn": lambda: (
            conv_block(SHAPE, out, 3, stride=stride, style=SILU),
            ConvBnAct(8, out, kernel_size=3, skip=True, **args),
        ),
    }
    ours, theirs = made[kind]()
    module = build(chain(SHAPE, [("", ours)]), seed=0).eval()
    assert set(module.state_dict()) == set(theirs.state_dict())
    with seeded(1):
        for value in theirs.state_dict().values():
            if value.is_floating_point():
                value.uniform_(0.5, 1.5)
        image = torch.randn(2, *SHAPE)
    module.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(module(image), theirs.eval()(image), rtol=1e-4, atol=1e-4)
    assert ours.params == sum(p.numel() for p in theirs.parameters())


def _kinds(block: Block) -> list[str]:
    return [n.op.kind for n in block.nodes]


def test_residuals_stand_where_shapes_allow() -> None:
    assert "add" in _kinds(mbconv(SHAPE, 8)) and "drop_path" not in _kinds(mbconv(SHAPE, 8))
    assert "add" not in _kinds(mbconv(SHAPE, 9))
    assert "add" not in _kinds(mbconv(SHAPE, 8, stride=2))
    for make in (mbconv, depthwise_separable, fused_mbconv, conv_block):
        assert "add" not in _kinds(make(SHAPE, 8, skip=False))
        assert _kinds(make(SHAPE, 8, drop_path=0.1))[-2:] == ["drop_path", "add"]


def test_labels_are_timms_notation() -> None:
    assert (
        mbconv(SHAPE, 24, 5, expand=6, stride=2, se_ratio=0.25).label == "ir_k5_s2_e6_c24_se0.25"
    )
    assert depthwise_separable(SHAPE, 16, skip=False).label == "ds_k3_s1_c16_noskip"
    assert fused_mbconv(SHAPE, 8, expand=4).label == "er_k3_s1_e4_c8"
    assert conv_block(SHAPE, 8).label == "cn_k3_s1_c8_skip"
    assert conv_bn_act(SHAPE, 16, 3, stride=2).label == "cn_k3_s2_c16"


def test_equal_calls_give_one_block() -> None:
    assert mbconv(SHAPE, 24) is mbconv(SHAPE, 24)
    assert mbconv(SHAPE, 24) is not mbconv(SHAPE, 24, style=SILU)


def test_squeeze_and_classifier() -> None:
    assert [squeeze_channels(c, 0.25) for c in (1, 4, 10, 96)] == [1, 1, 2, 24]
    top = classifier(SHAPE, 10, dropout=0.2)
    assert _kinds(top) == ["global_pool", "dropout", "linear"] and top.params == 8 * 10 + 10
    assert _kinds(classifier(SHAPE, 10)) == ["global_pool", "linear"]
    assert PLAIN.norm().eps == 1e-5


def test_same_and_valid_padding_reach_the_convolutions() -> None:
    shapes = [
        conv_bn_act((3, 11, 11), 4, 3, stride=2, style=Style(padding=p)).out_shape
        for p in ("symmetric", "same", "valid")
    ]
    assert shapes == [(4, 6, 6), (4, 6, 6), (4, 5, 5)]
    arch: Architecture = chain(SHAPE, [("", mbconv(SHAPE, 8, style=Style(padding="same")))])
    assert cost(arch).macs == cost(chain(SHAPE, [("", mbconv(SHAPE, 8))])).macs
