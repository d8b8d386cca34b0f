"""Searches that are kept: each is made once, and a benchmark that was killed goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kept import Kept


def test_a_killed_benchmark_goes_on(tmp_path: Path) -> None:
    path, made = tmp_path / "kept.json", list[int]()

    def search(seed: int) -> list[float]:
        if seed == 2 and len(made) == 2:
            raise KeyboardInterrupt
        made.append(seed)
        return [seed + 0.1]

    with pytest.raises(KeyboardInterrupt):
        Kept(path).each("c10 ppo", range(4), search)
    made.append(-1)
    found = Kept(path).each("c10 ppo", range(4), search)
    assert found == [[0.1], [1.1], [2.1], [3.1]] and made == [0, 1, -1, 2, 3]
    assert list(json.loads(path.read_text())) == [f"c10 ppo {seed}" for seed in range(4)]
    assert Kept(path).each("c10 uniform", [0], lambda seed: "another") == ["another"]


def test_without_a_file_nothing_is_kept(tmp_path: Path) -> None:
    kept = Kept(None)
    assert kept.each("a", [1, 1], lambda seed: seed * 2) == [2, 2]
    assert Kept(None).each("a", [1], lambda seed: 0) == [0] and not list(tmp_path.iterdir())
