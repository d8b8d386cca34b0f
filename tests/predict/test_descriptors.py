"""Descriptors against costs, layers and stages counted another way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from netwright.arch.cost import cost, sum_log_n
from netwright.arch.ops import Conv, Linear
from netwright.contracts import Space
from netwright.fakes import TinySpace
from netwright.predict.descriptors import LEVELS, NAMES, describe, describe_all
from netwright.rng import stream
from netwright.spaces.accel import AccelSpace, from_digits
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.nasbench201 import NASBench201Space, from_string
from netwright.spaces.nasnet import NASNetSpace
from netwright.spaces.tokens import sample
from netwright.spaces.zico import ZiCoSpace

SPACES: list[Space] = [
    TinySpace(),
    MobileSpace(resolution=32, classes=10),
    AccelSpace(resolution=64, classes=10),
    NASBench201Space(),
    ZiCoSpace(),
    NASNetSpace(resolution=32, classes=10),
]


@pytest.mark.parametrize("space", SPACES, ids=lambda s: s.name)
def test_any_space_is_described_by_the_same_names(space: Space) -> None:
    archs = [space.decode(sample(space, stream(0, "describe", i))) for i in range(2)]
    table = describe_all(archs)
    assert table.shape == (2, len(NAMES)) and np.isfinite(table).all()
    assert len(set(NAMES)) == len(NAMES)
    for arch, row in zip(archs, table.tolist(), strict=True):
        found = describe(arch)
        assert tuple(found) == NAMES
        assert list(found.values()) == pytest.approx(row)
        assert math.expm1(found["log_params"]) == pytest.approx(cost(arch).params)
        assert math.expm1(found["log_macs"]) == pytest.approx(cost(arch).macs)


def test_no_networks_make_an_empty_table() -> None:
    assert describe_all([]).shape == (0, len(NAMES))


def test_a_staged_network_by_hand() -> None:
    digits = ("1446664", "3335355", "1234123", "0101010")
    arch = AccelSpace(resolution=64, classes=10).decode(from_digits(*digits))
    found = describe(arch)
    depths = [int(d) for d in digits[2]]
    layers = [n for n in arch.nodes if isinstance(n.op, Conv | Linear) and ".se." not in n.name]
    assert found["layers"] == len(layers) == found["depth"]
    assert found["gates"] == sum(d for d, se in zip(depths, digits[3], strict=True) if se == "1")
    kernels = [int(k) for k, d in zip(digits[1], depths, strict=True) for _ in range(d)]
    assert found["kernel"] == pytest.approx((3 + sum(kernels)) / (1 + len(kernels)))
    assert found["share_depthwise"] == pytest.approx(len(kernels) / len(layers))
    # 64 px: stem and stage 0 at 32, then 16, 8, stages 3 and 4 at 4, the rest and the head at 2
    of_level = [found[f"level{i}_layers"] for i in range(LEVELS)]
    assert of_level == [0, 1 + 2 * 1, 3 * 2, 3 * 3, 3 * (4 + 1), 3 * (2 + 3) + 1 + 1]
    assert found["level2_expansion"] == pytest.approx(2)  # a fourfold, in base 2
    assert found["level2_kernel"] == 3 and found["level3_kernel"] == 3


def test_weights_are_counted_as_the_control_counts_them() -> None:
    tiny = TinySpace()
    arch = tiny.decode((1, 2, 2, 1))  # no gate, which the control counts and we do not
    assert describe(arch)["sum_log_n"] == pytest.approx(sum_log_n(arch))


def test_cells_are_described_by_their_ways() -> None:
    text = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    found = describe(NASBench201Space().decode(from_string(text)))
    cells = 15 / 16  # the stem is the sixteenth block of unchanged size
    assert found["cell_average"] == pytest.approx(cells)
    assert found["cell_first_skip"] == pytest.approx(cells)
    assert found["cell_ways"] == pytest.approx((15 * math.log1p(2) + math.log1p(1)) / 16)
    assert found["reduction_dense"] == 2
    assert found["log_ways"] == pytest.approx(17 * math.log(2))  # 15 cells, 2 reductions
    assert found["shortest"] == 1 + 2 + 1  # stem, a shortcut per reduction, classifier
    assert found["depth"] == 1 + 15 + 4 + 1


def test_what_reaches_no_output_counts_in_size_alone() -> None:
    space = NASBench201Space()
    dead = from_string("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|")
    full, bare = (describe(space.decode(t)) for t in (dead, space.canonical(dead)))
    assert full["log_params"] > bare["log_params"]
    assert full["layers"] == bare["layers"] and full["cell_dense"] == bare["cell_dense"]


def test_paths_run_across_blocks_of_cells() -> None:
    space = NASNetSpace(resolution=32, classes=10)
    arch = space.decode(sample(space, stream(0, "across")))
    assert not arch.is_chain
    found = describe(arch)
    assert found["shortest"] < found["depth"] < found["layers"]
