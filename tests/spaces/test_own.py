"""A user's own space: a staged one and a cell-like one, from the blocks of netwright.arch."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch

from netwright.arch.blocks import PLAIN, classifier, conv_bn_act, fused_mbconv, mbconv
from netwright.arch.cells import CellWriter
from netwright.arch.graph import Architecture, Block, Placed, chain
from netwright.arch.ops import Add
from netwright.contracts import Space
from netwright.errors import TokenError, UsageError
from netwright.nn.build import build
from netwright.spaces.own import OwnSpace, own_space
from netwright.spaces.tokens import count, describe, raw_size
from netwright.testing import SpaceContract

IMAGE = (3, 16, 16)


def staged(depth: int, width: int, kernel: int, kind: str) -> Architecture:
    """Up to two blocks behind a stem; the kernel matters only where there is a block."""
    block = conv_bn_act(IMAGE, 8, stride=2)
    row: list[tuple[str, Block]] = [("stem", block)]
    make = mbconv if kind == "thin" else fused_mbconv
    for i in range(depth):
        block = make(block.out_shape, width, kernel, stride=1 if i else 2)
        row.append((f"blocks.{i}", block))
    return chain(IMAGE, [*row, ("", classifier(block.out_shape, 5))], name="staged")


def needed(depth: int, width: int, kernel: int, kind: str) -> Iterable[str]:
    return ("depth",) if depth == 0 else ("depth", "width", "kernel", "kind")


def staged_space() -> OwnSpace:
    choices = {"depth": (0, 1, 2), "width": (8, 16), "kernel": (3, 5), "kind": ("thin", "fused")}
    return own_space("staged", choices, staged, active=needed)


def cell(left: str, right: str, cells: int) -> Architecture:
    """A cell that sums two operations on the last two outputs."""
    stem = conv_bn_act(IMAGE, 8)
    placed = [Placed("stem", stem, (0,))]
    for i in range(cells):
        w = CellWriter("cell", PLAIN, stem.out_shape, stem.out_shape)
        ends = [w.operation("left", left, 0, 8), w.operation("right", right, 1, 8)]
        w.add("sum", Add(), *ends)
        placed.append(Placed(f"cells.{i}", w.block(), (max(1, i), i + 1)))
    placed.append(Placed("", classifier(stem.out_shape, 5), (len(placed),)))
    return Architecture(IMAGE, tuple(placed), "cells")


def cell_space() -> OwnSpace:
    operations = ("identity", "max3x3", "sep3x3", "conv1x7_7x1")
    return own_space("cells", {"left": operations, "right": operations, "cells": (1, 3)}, cell)


class TestStaged(SpaceContract):
    def make(self) -> Space:
        return staged_space()


class TestCells(SpaceContract):
    def make(self) -> Space:
        return cell_space()


def test_values_and_labels() -> None:
    space = staged_space()
    assert space.named((1, 0, 1, 1)) == {"depth": 1, "width": 8, "kernel": 5, "kind": "fused"}
    assert describe(space, (1, 0, 1, 1))["kernel"] == "5"
    assert raw_size(space) == 24 and count(space) == 17
    assert space.canonical((0, 1, 1, 1)) == (0, 0, 0, 0)


@pytest.mark.parametrize("space", [staged_space(), cell_space()], ids=["staged", "cells"])
def test_networks_train_and_are_found_again(space: OwnSpace) -> None:
    row = space.canonical(tuple(len(c.options) - 1 for c in space.choices))
    arch = space.decode(row)
    assert space.decode(space.encode(arch)).id == arch.id
    module = build(arch, seed=0)
    images = torch.randn(2, *IMAGE, generator=torch.Generator().manual_seed(0))
    module(images).sum().backward()
    assert all(p.grad is not None for p in module.parameters())


def test_mistakes_are_named() -> None:
    with pytest.raises(UsageError, match="at least one choice"):
        own_space("none", {}, staged)
    with pytest.raises(UsageError, match="cannot be a choice"):
        own_space("x", {"stage 1": (1, 2)}, staged)
    with pytest.raises(UsageError, match="print differently"):
        own_space("x", {"depth": (1, "1")}, staged)
    odd = own_space("x", {"depth": (0, 1)}, lambda depth: depth)
    with pytest.raises(UsageError, match="returned int, not an Architecture"):
        odd.decode((0,))
    wrong = own_space("x", {"n": (0, 1)}, staged, active=lambda n: ["m"])
    with pytest.raises(UsageError, match=r"names \['m'\]"):
        wrong.canonical((1,))
    with pytest.raises(TokenError, match="no member"):
        staged_space().encode(cell("identity", "max3x3", 1))
    with pytest.raises(TokenError, match="must be 0 to 2"):
        staged_space().decode((3, 0, 0, 0))
