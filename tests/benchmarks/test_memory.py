"""Memory is seen of the coordinator and of its workers."""

from __future__ import annotations

from pathlib import Path

import pytest

import memory


@pytest.mark.slow
def test_all_processes_are_seen(tmp_path: Path) -> None:
    words = ["search", "digits", "--max-macs", "100k", "--minutes", "0.02", "--workers", "1"]
    out = ["--objective", "params", "--out", str(tmp_path / "run")]
    own, worker, together = memory.peaks([*words, *out])
    assert 50 < own < 4000 and 50 < worker < 4000 and together >= max(own, worker)


def test_a_search_that_fails_is_not_measured() -> None:
    with pytest.raises(RuntimeError, match="exit code 2"):
        memory.peaks(["search", "nowhere/at/all"])
