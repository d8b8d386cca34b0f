"""The factorised space on instances small enough to enumerate, and its plans."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from netwright.arch.blocks import PLAIN
from netwright.contracts import Space
from netwright.errors import TokenError, UsageError
from netwright.rng import stream
from netwright.spaces.factorised import Plan, around, fitted_strides
from netwright.spaces.mnasnet import PLAN, MnasNetSpace
from netwright.spaces.tokens import count, enumerate_tokens, raw_size, sample
from netwright.testing import SpaceContract

TINY = Plan(
    stem=8,
    head=16,
    strides=(1, 2),
    widths=((8, 16), (8, 16)),
    depths=((1, 2), (1, 2)),
    kernels=(3,),
    ops=("dconv", "mbconv3"),
)


def tiny(resolution: int = 16, **changes: Any) -> MnasNetSpace:
    plan = replace(TINY, **changes)
    return MnasNetSpace(classes=2, resolution=resolution, plan=plan)


class TestTiny(SpaceContract):
    def make(self) -> Space:
        return tiny()


@pytest.mark.parametrize("resolution", [4, 8, 16, 32])
def test_size_is_the_number_of_canonical_rows(resolution: int) -> None:
    space = tiny(resolution)
    assert space.size == sum(1 for _ in enumerate_tokens(space)) == count(space)
    assert space.size < raw_size(space)


def test_canonical_rows_are_different_networks() -> None:
    space = tiny()
    ids = [space.decode(row).id for row in enumerate_tokens(space)]
    assert len(set(ids)) == len(ids) == space.size


def test_every_row_has_the_id_of_its_canonical_row() -> None:
    space = tiny(kernels=(5,), ops=("conv",))
    for row in product(*(range(len(c.options)) for c in space.choices)):
        canonical = space.canonical(row)
        assert space.decode(row).id == space.decode(canonical).id
        assert space.encode(space.decode(row)) == canonical


def test_the_skip_of_a_single_layer_that_changes_size_is_inactive() -> None:
    space = tiny()
    one = {c.name: i for i, c in enumerate(space.choices)}
    row = [0] * len(one)
    row[one["block 2 skip"]] = 1  # identity: stride 2, one layer
    assert space.canonical(tuple(row)) == (0,) * len(one)
    row[one["block 2 skip"]] = 2  # pool: 8 to 8 channels, across the stride
    assert space.canonical(tuple(row)) == tuple(row)
    row[one["block 2 width"]] = 1  # 8 to 16 channels: nothing to add
    assert space.canonical(tuple(row))[one["block 2 skip"]] == 0
    row[one["block 2 depth"]] = 1  # a second layer has it
    assert space.canonical(tuple(row)) == tuple(row)


@pytest.mark.parametrize(
    ("resolution", "strides"),
    [
        (224, (2, 1, 2, 2, 2, 1, 2, 1)),
        (128, (2, 1, 2, 2, 2, 1, 2, 1)),
        (96, (1, 1, 2, 2, 2, 1, 2, 1)),
        (64, (1, 1, 2, 2, 2, 1, 2, 1)),
        (32, (1, 1, 1, 2, 2, 1, 2, 1)),
        (28, (1, 1, 1, 1, 2, 1, 2, 1)),
        (8, (1, 1, 1, 1, 1, 1, 2, 1)),
        (4, (1,) * 8),
        (1, (1,) * 8),
    ],
)
def test_strides_follow_the_resolution(resolution: int, strides: tuple[int, ...]) -> None:
    assert fitted_strides(PLAN, resolution) == strides


def test_small_images_keep_four_to_eight_pixels() -> None:
    for resolution in (8, 17, 28, 32, 64, 127):
        space = MnasNetSpace(classes=2, resolution=resolution)
        arch = space.decode(sample(space, stream(0, resolution)))
        assert 4 <= arch.placed[-2].block.out_shape[1] <= 8


def test_around_a_network() -> None:
    plan = around(
        ("ds_r1_k3_s1_c8", "ir_r3_k5_s2_e6_c88"),
        stem=8, head=64, ops=PLAN.ops, skips=PLAN.skips, style=PLAIN,
    )  # fmt: skip
    assert plan.widths == ((8, 16, 24), (64, 88, 112))
    assert plan.depths == ((1, 2, 3), (2, 3, 4))
    assert plan.strides == (1, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strides": (1,)}, "as many strides"),
        ({"ops": ("mbconv7",)}, "'mbconv7'"),
        ({"skips": ("identity",)}, "begin with 'none'"),
        ({"kernels": (3, 3)}, "twice"),
        ({"depths": ((0, 1), (1,))}, "at least one layer"),
    ],
)
def test_plans_that_make_no_sense(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(TINY, **change)


def test_who_is_no_member_learns_why() -> None:
    space = tiny()
    row = sample(space, stream(0))
    with pytest.raises(TokenError, match="no token describes"):
        tiny(resolution=32).encode(space.decode(row))
    other = tiny(widths=((8, 16), (24, 32)))
    with pytest.raises(TokenError, match=r"block 2 has width (8|16); the space has 24, 32"):
        other.encode(space.decode(row))
    with pytest.raises(TokenError, match="2 blocks, not 7"):
        MnasNetSpace().encode(space.decode(row))


@pytest.mark.parametrize(("classes", "resolution"), [(1, 32), (2, 0)])
def test_spaces_without_images_or_classes(classes: int, resolution: int) -> None:
    with pytest.raises(UsageError, match="two classes or more"):
        MnasNetSpace(classes=classes, resolution=resolution)
