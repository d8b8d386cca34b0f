"""``netwright bench strategies``: its table, its files, its mistakes."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from command_line import Command, Refused
from netwright.spaces.nasbench201 import to_string


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = list(itertools.product(range(5), repeat=6))
    path = tmp_path_factory.mktemp("table") / "cells.parquet"
    value = [90.0 + row.count(3) - 0.1 * row[0] for row in rows]
    columns = {"arch_str": [to_string(row) for row in rows], "c10_val_200": value,
               "c10_test_200": [v + 1 for v in value]}  # fmt: skip
    parquet.write_table(pa.table(columns), path)
    return path


SMALL = ("--strategy", "evolution", "--strategy", "uniform", "--evaluations", "50", "--seeds", "4",
         "--workers", "1")  # fmt: skip


def test_the_table_fits_80_columns_and_the_files_agree(command: Command, cells: Path) -> None:
    answer = command("bench", "strategies", "--table", cells, *SMALL, "--out", "here")
    assert answer.code == 0 and "8 of 8 searches are done" in answer.err
    rows = [line.rstrip() for line in answer.out.splitlines()]
    figures = [line for line in rows if line.startswith(("evolution", "uniform", "strategy"))]
    assert len(figures) == 3 and max(map(len, figures)) <= 80
    assert figures[0].split() == ["strategy", "after", "10", "after", "30", "after", "50", "p"]
    data = json.loads(Path("here/result.json").read_text())
    last = {name: rows[-1] for name, rows in data["strategies"].items()}
    assert f"{last['evolution']['regret']:.2f}" in figures[1]
    with Path("here/curves.csv").open() as file:
        written = list(csv.DictReader(file))
    assert len(written) == 100
    end = next(r for r in written if r["strategy"] == "uniform" and r["evaluations"] == "50")
    assert float(end["regret"]) == pytest.approx(last["uniform"]["regret"], rel=1e-5)
    assert data["contest"]["report"] == "c10_test_200"
    assert ElementTree.fromstring(Path("here/regret.svg").read_text()) is not None


def test_it_goes_on_and_prints_json(command: Command, cells: Path) -> None:
    words = ("bench", "strategies", "--table", cells, *SMALL, "--out", "here", "--json")
    first = command(*words).data
    again = command(*words)
    assert again.data == first and again.err.splitlines() == ["8 of 8 searches are done"]
    assert set(first["strategies"]) == {"uniform", "evolution"}


WRONG = [
    (["--table", "nowhere.parquet"], "There is no table at nowhere.parquet"),
    (["--table", "@", "--objective", "c10_val"], "has no column 'c10_val'"),
    (["--table", "@", "--seeds", "0"], "--seeds 0 would search nothing"),
    (["--table", "@", "--workers", "0"], "--workers 0 would do nothing"),
    (["--table", "@", "--evaluations", "0"], "give at least 1"),
    (["--table", "@", "--strategy", "evolutoin"], "Did you mean 'evolution'?"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(w) for w, _ in WRONG])
def test_a_mistake_is_one_sentence(
    refused: Refused, cells: Path, words: list[str], said: str
) -> None:
    assert said in refused("bench", "strategies", *(cells if w == "@" else w for w in words))


def test_what_is_no_parquet_file_is_refused(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no table")
    said = refused("bench", "strategies", "--table", "text.parquet")
    assert "text.parquet cannot be read as a Parquet file" in said
