"""Streams depend on the seed and the whole path, and on nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from netwright.rng import derive, stream


def test_golden() -> None:
    assert derive(0, "ask", 7) == derive(0, "ask", 7)
    assert stream(0, "ask", 7).integers(1000, size=4).tolist() == [931, 16, 999, 584]


def test_every_part_of_the_path_counts() -> None:
    paths: list[tuple[Any, ...]] = [
        (0,), (1,), (0, "a"), (0, "b"), (0, "a", 1), (0, "a", 2), (0, "a", "1"), (0, 1, "a"),
        (0, "a1"), (-1,), (0, ""), (0, "a", "b"), (0, "ab"),
    ]  # fmt: skip
    values = {derive(*p) for p in paths}
    assert len(values) == len(paths) and all(0 <= v < 2**63 for v in values)


def test_numpy_integers_are_integers() -> None:
    assert derive(np.int64(3), "x", np.int32(5)) == derive(3, "x", 5)  # type: ignore[arg-type]
    assert derive(3, np.str_("x")) == derive(3, "x")


@pytest.mark.parametrize("path", [(0.5,), (0, 1.0), ("0",)])
def test_only_whole_numbers_and_names(path: Any) -> None:
    with pytest.raises(TypeError):
        derive(*path)


def test_same_in_another_process() -> None:
    code = "from netwright.rng import derive; print(derive(3, 'init', 'conv_stem', 2))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(out.stdout) == derive(3, "init", "conv_stem", 2)


def test_numpys_global_generator_is_left_alone() -> None:
    before, after = (repr(np.random.get_state()) for _ in _drawing())  # noqa: NPY002
    assert before == after


def _drawing() -> Iterator[None]:
    yield
    stream(0, "x").random(10)
    yield
