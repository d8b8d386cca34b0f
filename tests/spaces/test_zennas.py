"""Structure strings of the IDW space, splitting, and the official mutation."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from netwright.arch.blocks import classifier
from netwright.arch.cost import cost
from netwright.arch.graph import chain
from netwright.arch.idw import round_to_8
from netwright.errors import UsageError
from netwright.rng import stream
from netwright.spaces.zennas import FACTORS, INITIAL, SKEW, TYPES, Structure, mutate, split

TEXT = (
    "SuperConvK3BNRELU(3,24,2,1)SuperResIDWE1K7(24,48,2,48,1)SuperResIDWE6K5(48,72,1,56,3)"
    "SuperConvK1BNRELU(72,2048,1,1)"
)


def test_strings_are_read_and_written() -> None:
    structure = Structure.parse(TEXT)
    assert str(structure) == TEXT == str(Structure.parse(TEXT.replace(")", ") ")))
    assert (structure.stem, structure.depth) == (24, 6)
    second = structure.blocks[1]
    assert (second.expand, second.kernel, second.out, second.stride) == (6, 5, 72, 1)
    assert (second.bottleneck, second.layers) == (56, 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[5:],
        TEXT.replace("E1K7", "E3K7"),
        TEXT.replace("(48,72", "(40,72"),
        TEXT.replace(",2,48,1)", ",2,48)"),
        TEXT.replace("ResIDWE1K7", "ResK3K3"),
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no structure of the IDW space"):
        Structure.parse(text)


def test_the_initial_network_has_the_measured_cost() -> None:
    found = cost(INITIAL.architecture(resolution=224, classes=1000, se=False))
    assert found.params == pytest.approx(2.82e6, abs=0.005e6)
    assert found.macs == pytest.approx(159.3e6, abs=0.05e6)


def test_the_structure_comes_back_from_the_network() -> None:
    for structure in (INITIAL, Structure.parse(TEXT)):
        for flag in (True, False):
            arch = structure.architecture(resolution=32, classes=10, residual=flag, se=flag)
            assert Structure.of(arch) == structure
    plain = chain((3, 8, 8), [("", classifier((3, 8, 8), 10))])
    assert Structure.of(plain) is None


def test_rounding_takes_halves_to_the_even_multiple() -> None:
    assert [round_to_8(n) for n in (1, 20, 28, 12, 100)] == [8, 16, 32, 16, 96]


def test_deep_super_blocks_are_split() -> None:
    deep = replace(INITIAL, blocks=(replace(INITIAL.blocks[0], layers=7), *INITIAL.blocks[1:]))
    cut = split(deep)
    assert [(b.layers, b.stride) for b in cut.blocks[:3]] == [(3, 2), (4, 1), (1, 2)]
    assert cut.depth == deep.depth and split(cut) == cut
    assert cut.blocks[1].out == cut.blocks[0].out == deep.blocks[0].out
    assert Structure.parse(str(cut)) == cut
    five = replace(INITIAL, blocks=(replace(INITIAL.blocks[0], layers=5), *INITIAL.blocks[1:]))
    assert split(five) == five


def test_mutation_stays_within_its_rules() -> None:
    rng = stream(0, "test", "zennas")
    for _ in range(300):
        new = mutate(INITIAL, rng=rng, blocks=1)
        assert new.head == 2048 and [b.stride for b in new.blocks] == [2, 2, 2, 2]
        changed = [i for i, b in enumerate(new.blocks) if b != INITIAL.blocks[i]]
        assert len(changed) + (new.stem != INITIAL.stem) <= 1
        for i in changed:
            old, b = INITIAL.blocks[i], new.blocks[i]
            assert (b.expand, b.kernel) in TYPES and 1 <= b.layers <= old.layers + 2
            assert b.out in {round_to_8(old.out * f) for f in FACTORS}
            assert b.bottleneck in {round_to_8(old.bottleneck * f) for f in FACTORS}
        assert Structure.parse(str(new)) == new


def test_types_are_drawn_evenly_unless_the_skew_is_asked_for() -> None:
    """The skew's first and last probability are those measured on the official code."""
    assert sum(SKEW) == 89 and len(SKEW) == len(TYPES)
    assert SKEW[0] / 89 == pytest.approx(0.1348, abs=5e-5)
    assert SKEW[-1] / 89 == pytest.approx(0.0225, abs=5e-5)
    one = replace(INITIAL, blocks=INITIAL.blocks[:1])
    for skewed in (False, True):
        rng, seen = stream(1, "test", "skew"), Counter[tuple[int, int]]()
        for _ in range(4000):
            block = mutate(one, rng=rng, blocks=1, skewed=skewed).blocks[0]
            if block != one.blocks[0]:
                seen[block.expand, block.kernel] += 1
        odds = SKEW if skewed else (1,) * 12
        for kind, weight in zip(TYPES, odds, strict=True):
            share = weight / sum(odds)
            assert seen[kind] / seen.total() == pytest.approx(share, abs=0.03)


def test_the_same_stream_gives_the_same_mutation() -> None:
    first, second = (mutate(INITIAL, rng=stream(5, "m"), blocks=2) for _ in range(2))
    assert first == second != INITIAL
