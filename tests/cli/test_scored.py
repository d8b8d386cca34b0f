"""Scores in print: tables that fit, CSV that reads back, plans that wrap."""

from __future__ import annotations

import csv
import io

import pytest
from rich.console import Console

from netwright.cli.scored import failures, plan_lines, print_csv, tables
from netwright.proxies.listing import ALL
from netwright.proxies.plan import explain
from netwright.proxies.scoring import Score


def rows(networks: int, *names: str) -> list[tuple[str, dict[str, Score]]]:
    scores = {name: Score(value=1234567.891, seconds=0.25) for name in names}
    return [(f"some/where/network_{i}.json", scores) for i in range(networks)]


def printed(found: list[tuple[str, dict[str, Score]]], width: int) -> list[str]:
    out = io.StringIO()
    screen = Console(file=out, width=width, highlight=False)
    for made in tables(found, width=width):
        screen.print(made)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("networks", [1, 2, 5, 11])
def test_nothing_is_cut_at_eighty_columns(networks: int) -> None:
    lines = printed(rows(networks, *(proxy.name for proxy in ALL)), 80)
    said = "\n".join(lines)
    assert "…" not in said and max(map(len, lines)) <= 80
    for proxy in ALL:
        of_proxy = [line.split() for line in lines if line.split()[:1] == [proxy.name]]
        assert sum(len(words) - 2 for words in of_proxy) == networks, proxy.name
    for i in range(networks):
        assert f"network_{i}.json" in said
    assert lines[1].endswith("250ms") and "time" in lines[-1]


def test_few_scores_are_a_line_per_network() -> None:
    lines = printed(rows(3, "params", "macs", "zico"), 80)
    assert lines[0].split() == ["network", "params", "macs", "zico", "time"]
    assert lines[1].split() == ["network_0.json", "1.23M", "1.23M", "1.235e+06", "750ms"]
    assert len(lines) == 4


def test_a_name_that_fits_nowhere_still_has_its_table() -> None:
    long = [("x" * 200, scores) for _, scores in rows(2, *"abcdefgh")]
    assert len(printed(long, 80)) == 2 * (1 + 8 + 1)


def test_reasons_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    bad = Score(value=None, reason="no luck, none", seconds=0.0)
    found = [("a", {"zico": bad, "swap": bad, "params": Score(value=0.1, seconds=1.5)})]
    assert list(failures(found)) == ["a: zico, swap have no value: no luck, none."]
    print_csv(found)
    read = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["proxy"] for row in read] == ["zico", "swap", "params"]
    assert read[0]["value"] == "" and read[0]["reason"] == "no luck, none"
    assert float(read[2]["value"]) == 0.1 and float(read[2]["seconds"]) == 1.5


def test_a_plan_wraps_and_names_every_proxy() -> None:
    lines = list(plan_lines(explain(ALL), width=60))
    assert max(map(len, lines)) <= 60
    words = " ".join(lines).replace(",", " ").split()
    assert all(proxy.name in words for proxy in ALL)
