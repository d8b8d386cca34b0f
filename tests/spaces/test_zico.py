"""ZiCo's space on tokens: published networks, their cost, and the official search's moves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.contracts import Space
from netwright.errors import TokenError, UnknownNameError, UsageError
from netwright.nn.build import build
from netwright.rng import stream
from netwright.spaces.tokens import enumerate_tokens, sample
from netwright.spaces.zennas import INITIAL
from netwright.spaces.zico import PUBLISHED, ZiCoSpace, home, published, strides_for
from netwright.testing import SpaceContract

COUNTS = {  # M parameters, M parameters without SE, M MACs, depth
    "zico_450m": (7.53, 5.74, 440.1, 14),
    "zico_600m": (19.19, 9.70, 600.4, 14),
    "zico_1g": (28.78, 15.32, 1000.0, 16),
}
EXACT = {
    "zico_450m": (7_526_376, 440_135_616),
    "zico_600m": (19_194_448, 600_385_488),
    "zico_1g": (28_781_452, 999_959_728),
}


class TestZiCo(SpaceContract):
    samples = 8

    def make(self) -> Space:
        return ZiCoSpace(classes=10, resolution=16, slots=2, max_width=24)


class TestZiCoWithoutResidualsAndSE(SpaceContract):
    samples = 4

    def make(self) -> Space:
        return ZiCoSpace(classes=10, resolution=8, slots=2, max_width=16, residual=False, se=False)


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_those_measured_on_the_official_networks(name: str) -> None:
    params, plain, macs, depth = COUNTS[name]
    found = cost(published(name))
    assert (found.params, found.macs) == EXACT[name]
    assert found.params / 1e6 == pytest.approx(params, abs=0.005)
    assert found.macs / 1e6 == pytest.approx(macs, abs=0.05)
    assert cost(published(name, se=False)).params / 1e6 == pytest.approx(plain, abs=0.006)
    assert PUBLISHED[name].depth == depth
    assert COUNTS.keys() == PUBLISHED.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_forward_and_backward_at_native_size(
    name: str, runs_at_native_size: Callable[[Architecture], None]
) -> None:
    runs_at_native_size(published(name))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_are_members_and_survive_json(name: str) -> None:
    arch, space = published(name), home(name)
    tokens = space.encode(arch)
    assert space.canonical(tokens) == tokens
    assert space.decode(tokens).id == arch.id
    assert space.to_string(tokens) == str(PUBLISHED[name])
    assert space.from_string(str(PUBLISHED[name])) == tokens
    assert Architecture.from_json(arch.to_json()) == arch
    small = published(name, classes=10, resolution=64)
    assert home(name, classes=10, resolution=64).encode(small) == tokens


def test_size_is_the_number_of_canonical_rows() -> None:
    tiny = ZiCoSpace(slots=2, max_width=8)
    filled = 12 * 5
    assert tiny.size == (filled + filled**2) ** 4

    # By enumeration of one stage: its rows do not depend on the others'.
    class Stage:
        name, choices = "stage", tiny.choices[1:9]

        def canonical(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
            return tiny.canonical((0, *tokens, *(0,) * 24))[1:9]

        def decode(self, tokens: tuple[int, ...]) -> Architecture:
            return tiny.decode((0, *tokens, *(0,) * 24))

    assert sum(1 for _ in enumerate_tokens(Stage())) == filled + filled**2


def test_strides_leave_four_pixels() -> None:
    assert strides_for(224) == strides_for(128) == (2, 2, 2, 2, 2)
    assert strides_for(64) == (1, 2, 2, 2, 2) and strides_for(32) == (1, 1, 2, 2, 2)
    assert strides_for(4) == (1, 1, 1, 1, 1)
    for side in (8, 28, 32, 64, 96, 224):
        space = ZiCoSpace(classes=10, resolution=side)
        assert min(space.decode(space.initial).placed[-2].block.out_shape[1:]) >= 4


def test_the_search_starts_from_the_official_network() -> None:
    space = ZiCoSpace()
    assert space.structure(space.initial) == INITIAL
    small = ZiCoSpace(classes=10, resolution=32, channels=1)
    assert small.structure(small.initial).stem_stride == 1


def test_mutation_keeps_to_the_cap_and_the_slots() -> None:
    space = ZiCoSpace(classes=10, resolution=64, max_width=256)
    rng, row = stream(0, "test", "zico"), space.initial
    depths = []
    for _ in range(150):
        new = space.mutate(row, rng=rng)
        assert new != row and space.canonical(new) == new
        row = new
        depths.append(space.structure(row).depth)
    assert max(depths) == 14
    free = ZiCoSpace(classes=10, resolution=64, max_width=256, max_depth=None)
    row = space.initial
    for _ in range(300):
        row = free.mutate(row, rng=rng)
        depths.append(free.structure(row).depth)
    assert max(depths) > 14
    assert free.encode(free.decode(row)) == row
    assert space.mutate(row, rng=stream(3, "x")) == space.mutate(row, rng=stream(3, "x"))


@pytest.mark.parametrize("flag", [True, False])
def test_small_networks_train(flag: bool) -> None:
    space = ZiCoSpace(classes=5, resolution=16, max_width=32, slots=2, residual=flag, se=flag)
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for number in range(2):
        arch = space.decode(sample(space, stream(number, "test", "zico")))
        module = build(arch, seed=0)
        module(images).sum().backward()
        assert all(p.grad is not None for p in module.parameters())
        assert sum(p.numel() for p in module.parameters()) == cost(arch).params


def test_squeeze_and_excitation_follows_the_relu() -> None:
    arch = published("zico_450m")
    node = next(n for n in arch if n.name == "blocks.0.0.a.se.pool")
    assert node.inputs == ("blocks.0.0.act_a_bn2",)


def test_mistakes_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'zico_1g'"):
        published("zico_1G")
    with pytest.raises(UsageError, match="multiple of 8"):
        ZiCoSpace(max_width=100)
    with pytest.raises(UsageError, match="strides are five"):
        ZiCoSpace(strides=(2, 2))
    space = ZiCoSpace()
    with pytest.raises(TokenError, match="cannot hold"):
        space.from_string(str(INITIAL).replace("K3BNRELU(3,8,2", "K3BNRELU(3,8,1"))
    with pytest.raises(TokenError, match="up to 64 here"):
        ZiCoSpace(max_width=64).from_string(str(INITIAL))
    with pytest.raises(TokenError, match="no member"):
        ZiCoSpace(se=False).encode(published("zico_450m"))
