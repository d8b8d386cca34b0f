"""Staged networks: timm's notation, writing, and reading back exactly or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwright.arch.blocks import Style, classifier, conv_bn_act, mbconv
from netwright.arch.graph import Architecture, Block, Placed, chain
from netwright.arch.ops import DropPath, Pool
from netwright.arch.staged import Layer, Staged, parse_stage, read_staged
from netwright.errors import UsageError

SILU = Style(activation="silu", padding="same", bn_eps=1e-3)
CONV = Layer(kind="cn", out=8, skip=False)


def network(
    *stages: str, style: Style = SILU, dropout: float = 0.0, drop_path: float = 0.0
) -> Staged:
    return Staged(
        input_shape=(3, 32, 32),
        stem=replace(CONV, stride=2, style=style),
        stages=tuple(parse_stage(s, style) for s in stages),
        head=replace(CONV, out=64, kernel=1, style=style),
        classes=10,
        dropout=dropout,
        drop_path=drop_path,
    )


FOUR_KINDS = (
    "cn_r2_k3_s1_c8_skip",
    "ds_r2_k3_s1_c16_se0.25_noskip",
    "er_r2_k3_s2_e4_c16_poolskip",
    "ir_r3_k5_s2_e6_c24_se0.25",
)


def test_notation_is_read_in_any_order() -> None:
    layers = parse_stage("ir_c40_se0.25_e3_s2_k5_r3", SILU)
    assert len(layers) == 3
    assert layers[0] == Layer(
        kind="ir", out=40, kernel=5, stride=2, expand=3, se_ratio=0.25, style=SILU
    )
    assert layers[1] == layers[2] == replace(layers[0], stride=1)


@pytest.mark.parametrize("text", ["", "xx_c8", "ir_k3", "ir_c8_q7", "ir_c8_skip!"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="notation|no stage"):
        parse_stage(text)


@pytest.mark.parametrize(("dropout", "drop_path"), [(0, 0), (0.3, 0), (0, 0.2)])
def test_what_was_written_is_read_back(dropout: float, drop_path: float) -> None:
    staged = network(*FOUR_KINDS, dropout=dropout, drop_path=drop_path)
    arch = staged.architecture()
    assert read_staged(arch) == staged
    assert read_staged(Architecture.from_json(arch.to_json())) == staged


def test_an_activation_of_its_own_inside_se_is_kept() -> None:
    style = replace(SILU, se_activation="relu")
    arch = network(*FOUR_KINDS, style=style).architecture()
    staged = read_staged(arch)
    assert staged.architecture() == arch
    assert {layer.style for layer in staged.stages[3]} == {style}


def test_drop_path_rises_in_equal_steps_where_there_is_something_to_skip() -> None:
    arch = network("ir_r4_k3_s1_e6_c8", drop_path=0.2).architecture()
    rates = [n.op.rate for n in arch.nodes if isinstance(n.op, DropPath)]
    assert rates == pytest.approx([0.05, 0.1, 0.15])


def test_a_pooled_skip_crosses_a_stride() -> None:
    arch = network("ir_r1_k3_s2_e6_c8_poolskip").architecture()
    (pool,) = [n.op for n in arch.nodes if isinstance(n.op, Pool)]
    assert (pool.stride, pool.mode) == (2, "avg")
    assert read_staged(arch).stages[0][0].skip == "pool"


def _stem() -> Block:
    return conv_bn_act((3, 32, 32), 8, names=("conv_stem", "bn1", "act1"))


def test_a_block_that_is_not_what_its_label_says_is_named() -> None:
    stem = _stem()
    body = mbconv(stem.out_shape, 8)
    forged = Block("ir_k5_s1_e6_c8", body.input_shapes, body.nodes)
    head = conv_bn_act(body.out_shape, 64, 1, names=("conv_head", "bn2", "act2"))
    last = classifier(head.out_shape, 10)
    arch = chain(
        (3, 32, 32), [("", stem), ("blocks.0.0", forged), ("", head), ("", last)], name="forged"
    )
    with pytest.raises(UsageError, match=r"forged .*'blocks.0.0' is not what its label says"):
        read_staged(arch)


def test_networks_of_another_form_are_refused() -> None:
    stem = _stem()
    last = classifier(stem.out_shape, 10)
    with pytest.raises(UsageError, match="no chain of stem"):
        read_staged(chain((3, 32, 32), [("", stem), ("", last)]))
    body = mbconv(stem.out_shape, 8)
    head = conv_bn_act(body.out_shape, 64, 1, names=("conv_head", "bn2", "act2"))
    end = Placed("", classifier(head.out_shape, 10), (3,))
    places = (Placed("", stem, (0,)), Placed("cell", body, (1,)), Placed("", head, (2,)), end)
    with pytest.raises(UsageError, match="'cell' is in no stage"):
        read_staged(Architecture((3, 32, 32), places))
