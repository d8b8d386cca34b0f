"""Kinship: networks are their own kin, and alignments are the cheapest there are."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.arch.kinship import _ALONE, Stage, align, distance
from netwright.arch.staged import Layer, read_staged
from netwright.spaces import efficientnet, mnasnet


def stage(width: int, *, kind: str = "ir", stride: int = 1, kernel: int = 3) -> Stage:
    return (Layer(kind=kind, out=width, stride=stride, kernel=kernel, expand=4),)  # type: ignore[arg-type]


stages = st.lists(
    st.builds(stage, st.sampled_from([8, 16, 40, 112]), stride=st.sampled_from([1, 2])),
    max_size=4,
)


@given(stages, stages)
@settings(max_examples=60, deadline=None)
def test_no_other_alignment_is_cheaper(ours: list[Stage], theirs: list[Stage]) -> None:
    def price(pairs: list[tuple[int, int]]) -> float:
        alone = len(ours) + len(theirs) - 2 * len(pairs)
        return _ALONE * alone + sum(distance(ours[i], theirs[j]) for i, j in pairs)

    found = align(ours, theirs)
    taken = [(i, j) for i, j in enumerate(found) if j is not None]
    assert [j for _, j in taken] == sorted({j for _, j in taken})
    every = (
        price(list(zip(some, others, strict=True)))
        for count in range(min(len(ours), len(theirs)) + 1)
        for some in itertools.combinations(range(len(ours)), count)
        for others in itertools.combinations(range(len(theirs)), count)
    )
    assert price(taken) == pytest.approx(min(every))


@pytest.mark.parametrize("name", ["efficientnet_b0", "efficientnet_lite0", "efficientnetv2_s"])
def test_a_network_is_its_own_kin(name: str) -> None:
    read = read_staged(efficientnet.published(name))
    assert align(read.stages, read.stages) == tuple(range(len(read.stages)))


def test_relatives_of_another_size_keep_the_order_of_stages() -> None:
    b0 = read_staged(efficientnet.published("efficientnet_b0")).stages
    b3 = read_staged(efficientnet.published("efficientnet_b3")).stages
    a1 = read_staged(mnasnet.published("mnasnet_a1")).stages
    assert align(b3, b0) == align(a1, b0) == tuple(range(7))


def test_a_stage_that_is_missing_leaves_the_others_where_they_were() -> None:
    b0 = read_staged(efficientnet.published("efficientnet_b0")).stages
    assert align(b0[:4] + b0[5:], b0) == (0, 1, 2, 3, 5, 6)
    assert align(b0, b0[:4] + b0[5:]) == (0, 1, 2, 3, None, 4, 5)


def test_other_kinds_stay_alone() -> None:
    plain = stage(16, kind="ds")
    assert align([plain], [stage(16)]) == (None,)
    assert distance(plain, plain) == 0
    assert distance(stage(16), (replace(stage(32)[0], kernel=5),)) == pytest.approx(1.1)
