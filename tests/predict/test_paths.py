"""The ways through a block, against hand counts and against every path written out."""

from __future__ import annotations

import itertools

import pytest

from netwright.arch import blocks
from netwright.arch.block import Block
from netwright.arch.operation import Step
from netwright.arch.ops import Zero
from netwright.predict.paths import Ways, degrees, ways
from netwright.rng import stream
from netwright.spaces.nasbench201 import EDGES, NASBench201Space
from netwright.spaces.tokens import sample

NONE, SKIP, CONV1, CONV3, POOL = range(5)
SPACE = NASBench201Space()


def steps(block: Block) -> list[Step]:
    """The block after its entrances."""
    return [*(Step(None, (), shape) for shape in block.input_shapes), *block.steps]


def cell(tokens: tuple[int, ...]) -> list[Step]:
    """The first cell of a NAS-Bench-201 network."""
    return steps(SPACE.decode(tokens).placed[1].block)


def every_path(tokens: tuple[int, ...]) -> list[list[int]]:
    """The operations on each path from node 0 to node 3, from the tokens alone."""
    token = dict(zip(EDGES, tokens, strict=True))
    found = []
    for inner in itertools.chain.from_iterable(
        itertools.combinations((1, 2), n) for n in range(3)
    ):
        nodes = (0, *inner, 3)
        path = [token[edge] for edge in itertools.pairwise(nodes)]
        if NONE not in path:
            found.append(path)
    return found


def seen(found: Ways) -> tuple[float, ...]:
    lengths = (found.convs, found.spatial, found.pools)
    return tuple(v for length in lengths for v in (length.least, length.mean, length.most))


def test_cells_against_their_paths_written_out() -> None:
    for i in range(200):
        tokens = sample(SPACE, stream(0, "paths", i))
        paths = every_path(tokens)
        found = ways(cell(tokens))
        assert found.count == len(paths), tokens
        assert found.skipping == sum(set(path) <= {SKIP} for path in paths)
        wet = [path for path in paths if POOL not in path]
        assert found.convolving == sum(not set(path) <= {SKIP} for path in wet)
        if not paths:
            continue
        expected: list[float] = []
        for kinds in ((CONV1, CONV3), (CONV3,), (POOL,)):
            counts = [sum(op in kinds for op in path) for path in paths]
            expected += [min(counts), sum(counts) / len(counts), max(counts)]
        assert seen(found) == pytest.approx(expected)
        convs = [sum(op in (CONV1, CONV3) for op in path) for path in wet]
        assert found.detour == (min(convs) if convs else found.convs.most + 1)


def test_degrees_of_cells() -> None:
    # 0→1 conv3, 0→2 pool, 1→2 skip, 0→3 skip, 1→3 conv1, 2→3 skip
    block = cell((CONV3, POOL, SKIP, SKIP, CONV1, SKIP))
    first, last = degrees(block, ways(block))
    assert {k: v for k, v in first.items() if v} == {"dense": 1, "average": 1, "skip": 1}
    assert {k: v for k, v in last.items() if v} == {"pointwise": 1, "skip": 2}


def test_what_nothing_reads_is_on_no_path() -> None:
    dead = cell((CONV3, NONE, NONE, POOL, NONE, NONE))
    found = ways(dead)
    assert (found.count, found.convs.most, found.pools.most) == (1, 0, 1)
    assert found.classes.count("dense") == 0
    first, _ = degrees(dead, found)
    assert first["dense"] == 0 and first["average"] == 1


def test_a_cell_without_paths_has_lengths_of_nought() -> None:
    found = ways(cell((CONV3, NONE, CONV3, NONE, NONE, NONE)))
    assert (found.count, found.convs.most, found.detour) == (0, 0, 0)
    empty = [Step(None, (), (4, 8, 8)), Step(Zero(), (0,), (4, 8, 8))]
    assert degrees(empty, ways(empty))[1] == dict.fromkeys(degrees(empty, ways(empty))[1], 0)


def test_an_mbconv_is_a_skip_and_three_convolutions() -> None:
    block = steps(blocks.mbconv((16, 8, 8), 16, 5, expand=4, se_ratio=0.25))
    found = ways(block)
    assert (found.count, found.skipping, found.convolving) == (2, 1, 1)
    assert (found.convs.most, found.spatial.most, found.reach.most) == (3, 1, 4)  # no SE convs
    assert (found.convs.least, found.convs.mean) == (0, 1.5)
    first, last = degrees(block, found)
    assert first == {**dict.fromkeys(first, 0), "pointwise": 1, "skip": 1}
    assert last == {**dict.fromkeys(last, 0), "pointwise": 1, "skip": 1}


def test_a_plain_block_without_a_skip() -> None:
    block = steps(blocks.mbconv((16, 8, 8), 24, 3, stride=2))
    found = ways(block)
    assert (found.count, found.skipping) == (1, 0)
    assert found.classes.count("depthwise") == 1 and found.classes.count("pointwise") == 2
