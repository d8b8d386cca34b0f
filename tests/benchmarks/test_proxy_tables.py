"""What the benchmarks of proxies share: the table of the page, and where it goes."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

import pytest

from netwright.correlation.tables import open_table
from netwright.stats import Interval
from proxy_tables import Part, into_page, markdown, measure
from small_table import write_small_table


def test_parts_make_one_table_and_what_is_there_is_kept(tmp_path: Path, photos: Path) -> None:
    opened = open_table(write_small_table(tmp_path))
    table = replace(opened, benchmark=replace(opened.benchmark, size=8))
    given = argparse.Namespace(
        images=str(photos), folder=tmp_path, workers=1, networks=6, as_is=False
    )
    parts = (
        Part(name="all", proxies=("params", "macs", "sum_log_n", "l2_norm"), batch=4, networks=9),
        Part(name="few", proxies=("depth",), batch=2, networks=4),
    )
    summary = measure(table, parts, given)
    seen = {r.proxy: r.networks for r in summary.rankings if r.column == "c10_val_200"}
    assert seen["l2_norm"] == 6 and seen["depth"] == 4
    text = markdown(summary.rankings, ("c10_val_200", "c10_test_200"))
    lines = text.splitlines()
    assert len(lines) == 2 + len(seen) and "**params**" in text
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    none = Interval(value=math.nan, low=math.nan, high=math.nan, level=0.95)
    blank = [
        replace(r, spearman=none, kendall=none, partial=math.nan) if r.proxy == "depth" else r
        for r in summary.rankings
    ]
    last = markdown(blank, ("c10_val_200", "c10_test_200")).splitlines()[-1]
    assert last.startswith("| depth | 4 |  |  |  |  |") and "nan" not in last


def test_a_page_keeps_all_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a:begin -->\nold\n<!-- a:end -->\nafter\n")
    into_page("a", "| new |\n", page)
    assert page.read_text() == "before\n<!-- a:begin -->\n| new |\n<!-- a:end -->\nafter\n"
    with pytest.raises(ValueError, match="b:begin"):
        into_page("b", "", page)
