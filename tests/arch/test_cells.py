"""Cells as data, and the parts that cells are written from."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netwright.arch.blocks import Style
from netwright.arch.cells import OPERATIONS, Cell, CellWriter, Pair, cell_block
from netwright.arch.graph import chain
from netwright.arch.ops import GlobalPool
from netwright.errors import UsageError
from netwright.nn.build import build

CELL = Cell.parse("sep3x3(0)+identity(1) max3x3(2),conv1x1(0) > 1 3")


def test_cells_are_read_and_written() -> None:
    assert CELL.pairs[1] == Pair(2, 0, "max3x3", "conv1x1", "concat")
    assert Cell.parse(str(CELL)) == CELL
    assert CELL.unused == (3,) and CELL.live == {0, 1, 2, 3}
    assert Cell.parse("sep3x3(0)+identity(1) max3x3(0)+max3x3(0) > 3").live == {0, 3}
    with pytest.raises(UsageError, match="'add' or 'concat'"):
        Cell((Pair(0, 1, "sep3x3", "sep3x3", "mean"),), (2,))


def test_dead_blocks_are_not_written() -> None:
    dead = Cell.parse("sep3x3(1)+identity(1) max3x3(0)+avg3x3(0) > 3")
    block = cell_block(dead, (4, 8, 8), (4, 8, 8), 4)
    names = {n.name.split(".")[0] for n in block.nodes}
    assert not any(n.startswith(("comb_iter_0", "conv_prev")) for n in names)
    assert block.nodes[-1].name == "comb_iter_1"


def test_one_joined_state_that_is_not_the_last_node() -> None:
    block = cell_block(Cell.parse("sep3x3(0)+sep3x3(0) > 0"), (4, 8, 8), None, 4)
    assert block.out_shape == (4, 8, 8)


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize("out", [6, 7])
def test_factorised_reduction_against_torch(side: int, out: int) -> None:
    """Every second pixel, and every second of the map moved by one, zeros entering."""
    w = CellWriter("reduce", Style(padding="same"), (3, side, side))
    w.add("pool", GlobalPool(), w.factorised_reduction("", 0, out))
    model = build(chain((3, side, side), [("", w.block())]), seed=0).eval()
    x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    moved = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
    halves = []
    for part, value in ((1, x), (2, moved)):
        weight = model.get_submodule(f"path_{part}.conv").weight
        assert isinstance(weight, torch.Tensor)
        assert weight.shape[0] == (out // 2 if part == 1 else out - out // 2)
        halves.append(nn.functional.conv2d(value, weight.contiguous(), stride=2))
    expected = model.get_submodule("final_path_bn")(torch.cat(halves, 1)).mean((2, 3))
    torch.testing.assert_close(model(x), expected)


def test_a_tensor_is_rectified_once() -> None:
    w = CellWriter("two", Style(), (4, 8, 8))
    assert w.relu(0) == w.relu(0) and len(w.nodes) == 1


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("padding", ["same", "symmetric"])
def test_operations_give_f_channels_and_half_the_size(name: str, padding: str) -> None:
    style = Style(padding="same" if padding == "same" else "symmetric")
    for stride, side in ((1, 9), (2, 5)):
        w = CellWriter(name, style, (5, 9, 9))
        assert w.shape(w.operation("op", name, 0, 6, stride=stride)) == (6, side, side)
