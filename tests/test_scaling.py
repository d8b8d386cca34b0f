"""Compound scaling: the published family, the path of φ, targets, one dimension alone."""

from __future__ import annotations

import math

import pytest

from netwright.arch.blocks import classifier
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture, chain
from netwright.arch.staged import Layer, Staged, parse_stage, read_staged
from netwright.errors import UsageError
from netwright.rng import stream
from netwright.scaling import (
    COMPOUND,
    PUBLISHED_COEFFICIENTS,
    Dimension,
    Rule,
    Target,
    implied_phi,
    scale,
    scale_to,
)
from netwright.spaces.efficientnet import published
from netwright.spaces.mnasnet import published as mnasnet
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import sample

B0 = published("efficientnet_b0")
IMPLIED = {  # φ of depth, width, resolution, from the reference table
    "efficientnet_b1": (0.52, 0, 0.49),
    "efficientnet_b2": (1.0, 1.0, 1.07),
    "efficientnet_b3": (1.85, 1.91, 2.09),
    "efficientnet_b4": (3.22, 3.53, 3.78),
    "efficientnet_b5": (4.32, 4.93, 5.09),
    "efficientnet_b6": (5.24, 6.17, 6.14),
    "efficientnet_b7": (6.21, 7.27, 7.05),
}


def mobile() -> Architecture:
    space = MobileSpace(classes=10, resolution=32)
    return space.decode(sample(space, stream(0, 1)))


def widths(staged: Staged) -> list[int]:
    return [staged.stem.out, *(layers[0].out for layers in staged.stages), staged.head.out]


@pytest.mark.parametrize("name", PUBLISHED_COEFFICIENTS)
def test_published_coefficients_reproduce_the_published_networks(name: str) -> None:
    c = PUBLISHED_COEFFICIENTS[name]
    grown = scale(B0, depth=c.depth, width=c.width, resolution=c.resolution)
    assert grown.id == published(name).id


def test_channels_and_repeats_of_b7() -> None:
    staged = read_staged(scale(B0, depth=3.1, width=2.0, resolution=600))
    assert widths(staged) == [64, 32, 48, 80, 160, 224, 384, 640, 2560]
    assert [len(s) for s in staged.stages] == [4, 7, 7, 10, 10, 13, 4]


@pytest.mark.parametrize("name", IMPLIED)
def test_implied_phi_of_the_published_coefficients(name: str) -> None:
    phi = implied_phi(PUBLISHED_COEFFICIENTS[name])
    assert (phi.depth, phi.width, phi.resolution) == pytest.approx(IMPLIED[name], abs=0.006)


def test_the_published_triple_nearly_doubles_the_macs() -> None:
    assert COMPOUND.cost_factor == pytest.approx(1.92, abs=0.001)
    for dimension in ("depth", "width", "resolution"):
        alone = COMPOUND.only(dimension)
        assert alone.cost_factor == pytest.approx(COMPOUND.cost_factor)


def test_phi_zero_changes_nothing() -> None:
    for base in (B0, mobile()):
        assert scale(base, phi=0).id == base.id
        assert scale(base, phi=0).name == base.name


def test_phi_one_by_hand() -> None:
    grown = scale(B0, phi=1)
    assert grown.id == scale(B0, depth=1.2, width=1.1, resolution=256).id  # 224 * 1.15 = 257.6
    assert grown.name == "efficientnet_b0_d1.2_w1.1_r256"


@pytest.mark.parametrize("base", [B0, mnasnet("mnasnet_a1"), mobile()], ids=lambda a: a.name)
def test_costs_grow_with_phi(base: Architecture) -> None:
    steps = [cost(scale(base, phi=p / 2)) for p in range(-8, 9)]
    for less, more in zip(steps, steps[1:], strict=False):
        assert less.macs <= more.macs and less.params <= more.params
    assert steps[0].macs < cost(base).macs < steps[-1].macs


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("base", [B0, mnasnet("mnasnet_a1"), mobile()], ids=lambda a: a.name)
def test_the_largest_network_within_a_target(base: Architecture, share: float) -> None:
    target = share * cost(base).macs
    grown = scale(base, to_macs=target)
    assert 0.97 * target < cost(grown).macs <= target
    if share == 1:
        assert grown.id == base.id


def test_nothing_larger_on_the_path_fits() -> None:
    target = 1e9
    best = cost(scale(B0, to_macs=target)).macs
    path = [cost(scale(B0, phi=p / 100)).macs for p in range(100, 200)]
    assert max(m for m in path if m <= target) <= best <= target


@pytest.mark.parametrize("share", [0.5, 2.0])
@pytest.mark.parametrize("only", ["depth", "width", "resolution"])
def test_one_dimension_alone(only: Dimension, share: float) -> None:
    base = read_staged(B0)
    grown = read_staged(scale(B0, to_macs=share * cost(B0).macs, only=only))
    changed = {
        "depth": grown.depth != base.depth,
        "width": widths(grown) != widths(base),
        "resolution": grown.input_shape != base.input_shape,
    }
    assert changed == {name: name == only for name in changed}


def test_two_targets_both_hold() -> None:
    grown = cost(scale(B0, to_macs=2e9, to_params=8e6))
    assert grown.params <= 8e6 and grown.macs <= 2e9
    alone = cost(scale(B0, to_macs=2e9))
    assert alone.params > 8e6


def test_params_alone_leave_resolution_to_phi() -> None:
    grown = scale(B0, to_params=10e6)
    assert 0.99 * 10e6 < cost(grown).params <= 10e6
    sides = {scale(B0, phi=p / 100).input_shape for p in range(115, 130)}
    assert sides == {(3, 264, 264), (3, 268, 268)} and grown.input_shape in sides


