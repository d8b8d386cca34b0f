"""Scoring a sample: kept line by line, never twice, the same in any process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from netwright.arch.cost import cost, sum_log_n
from netwright.correlation import scores as module
from netwright.correlation.scores import ScoreBook, Setting, columns, score_network, score_sample
from netwright.correlation.tables import open_table, rebuild
from netwright.errors import DataError, StoreError, UsageError
from netwright.proxies.listing import ALL, Proxy
from netwright.proxies.scoring import Score
from netwright.workers import Processes, Serial
from small_table import write_small_table

NAMED = {p.name: p for p in ALL}


def pick(*names: str) -> list[Proxy]:
    return [NAMED[name] for name in names]


@pytest.fixture
def setting(photos: Path) -> Setting:
    return Setting(table="cells.parquet", images=str(photos), batch=4, size=8, seed=0)


def run(tmp_path: Path, setting: Setting, rows: Sequence[int], *names: str) -> ScoreBook:
    table = open_table(tmp_path / "cells.parquet")
    book = ScoreBook(tmp_path / "out", setting)
    with Serial() as executor:
        score_sample(table, rows, book, proxies=pick(*names), executor=executor)
    return book


def test_controls_are_those_of_the_graph(tmp_path: Path, setting: Setting) -> None:
    table = open_table(write_small_table(tmp_path))
    arch = rebuild(table.row(0), table.benchmark.space(8))
    found = score_network(arch, setting, tuple(pick("macs", "sum_log_n", "params", "l2_norm")))
    assert found["params"].value == cost(arch).params == table.row(0).params
    assert found["macs"].value == cost(arch).macs
    assert found["sum_log_n"].value == sum_log_n(arch)
    assert found["l2_norm"].value is not None


def test_only_what_is_missing_is_scored(
    tmp_path: Path, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small_table(tmp_path)
    asked: list[tuple[str, ...]] = []
    real = module.score_network

    def counted(arch: object, setting: Setting, proxies: Sequence[Proxy]) -> dict[str, Score]:
        asked.append(tuple(p.name for p in proxies))
        return real(arch, setting, proxies)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "score_network", counted)
    run(tmp_path, setting, [0, 1], "params", "l2_norm")
    book = run(tmp_path, setting, [0, 1, 2], "params", "synflow", "l2_norm")
    first, more = ("params", "l2_norm"), ("params", "synflow", "l2_norm")
    assert asked == [first, first, ("synflow",), ("synflow",), more]
    again = run(tmp_path, setting, [0, 1, 2], "params", "synflow", "l2_norm")
    assert len(asked) == 5 and again.scores == book.scores
    assert set(book.scores[1]) == {"params", "synflow", "l2_norm"}


def test_half_a_line_is_dropped_and_a_broken_one_told(tmp_path: Path, setting: Setting) -> None:
    write_small_table(tmp_path)
    book = run(tmp_path, setting, [0, 1], "params")
    whole = book.path.read_text()
    book.path.write_text(whole[:-20])
    assert list(ScoreBook(tmp_path / "out", setting).scores) == [0]
    assert run(tmp_path, setting, [0, 1], "params").path.read_text().count("\n") == 2
    book.path.write_text("{}\n" + whole)
    with pytest.raises(StoreError, match="Line 1"):
        ScoreBook(tmp_path / "out", setting)


def test_another_setting_needs_another_folder(tmp_path: Path, setting: Setting) -> None:
    ScoreBook(tmp_path / "out", setting)
    other = Setting(table="cells.parquet", images=setting.images, batch=8, size=8, seed=0)
    with pytest.raises(UsageError, match="batch 4, not 8"):
        ScoreBook(tmp_path / "out", other)


def test_a_folder_says_its_setting(tmp_path: Path, setting: Setting) -> None:
    ScoreBook(tmp_path / "out", setting)
    assert Setting.read(tmp_path / "out") == setting
    with pytest.raises(UsageError, match="no scores"):
        Setting.read(tmp_path)


def test_a_network_that_fails_is_a_value_with_a_reason(tmp_path: Path, setting: Setting) -> None:
    table = open_table(write_small_table(tmp_path))
    book = run(tmp_path, setting, [6], "naswot", "jacob_cov")  # the cell of nothing
    assert book.scores[6]["jacob_cov"].value is None and book.scores[6]["jacob_cov"].reason
    found = columns(book, [table.row(6), table.row(0)], ["jacob_cov"])
    assert found["jacob_cov"] == [None, None]
    assert found["jacob_cov_seconds"][0] > 0 and found["jacob_cov_seconds"][1] is None


def test_a_wrong_table_stops_before_scoring(tmp_path: Path, setting: Setting) -> None:
    write_small_table(tmp_path, wrong_params=True)
    with pytest.raises(DataError, match="another network"):
        run(tmp_path, setting, [0], "params")


@pytest.mark.slow
def test_processes_give_the_same(tmp_path: Path, setting: Setting) -> None:
    table = open_table(write_small_table(tmp_path))
    names = ("params", "naswot", "grad_norm")
    here = run(tmp_path, setting, [0, 1, 2], *names)
    book = ScoreBook(tmp_path / "beside", setting)
    with Processes(2) as executor:
        score_sample(table, [0, 1, 2], book, proxies=pick(*names), executor=executor)
    values = [
        {row: {n: s.value for n, s in found.items()} for row, found in b.scores.items()}
        for b in (here, book)
    ]
    assert values[0] == values[1]
    lines = book.path.read_text().splitlines()
    assert {json.loads(line)["row"] for line in lines} == {0, 1, 2}
