"""Blocks are checked when made, counted once, and the same in every process."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netwright.arch.block import Block, Draft, Node
from netwright.arch.blocks import mbconv
from netwright.arch.ops import Add, Conv, Linear
from netwright.errors import ShapeError

SHAPE = (4, 6, 6)


def test_counts_and_shapes() -> None:
    draft = Draft("pair", SHAPE)
    y = draft.add("a", Conv(out=8, kernel=3, bias=True), 0)
    assert draft.shape(y) == (8, 6, 6) and draft.shape(0) == SHAPE
    draft.add("sum", Add(), y, y)
    block = draft.block()
    assert block.out_shape == (8, 6, 6) and block.shapes == ((8, 6, 6), (8, 6, 6))
    assert block.params == 8 * 4 * 9 + 8 and block.macs == 8 * 4 * 9 * 36
    assert [s.inputs for s in block.steps] == [(0,), (1, 1)]
    assert block.names == {"a", "sum"} and block.folders == ()


@pytest.mark.parametrize(("nodes", "words"), [
    ((), "empty"),
    ((Node("a", Conv(out=8), (1,)),), "reads 1, which does not come before"),
    ((Node("a", Conv(out=8), ("b",)), Node("b", Conv(out=8), (0,))), "reads 'b'"),
    ((Node("a", Conv(out=8), (0,)), Node("a", Conv(out=8), (0,))), "Two nodes"),
    ((Node("a", Conv(out=8), (0, 0)),), "cannot take 2 inputs"),
    ((Node("a", Add(), ()),), "cannot take 0 inputs"),
    ((Node("a", Linear(out=8), (0,)),), "a in 'b': linear needs a vector"),
])  # fmt: skip
def test_blocks_that_do_not_fit_together(nodes: tuple[Node, ...], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        Block("b", (SHAPE,), nodes)


def test_a_draft_says_at_once_what_does_not_fit() -> None:
    draft = Draft("d", SHAPE)
    with pytest.raises(ShapeError, match="fc in 'd': linear"):
        draft.add("fc", Linear(out=3), 0)
    with pytest.raises(ShapeError, match="reads 'x'"):
        draft.add("c", Conv(out=3), "x")


def test_folders_are_what_stands_before_the_dots() -> None:
    assert mbconv(SHAPE, 4, se_ratio=0.25).folders == ("se",)
    deep = Block("b", (SHAPE,), (Node("a.b.c", Conv(out=1), (0,)),))
    assert sorted(deep.folders) == ["a", "a.b"]


def test_equal_blocks_hash_alike_after_a_journey() -> None:
    block = mbconv(SHAPE, 4)
    assert hash(block) and block.reduced and block.names
    state = block.__getstate__()
    assert "_hash" not in state and set(state) >= {"label", "nodes", "params", "out_shape"}
    again = copy.deepcopy(block)
    assert again is not block and again == block and hash(again) == hash(block)
    assert again.reduced == block.reduced


_CHILD = """
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from netwright.arch.blocks import mbconv
def known(block):
    return block in {mbconv((4, 6, 6), 4): 1}
if __name__ == "__main__":
    block = mbconv((4, 6, 6), 4)
    hash(block)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        sys.exit(0 if pool.submit(known, block).result() else 1)
"""


def test_a_block_from_another_process_is_found_in_a_dict(tmp_path: Path) -> None:
    script = tmp_path / "child.py"
    script.write_text(_CHILD)
    env = {k: v for k, v in os.environ.items() if k != "PYTHONHASHSEED"}
    assert subprocess.run([sys.executable, script], env=env, timeout=60).returncode == 0
