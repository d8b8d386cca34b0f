"""Sizes of a staged network, and the single steps between two of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from netwright.arch.cost import cost
from netwright.arch.staged import Layer, Staged, parse_stage, read_staged
from netwright.errors import UsageError
from netwright.resizing import (
    Sizes,
    Step,
    filled,
    resized,
    scaled_sizes,
    steps_between,
    taken,
)
from netwright.spaces.efficientnet import published

GROWTH = (1.2, 1.1, 1.15)
B0 = read_staged(published("efficientnet_b0"))
NOW = scaled_sizes(B0, 1, 1, (224, 224))
TOP = scaled_sizes(B0, 1.2, 1.1, (256, 256))


def macs(sizes: Sizes) -> int:
    return cost(resized(B0, sizes, name="").architecture()).macs


def share_of(limit: float) -> Callable[[Sizes], float]:
    return lambda sizes: macs(sizes) / limit


def test_sizes_of_b0_and_b1() -> None:
    assert NOW.depths == (1, 2, 2, 3, 3, 4, 1)
    assert [w[-1] for w in NOW.widths] == [32, 16, 24, 40, 80, 112, 192, 320, 1280]
    grown = scaled_sizes(B0, 1.1, 1.0, (240, 240))
    assert resized(B0, grown, name="").architecture().id == published("efficientnet_b1").id


def test_steps_come_as_they_are_due() -> None:
    steps = steps_between(B0, NOW, TOP, growth=GROWTH)
    assert [s.due for s in steps] == sorted(s.due for s in steps)
    raised = {part: max(s.to for s in steps if s.part == part) for part in {s.part for s in steps}}
    assert raised == {
        ("depth", 0): 2, ("depth", 1): 3, ("depth", 2): 3, ("depth", 3): 4, ("depth", 4): 4,
        ("depth", 5): 5, ("depth", 6): 2,
        ("width", 3): 48, ("width", 4): 88, ("width", 5): 120, ("width", 6): 208,
        ("width", 7): 352, ("width", 8): 1408, ("side", 0): 256,
    }  # fmt: skip
    first = next(s for s in steps if s.part == ("side", 0))
    assert first.to == 226  # B0's stem halves: an odd side gives the same map
    assert first.due == pytest.approx(math.log(226 / 224) / math.log(1.15))
    depth = next(s for s in steps if s.part == ("depth", 5))
    assert depth.due == pytest.approx(math.log(5 / 4) / math.log(1.2))


@pytest.mark.parametrize("growth", [(1.2, 1, 1), (1, 1.1, 1), (1, 1, 1.15)])
def test_only_dimensions_that_grow_have_steps(growth: tuple[float, float, float]) -> None:
    parts = {step.part[0] for step in steps_between(B0, NOW, TOP, growth=growth)}
    assert parts == {("depth", "width", "side")[max(range(3), key=growth.__getitem__)]}


def test_all_steps_lead_to_the_top() -> None:
    sizes = NOW
    for step in steps_between(B0, NOW, TOP, growth=GROWTH):
        more = taken(sizes, step)
        assert macs(more) > macs(sizes)
        sizes = more
    assert sizes.depths == TOP.depths and sizes.widths == TOP.widths
    assert sizes.sides == TOP.sides


def test_a_higher_limit_never_ends_in_fewer_macs() -> None:
    steps = steps_between(B0, NOW, TOP, growth=GROWTH)
    base = macs(NOW)
    limits = [base * (1 + i / 20) for i in range(8)]
    made = [macs(filled(NOW, steps, share_of(limit))) for limit in limits]
    assert made == sorted(made) and made[0] == base
    for count, limit in zip(made, limits, strict=True):
        assert 0.97 * limit < count <= limit


def test_a_part_that_does_not_fit_is_asked_once() -> None:
    asked: list[Sizes] = []

    def share(sizes: Sizes) -> float:
        asked.append(sizes)
        return 0.5 if sizes == NOW else 2.0

    steps = steps_between(B0, NOW, TOP, growth=GROWTH)
    assert filled(NOW, steps, share) == NOW
    assert len(asked) == 1 + len({step.part for step in steps})


def test_odd_channels_go_to_the_next_multiple_and_wide_images_stay_wide() -> None:
    stem = Layer(kind="cn", out=12, skip=False)
    head = Layer(kind="cn", out=64, kernel=1, skip=False)
    stages = (parse_stage("ir_r2_k3_s2_e6_c16"),)
    base = Staged(input_shape=(3, 32, 64), stem=stem, stages=stages, head=head, classes=2)
    sizes = scaled_sizes(base, 1, 1, (32, 64))
    assert taken(sizes, Step(due=0, part=("width", 0), to=16)).widths[0] == (16,)
    assert taken(sizes, Step(due=0, part=("side", 0), to=33)).sides == (33, 66)
    assert taken(sizes, Step(due=0, part=("depth", 0), to=3)).depths == (3,)


def test_a_stage_that_halves_late_is_refused() -> None:
    late = (*parse_stage("ir_r1_k3_s1_e6_c16"), *parse_stage("ir_r1_k3_s2_e6_c16"))
    base = Staged(
        input_shape=(3, 32, 32),
        stem=Layer(kind="cn", out=8, skip=False),
        stages=(late,),
        head=Layer(kind="cn", out=64, kernel=1, skip=False),
        classes=2,
    )
    with pytest.raises(UsageError, match="halves the map after its first layer"):
        resized(base, scaled_sizes(base, 2, 1, (32, 32)), name="")
