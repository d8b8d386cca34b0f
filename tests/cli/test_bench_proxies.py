"""``netwright bench proxies``: its table, its files, its mistakes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from command_line import Command, Refused
from small_table import write_small_table


@pytest.fixture
def words(tmp_path: Path, photos: Path) -> tuple[str | Path, ...]:
    table = write_small_table(tmp_path)
    return (
        "bench", "proxies", "--table", table, "--images", photos, "--sample", "6", "--size", "8",
        "--batch", "4", "--workers", "1", "--proxy", "l2_norm", "--proxy", "synflow",
    )  # fmt: skip


def test_controls_stand_beside_and_files_agree(
    command: Command, words: tuple[str | Path, ...]
) -> None:
    answer = command(*words, "--out", "here")
    assert answer.code == 0 and "6 of 6 networks are scored" in answer.err
    for name in ("params *", "macs *", "sum_log_n *", "l2_norm", "synflow"):
        assert name in answer.out
    with Path("here/correlations.csv").open() as file:
        rows = list(csv.DictReader(file))
    again = command(*words, "--out", "here", "--json")
    assert "scored" not in again.err
    figures = again.data["rankings"]
    assert [float(r["spearman"]) for r in rows] == [f["spearman"] for f in figures]
    lines = Path("here/scores.jsonl").read_text().splitlines()
    assert len({json.loads(line)["row"] for line in lines}) == len(lines) == 6
    synflow = next(f for f in figures if f["proxy"] == "synflow")
    assert synflow["networks"] == 5 and synflow["published_spearman"] == 0.74


def test_mistakes_are_one_sentence(refused: Refused, words: tuple[str | Path, ...]) -> None:
    assert "Did you mean 'synflow'?" in refused(*words, "--proxy", "sinflow")
    assert "--workers 0" in refused(*words[:-6], "--workers", "0")
    assert "from 3" in refused(*(w if w != "6" else "900" for w in words))
    assert "no table" in refused("bench", "proxies", "--table", "x", "--images", "digits")
