"""EfficientNet: exact counts of the whole family, membership, and equality with timm."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import timm
import torch

from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.arch.ops import Dropout, DropPath
from netwright.contracts import Space
from netwright.errors import UnknownNameError
from netwright.records import Objective
from netwright.spaces.efficientnet import (
    FACTORS,
    PUBLISHED,
    EfficientNetSpace,
    home,
    published,
)
from netwright.spaces.tokens import describe
from netwright.testing import SpaceContract

FAST = "efficientnetv2_b0"
COUNTS = {  # parameters, MACs in millions at the published resolution
    "efficientnet_b0": (5_288_548, 385.8),
    "efficientnet_b1": (7_794_184, 686.8),
    "efficientnet_b2": (9_109_994, 993.6),
    "efficientnet_b3": (12_233_232, 1_827.1),
    "efficientnet_b4": (19_341_616, 4_393.8),
    "efficientnet_b5": (30_389_784, 10_266.4),
    "efficientnet_b6": (43_040_704, 19_067.6),
    "efficientnet_b7": (66_347_960, 37_745.9),
    "efficientnetv2_b0": (7_139_704, 718.1),
    "efficientnetv2_b1": (8_141_052, 1_196.8),
    "efficientnetv2_b2": (10_096_086, 1_697.5),
    "efficientnetv2_b3": (14_358_406, 3_011.5),
    "efficientnetv2_s": (21_458_488, 8_365.6),
    "efficientnetv2_m": (54_139_356, 24_582.5),
    "efficientnetv2_l": (118_515_272, 56_079.7),
    "efficientnetv2_xl": (208_119_808, 93_353.5),
    "efficientnet_b8": (87_413_142, 62_597.5),
    "efficientnet_l2": (480_309_308, 475_703.7),
    "efficientnet_lite0": (4_652_008, 385.2),
    "efficientnet_lite1": (5_416_680, 600.2),
    "efficientnet_lite2": (6_092_072, 859.7),
    "efficientnet_lite3": (8_197_096, 1_383.3),
    "efficientnet_lite4": (13_006_568, 2_553.0),
}


class TestEfficientNet(SpaceContract):
    def make(self) -> Space:
        return EfficientNetSpace(classes=10, resolution=32)


class TestEfficientNetV2(SpaceContract):
    samples = 10

    def make(self) -> Space:
        return home("efficientnetv2_b0", classes=10, resolution=64)


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("prefix", ["", "tf_"])
def test_counts_are_exact(name: str, prefix: str) -> None:
    params, millions = COUNTS[name]
    found = cost(published(prefix + name))
    assert found.params == params
    assert found.macs / 1e6 == pytest.approx(millions, abs=0.05)


OTHERS = ["b8", "l2", "v2_xl", "lite0", "lite1", "lite2", "lite3", "lite4"]


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_other_parameter_counts_are_those_of_timm(name: str) -> None:
    full = f"efficientnet{'' if name.startswith('v') else '_'}{name}"
    with torch.device("meta"):
        theirs = timm.create_model(full)
    assert cost(published(full)).params == sum(p.numel() for p in theirs.parameters())


@pytest.mark.parametrize(
    ("name", "macs"), [("efficientnet_b0", 385_814_752), ("efficientnet_b7", 37_745_884_192)]
)
def test_macs_are_exact(name: str, macs: int) -> None:
    assert cost(published(name)).macs == macs


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_are_members_and_survive_json(name: str) -> None:
    arch, space = published(name), home(name)
    tokens = space.encode(arch)
    assert space.canonical(tokens) == tokens
    assert space.decode(tokens).id == arch.id
    assert Architecture.from_json(arch.to_json()) == arch


def test_b0_and_b1_are_members_of_the_space_around_b0() -> None:
    space = EfficientNetSpace()
    b0 = describe(space, space.encode(published("efficientnet_b0")))
    assert [b0[f"block {i} depth"] for i in range(1, 8)] == list("1223341")
    assert [b0[f"block {i} width"] for i in (1, 5, 7)] == ["16", "112", "320"]
    assert home("efficientnet_b0") == space
    b1 = published("efficientnet_b1")
    wide = EfficientNetSpace(resolution=240)
    assert wide.decode(wide.encode(b1)).id == b1.id


def test_padding_and_norm_tell_tf_from_plain() -> None:
    plain, tf = published("efficientnet_b0"), published("tf_efficientnet_b0")
    assert plain.id != tf.id
    assert cost(plain).params == cost(tf).params


CASES = ["efficientnet_b0", "tf_efficientnet_b0", "tf_efficientnetv2_b0"]
SLOW = [
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_b3",
    "efficientnet_b4",
    "efficientnet_lite0",
    "efficientnetv2_s",
    "tf_efficientnetv2_b3",
]


@pytest.mark.parametrize(
    "name", [*CASES, *[pytest.param(name, marks=pytest.mark.slow) for name in SLOW]]
)
def test_timm_gives_the_same(name: str, same_as_timm: Callable[[Architecture, str], None]) -> None:
    same_as_timm(published(name, classes=7, resolution=64), name)


@pytest.mark.parametrize(
    "name", [FAST, *(pytest.param(n, marks=pytest.mark.slow) for n in PUBLISHED if n != FAST)]
)
def test_forward_and_backward_at_native_size(
    name: str, runs_at_native_size: Callable[[Architecture], None]
) -> None:
    runs_at_native_size(published(name))


def test_rates_are_as_published_when_asked_for() -> None:
    arch = published("efficientnet_b4", dropout=None, drop_path=None)
    assert [n.op.rate for n in arch if isinstance(n.op, Dropout)] == [0.4]
    rates = {n.name: n.op.rate for n in arch if isinstance(n.op, DropPath)}
    assert len(rates) == 32 - 7  # no skip where a stage begins; stage 1 too changes channels
    assert rates["blocks.0.1.drop_path"] == pytest.approx(0.2 * 1 / 32)
    assert rates["blocks.6.1.drop_path"] == pytest.approx(0.2 * 31 / 32)
    assert not any(isinstance(n.op, Dropout | DropPath) for n in published("efficientnet_b4"))


def test_the_reward_that_found_b0() -> None:
    objective = Objective(metric="accuracy", factors=FACTORS)
    b0 = cost(published("efficientnet_b0"))
    value = objective({"accuracy": 0.771}, b0)
    assert value == pytest.approx(0.771 * (385_814_752 / 400e6) ** -0.07)


def test_other_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'efficientnet_b"):
        published("efficientnet_b9")
