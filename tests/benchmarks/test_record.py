"""What a benchmark leaves behind can be read by a person and by the report."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

import record


def test_mean_and_spread_are_those_of_statistics() -> None:
    values = [1.0, 2.0, 4.5]
    row = record.measured(values, "ms per trial", headline=True)
    assert row["mean"] == statistics.mean(values) and row["spread"] == statistics.stdev(values)
    assert (row["least"], row["most"], row["repeats"]) == (1.0, 4.5, 3)
    assert record.show(row) == "2.5 ± 1.8 ms per trial"
    assert record.show(record.measured([20.0], "of 20")) == "20 of 20"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.41234, "0.412"), (12.345, "12.3"), (123.4, "123"), (23456.7, "23,457")],
)
def test_numbers_have_the_digits_that_count(value: float, said: str) -> None:
    assert record.number(value) == said


def test_a_record_says_what_when_and_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record.write(
        "benchmarks/thing.py",
        claim="A thing is fast",
        arguments="RUN",
        seeds=range(3),
        results={"thing": record.measured([1.0, 2.0], "s", headline=True)},
        facts={"why": "because"},
        out=tmp_path / "deep" / "thing.json",
    )
    found = json.loads(path.read_text())
    assert found["name"] == "thing" and found["command"] == "python benchmarks/thing.py RUN"
    assert found["seeds"] == [0, 1, 2] and found["facts"] == {"why": "because"}
    assert found["commit"] and "Python 3" in found["machine"]
    said = capsys.readouterr().out
    assert "A thing is fast" in said and "1.50 ± 0.71 s" in said
