"""How NASNet's cells are stacked: what reads what, and which channels come out."""

from __future__ import annotations

import pytest

from netwright.arch.cells import Cell
from netwright.arch.graph import Architecture
from netwright.arch.nasnet import Genotype, Macro, network

CELL = Cell.parse("sep3x3(0)+sep3x3(1) > 2")
BOTH = Genotype(normal=CELL, reduction=CELL)


def reads(arch: Architecture) -> dict[str, list[str]]:
    names = ["image", *(p.prefix for p in arch.placed)]
    return {p.prefix: [names[i] for i in p.inputs] for p in arch.placed}


@pytest.mark.parametrize("skip", [False, True])
def test_what_reads_what(skip: bool) -> None:
    macro = Macro(cells=2, filters=8, stem=6, imagenet=True, skip_reduction_input=skip)
    arch = network(BOTH, macro, image=(3, 129, 129), classes=3, aux=True)
    found = reads(arch)
    assert found["cell_stem_0"] == ["conv0"]
    assert found["cell_stem_1"] == ["cell_stem_0", "conv0"]
    assert found["cell_0"] == ["cell_stem_1", "cell_stem_0"]
    assert found["reduction_cell_0"] == ["cell_1", "cell_0"]
    before = "cell_0" if skip else "cell_1"  # what the reduction took, or what it read
    assert found["cell_2"] == ["reduction_cell_0", before]
    assert found["cell_3"] == ["cell_2", "reduction_cell_0"]
    assert found["aux"] == ["cell_3"] and found[""] == ["cell_5"]
    shapes = {p.prefix: p.block.out_shape for p in arch.placed}
    assert shapes["conv0"] == (6, 64, 64)  # VALID
    assert shapes["cell_stem_0"] == (2, 32, 32) and shapes["cell_stem_1"] == (4, 16, 16)
    assert shapes["cell_5"] == (32, 4, 4)


def test_a_plain_stem_keeps_the_size() -> None:
    arch = network(BOTH, Macro(cells=1, filters=4, stem=12), image=(1, 8, 8), classes=3)
    shapes = [p.block.out_shape for p in arch.placed]
    assert shapes == [(12, 8, 8), (4, 8, 8), (8, 4, 4), (8, 4, 4), (16, 2, 2), (16, 2, 2), (3,)]
    assert arch.aux is None
