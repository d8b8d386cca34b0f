"""Searches under a latency limit: finished runs are read, and what they come to is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import latency_search as bench


def _line(seed: int, **changes: float) -> bench.Line:
    line: bench.Line = {
        "seed": seed, "resolution": 32, "limit_ms": 0.6, "stated_ms": 0.55, "measured_ms": 0.57,
        "accuracy": 0.5, "macs": 3_000_000, "correction": 1.0, "busy": False, "by_macs_ms": 0.9,
        "by_macs_accuracy": 0.52, "by_macs_macs": 2_900_000,
    }  # fmt: skip
    return {**line, **changes}


def test_runs_within_the_limit_are_counted() -> None:
    rows = bench.summary([_line(0), _line(1, measured_ms=0.61), _line(2, resolution=224)])
    assert rows["32 px, 0.6ms: within the limit, as stated"]["mean"] == 2
    anew = rows["32 px, 0.6ms: within the limit, measured anew in another process"]
    assert anew["mean"] == 1 and anew["unit"] == "of 2 runs"
    assert rows["32 px, 0.6ms: latency of the search by MACs"]["mean"] == pytest.approx(1.5)
    assert rows["224 px, 0.6ms: accuracy"]["mean"] == 50


def test_finished_runs_are_read_and_not_searched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[object, ...]] = []

    def netwright(*words: object) -> str:
        said.append(words)
        if words[0] == "latency":
            return json.dumps({"networks": [{"median_ms": 0.5}]})
        row = {
            "role": "search 1",
            "macs": 3_000_000,
            "val_accuracy": 0.4,
            "latency_ms": 0.45,
            "tokens": [0],
        }
        result = {
            "best": {"role": "search 1"}, "finals": [row],
            "latency": {"correction": 1.0, "busy": False},
        }  # fmt: skip
        run = Path(str(words[words.index("--out") + 1]))
        run.mkdir(parents=True)
        (run / "result.json").write_text(json.dumps(result))
        return ""

    monkeypatch.setattr(bench, "_netwright", netwright)
    given = bench.Given(folder=tmp_path, minutes=1, runtime="torch", workers=1)
    limit = bench.Limit.of("32:0.6:images:of mine")
    assert limit == (32, 0.6, "images:of mine")
    line = bench.pair(given, 0, limit=limit, by_macs=True)
    assert line["stated_ms"] == 0.45 and line["measured_ms"] == 0.5
    assert [w[0] for w in said] == ["search", "latency", "search", "latency"]
    assert "--max-latency" in said[0] and said[2][2:4] == ("--max-macs", "3000000")
    again = bench.pair(given, 0, limit=limit, by_macs=True)
    assert again == line and len(said) == 4
    alone = bench.pair(given, 0, limit=limit, by_macs=False)
    assert alone.items() <= line.items() and "by_macs_ms" not in alone
    row = bench.summary([line, alone])["32 px, 0.6ms: latency of the search by MACs"]
    assert row["repeats"] == 1 and row["mean"] == pytest.approx(0.5 / 0.6)
