"""Tables and pictures: the same figures in CSV and Parquet, blanks where there is none."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from xml.etree import ElementTree

import pyarrow.parquet as parquet

from netwright.correlation.published import Published
from netwright.correlation.ranking import Ranking
from netwright.correlation.written import flat, picture, write_table
from netwright.stats import Interval


def ranking(proxy: str, value: float, *, control: bool = False) -> Ranking:
    return Ranking(
        proxy=proxy,
        column="top1",
        control=control,
        networks=10,
        failed=1,
        spearman=Interval(value=value, low=value - 0.1, high=value + 0.1),
        kendall=Interval(value=value, low=math.nan, high=math.nan),
        partial=math.nan,
        milliseconds=2.0,
        published=Published(value=0.5, source="a paper") if not control else None,
    )


def test_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    columns = flat([ranking("a", 0.25), ranking("params", 0.5, control=True)])
    write_table(tmp_path, "x", columns)
    read = parquet.read_table(tmp_path / "x.parquet").to_pydict()
    with (tmp_path / "x.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert read["spearman"] == [0.25, 0.5] and [r["spearman"] for r in rows] == ["0.25", "0.5"]
    assert read["partial_spearman"] == [None, None] and rows[0]["partial_spearman"] == ""
    assert read["published_source"] == ["a paper", None]


def test_the_picture_shows_the_best_first(tmp_path: Path) -> None:
    rankings = [ranking("a", 0.25), ranking("params", 0.5, control=True), ranking("b", math.nan)]
    drawn = picture(rankings, column="top1", title="1 < 2")
    text = [t.text for t in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert text.index("params") < text.index("a") and "b" not in text
