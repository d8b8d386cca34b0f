"""The summary by stage adds up to the whole network."""

from __future__ import annotations

import pytest

from netwright.arch.cost import cost
from netwright.arch.draw import stages
from netwright.rng import stream
from netwright.spaces import efficientnet, mobile, nasnet
from netwright.spaces.tokens import sample


@pytest.mark.parametrize("name", ["efficientnet_b0", "efficientnet_b3"])
def test_stages_of_a_published_network(name: str) -> None:
    lines = stages(efficientnet.published(name))
    assert [line.name for line in lines] == [
        "stem", *(f"blocks.{i}" for i in range(7)), "head", "classifier",
    ]  # fmt: skip


def test_repeats_are_counted() -> None:
    lines = stages(efficientnet.published("efficientnet_b0"))
    assert lines[4].blocks == "ir_k3_s2_e6_c80_se0.25, 2x ir_k3_s1_e6_c80_se0.25"
    assert lines[4].out_shape == (80, 14, 14)


def test_lines_add_up_to_the_network() -> None:
    space = mobile.MobileSpace(10, 32)
    archs = [space.decode(sample(space, stream(0, "draw", i))) for i in range(10)]
    archs.append(nasnet.published("nasnet_a_cifar"))
    for arch in archs:
        lines, whole = stages(arch), cost(arch)
        assert sum(line.params for line in lines) == whole.params
        assert sum(line.macs for line in lines) == whole.macs
        if arch.is_chain:
            assert 4 * max(line.peak_elements for line in lines) == whole.peak_activation_bytes
