"""The mobile space at every size: its schedule, its tokens, its count, its builds."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from netwright.arch.graph import Architecture
from netwright.contracts import Space
from netwright.errors import TokenError, UsageError
from netwright.nn.build import build
from netwright.rng import stream
from netwright.spaces.mobile import DEPTH, PER_STAGE, WIDTHS, MobileSpace, halvings
from netwright.spaces.tokens import raw_size, sample
from netwright.testing import SpaceContract


@pytest.mark.parametrize("resolution", [8, 28, 32, 96, 224])
class TestMobile:
    def test_candidates_run(self, resolution: int) -> None:
        space = MobileSpace(classes=7, resolution=resolution, channels=1)
        arch = space.decode(sample(space, stream(resolution, "t")))
        module = build(arch, seed=0, device="meta").eval()
        image = torch.empty(2, 1, resolution, resolution, device="meta")
        assert module(image).shape == (2, 7) and arch.classes == 7 and arch.is_chain

    def test_the_smallest_and_the_largest(self, resolution: int) -> None:
        space = MobileSpace(resolution=resolution)
        least = space.decode((0,) * len(space.choices))
        most = space.decode(tuple(len(c.options) - 1 for c in space.choices))
        halving = sum(s == 2 for s in halvings(resolution)[1])
        assert len(least.placed) == 3 + halving
        assert len(most.placed) == 3 + DEPTH * len(WIDTHS)

    def test_options_go_from_cheap_to_costly(self, resolution: int) -> None:
        space = MobileSpace(resolution=resolution)
        middle = tuple(len(c.options) // 2 for c in space.choices)
        for i, c in enumerate(space.choices):
            params = [
                sum(
                    p.block.params for p in space.decode((*middle[:i], t, *middle[i + 1 :])).placed
                )
                for t in range(len(c.options))
            ]
            assert params == sorted(params), c.name


class TestContract32(SpaceContract):
    def make(self) -> Space:
        return MobileSpace(classes=10, resolution=32)


class TestContract224(SpaceContract):
    samples = 10

    def make(self) -> Space:
        return MobileSpace(activation="silu")


def test_schedule() -> None:
    assert halvings(224) == halvings(128) == (2, (1, 2, 2, 2, 1, 2, 1))  # EfficientNet's
    assert halvings(32) == (1, (1, 1, 2, 2, 1, 2, 1)) and halvings(8) == (1, (1, 1, 1, 2, 1, 1, 1))
    for resolution in range(8, 257):
        stem, stages = halvings(resolution)
        side = resolution
        for stride in (stem, *stages):
            side = -(-side // stride)
        assert 4 <= side <= 8, resolution
        arch = MobileSpace(resolution=resolution, classes=2).decode((0,) * 38)
        assert arch.placed[-2].block.out_shape[1:] == (side, side)


def test_size_is_the_number_of_canonical_rows() -> None:
    """By hand for the space at 8 px, where one stage halves and six may be absent."""
    space = MobileSpace(resolution=8, classes=10)
    product = 4 * 6
    for i, widths in enumerate(WIDTHS):
        product *= 4 * 3 * 4 * len(widths) * 2 + (i != 3)
    assert space.size == 2 * product < raw_size(space)


def test_absent_stages_leave_no_trace() -> None:
    space = MobileSpace(resolution=32, classes=10)
    row = list(sample(space, stream(0, "t")))
    row[1 : 1 + PER_STAGE] = [0, 2, 3, 1, 1]
    came = space.canonical(tuple(row))
    assert came[1 : 1 + PER_STAGE] == (0,) * PER_STAGE
    assert space.decode(came) == space.decode(tuple(row))
    prefixes = [p.prefix for p in space.decode(came).placed if p.prefix]
    assert prefixes[0] == "blocks.0.0"


def test_decoding_is_a_function_of_the_tokens() -> None:
    one, two = (MobileSpace(resolution=96, classes=5) for _ in range(2))
    for i in range(20):
        row = sample(one, stream(i, "t"))
        arch = one.decode(row)
        assert arch == two.decode(row) and arch.id == two.decode(row).id
        assert Architecture.from_json(arch.to_json()) == arch


def test_other_tokens_are_other_networks() -> None:
    space = MobileSpace(resolution=224)
    rows = {sample(space, stream(i, "t")) for i in range(300)}
    assert len({space.decode(r).id for r in rows}) == len(rows)


def test_one_network_cut_in_two_ways_has_one_id() -> None:
    """Two blocks in one stage are one block in each of two equal stages."""
    space = MobileSpace(resolution=8, classes=10)
    row = [0] * 38
    row[1 : 1 + 2 * PER_STAGE] = [2, 0, 0, 0, 0] + [0] * PER_STAGE
    two = [0] * 38
    two[1 : 1 + 2 * PER_STAGE] = [1, 0, 0, 0, 0] * 2
    assert space.decode(tuple(row)).id == space.decode(tuple(two)).id


@pytest.mark.parametrize("change", [{"resolution": 7}, {"classes": 1}, {"channels": 0}])
def test_what_it_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="came"):
        MobileSpace(**change)


@pytest.mark.parametrize("row", [(0,) * 37, (0,) * 39, (9, *(0,) * 37), (*(0,) * 37, -1)])
def test_rows_that_are_no_candidate(row: tuple[int, ...]) -> None:
    for use in (MobileSpace().canonical, MobileSpace().decode):
        with pytest.raises(TokenError, match=r"tokens|Token"):
            use(row)
