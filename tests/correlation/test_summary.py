"""A sample put together: ensembles come along, others' scores are found, figures are plain."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from netwright.correlation.scores import ScoreBook, Setting
from netwright.correlation.summary import Summary, summarise, write_summary
from netwright.correlation.tables import open_table
from netwright.errors import DataError
from netwright.proxies.ensembles import ENSEMBLES, Panel
from netwright.proxies.listing import ALL
from netwright.proxies.scoring import Score
from small_table import write_small_table

AZ = next(e for e in ENSEMBLES if e.name == "az_nas")
NAMES = ("params", *AZ.members, "synflow")
ROWS = [0, 1, 2, 4, 5]


def put_together(tmp_path: Path, **more: Path) -> Summary:
    table = open_table(write_small_table(tmp_path))
    setting = Setting(table="cells.parquet", images="digits", batch=4, size=8, seed=0)
    book = ScoreBook(tmp_path / "out", setting)
    for row in ROWS:
        for place, name in enumerate(NAMES):
            if (row, name) == (4, "az_trainability"):
                score = Score(value=None, reason="why", seconds=0.5)
            else:
                score = Score(value=float(row * (place % 2 or -1)), seconds=0.25)
            book.add(row, {name: score})
    proxies = [p for name in NAMES for p in ALL if p.name == name]
    return summarise(table, ROWS, book, proxies=proxies, repeats=20, **more)


def test_an_ensemble_ranks_within_the_sample(tmp_path: Path) -> None:
    summary = put_together(tmp_path)
    sample = [{m: summary.scores[m][i] for m in AZ.members} for i in range(len(ROWS))]
    panel = Panel.of(AZ, sample)
    assert summary.scores["az_nas"] == [panel.score(s) for s in sample]
    assert "te_nas" not in summary.scores  # its members were not scored
    row = next(r for r in summary.rankings if r.proxy == "az_nas")
    assert (row.networks, row.failed) == (5, 0)
    assert row.milliseconds == pytest.approx(1000)


def test_others_scores_are_found_beside_the_table(tmp_path: Path) -> None:
    summary = put_together(tmp_path)
    rows = {r.proxy: r for r in summary.rankings if r.column == "c10_test_200"}
    assert rows["synflow"].agreement == rows["synflow"].agreement
    assert rows["params"].agreement != rows["params"].agreement
    short = tmp_path / "short.parquet"
    parquet.write_table(parquet.read_table(tmp_path / "cells_zc.parquet").slice(1), short)
    with pytest.raises(DataError, match="other rows"):
        put_together(tmp_path, precomputed=short)
    with pytest.raises(DataError, match="no column"):
        parquet.write_table(pa.table({"x": [1]}), short)
        put_together(tmp_path, precomputed=short)


def test_figures_are_plain_json_and_files_are_written(tmp_path: Path) -> None:
    summary = put_together(tmp_path)
    facts = json.loads(json.dumps(summary.facts(), allow_nan=False))
    assert facts["networks"] == 5 and facts["setting"]["batch"] == 4
    assert {r["column"] for r in facts["rankings"]} == {"c10_test_200", "c10_val_200"}
    write_summary(tmp_path, summary)
    for name in ("scores.parquet", "correlations.csv", "c10_test_200.svg", "c10_val_200.svg"):
        assert (tmp_path / name).stat().st_size > 0