@pytest.mark.parametrize("only", [None, "depth", "width", "resolution"])
def test_a_higher_target_never_gives_a_cheaper_network(only: Dimension | None) -> None:
    base, least = mobile(), cost(mobile()).macs
    counts = [cost(scale(base, to_macs=least * (1 + i / 7), only=only)).macs for i in range(12)]
    assert counts == sorted(counts) and counts[0] == least


@pytest.mark.parametrize("only", ["depth", "width", "resolution"])
def test_every_way_meets_a_target_on_small_images(only: Dimension) -> None:
    target = 2 * cost(mobile()).macs
    assert 0.96 * target < cost(scale(mobile(), to_macs=target, only=only)).macs <= target


def test_shrinking_makes_nothing_larger() -> None:
    base = read_staged(mobile())
    shrunk = read_staged(scale(mobile(), to_macs=0.6 * cost(mobile()).macs))
    assert all(less <= more for less, more in zip(widths(shrunk), widths(base), strict=True))
    assert shrunk.depth <= base.depth and shrunk.input_shape <= base.input_shape


def test_any_measure_can_be_a_target_and_is_asked_once_a_network() -> None:
    asked: list[str] = []

    def latency(arch: Architecture) -> float:
        asked.append(arch.id)
        return math.sqrt(cost(arch).macs)

    target = Target(name="ms", measure=latency, limit=1.3 * math.sqrt(cost(B0).macs))
    grown = scale_to(B0, target)
    assert latency(grown) <= target.limit
    assert len(set(asked[:-1])) == len(asked) - 1
    assert max(cost(scale(B0, phi=p)).macs for p in (0, 1)) >= cost(grown).macs


def test_stages_of_unlike_layers_are_stretched_evenly() -> None:
    def convolution(out: int, kernel: int) -> Layer:
        return Layer(kind="cn", out=out, kernel=kernel, skip=False)

    small, large = parse_stage("ir_r1_k3_s2_e6_c16")[0], parse_stage("ir_r1_k5_s1_e6_c16")[0]
    staged = Staged(
        input_shape=(3, 32, 32),
        stem=convolution(8, 3),
        stages=((small, large),),
        head=convolution(64, 1),
        classes=10,
    )
    (layers,) = read_staged(scale(staged.architecture(), depth=2.0)).stages
    assert [(layer.kernel, layer.stride) for layer in layers] == [(3, 2), (3, 1), (5, 1), (5, 1)]


def test_rates_survive_and_are_spread_anew() -> None:
    base = published("efficientnet_b0", dropout=0.3, drop_path=0.2)
    staged = read_staged(scale(base, depth=1.4))
    assert (staged.dropout, staged.drop_path) == (0.3, 0.2)


def test_images_that_are_not_square_keep_their_form() -> None:
    arch = Architecture.from_json(_wide().to_json())
    assert scale(arch, resolution=64).input_shape == (3, 64, 128)
    assert scale(arch, phi=2).input_shape == (3, 44, 84)  # 32 and 64 times 1.3225


def _wide() -> Architecture:
    staged = Staged(
        input_shape=(3, 32, 64),
        stem=Layer(kind="cn", out=8, skip=False),
        stages=(parse_stage("ir_r2_k3_s2_e6_c16"),),
        head=Layer(kind="cn", out=64, kernel=1, skip=False),
        classes=10,
    )
    return staged.architecture()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "in one way"),
        ({"phi": 1, "to_macs": 1e9}, "in one way"),
        ({"phi": 1, "width": 2.0}, "in one way"),
        ({"width": 2.0, "only": "width"}, "`only`"),
        ({"phi": 99}, "phi is from -12 to 24"),
        ({"phi": float("nan")}, "phi is from -12 to 24"),
        ({"phi": 1, "alpha": 0.9}, "at least 1"),
        ({"phi": 1, "alpha": 1, "beta": 1, "gamma": 1}, "not all 1"),
        ({"phi": 1, "only": "height"}, "'height'"),
        ({"width": 0.0}, "width coefficient"),
        ({"resolution": 0}, "number of pixels"),
        ({"to_macs": -1}, "makes no sense"),
        ({"to_macs": math.inf}, "makes no sense"),
        ({"to_macs": 1e3}, r"reaches 1.83M to 386M MACs \(wanted: 1.00k\)"),
        ({"to_params": 10e6, "only": "resolution"}, "reaches 5.29M to 5.29M parameters"),
        ({"to_macs": 1e8, "only": "depth"}, "reaches 173M to 386M MACs"),
    ],
)
def test_requests_that_cannot_be_met(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        scale(B0, **arguments)  # type: ignore[arg-type]


def test_a_rule_needs_a_target() -> None:
    with pytest.raises(UsageError, match="needs a target"):
        scale_to(B0, rule=Rule())


def test_a_network_without_stages_is_refused() -> None:
    arch = chain((3, 8, 8), [("", classifier((3, 8, 8), 10))], name="flat")
    with pytest.raises(UsageError, match="flat cannot be read as stages"):
        scale(arch, phi=1)


def test_a_target_of_ones_own_holds_beside_the_others() -> None:
    base = mnasnet("mnasnet_b1")
    depth = Target(name="blocks", measure=lambda a: len(a.placed), limit=24)
    made = scale(base, to_macs=1e9, to=(depth,))
    assert len(made.placed) <= 24 and cost(made).macs <= 1e9
    assert cost(scale(base, to_macs=1e9)).macs > cost(made).macs
