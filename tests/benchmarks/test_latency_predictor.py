"""The latency benchmark on a made-up device: what it measures, compares and draws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import latency_predictor as bench
from devices import FakeGauge
from netwright.latency.profile import profile
from netwright.latency.table import read_table

CASE = bench.Case("mobile", 32, 12, "torch")


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A profile of 20 networks and 12 that were held out, in turns."""
    gauges: list[FakeGauge] = []

    def gauge(*_: object, **__: object) -> FakeGauge:
        gauges.append(FakeGauge())
        return gauges[-1]

    seconds = iter(range(10_000))
    monkeypatch.setattr(bench, "RuntimeGauge", gauge)
    clock = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    monkeypatch.setattr("latency_predictor.time", clock)
    defaults = {**(profile.__kwdefaults__ or {}), "clock": clock.monotonic}
    monkeypatch.setattr("netwright.latency.profile.profile.__kwdefaults__", defaults)
    bench.measure(CASE, tmp_path, seconds=200.0)
    return tmp_path


def test_both_are_measured_and_none_twice(measured: Path) -> None:
    table, apart = (read_table(CASE.path(measured, w)) for w in ("table", "held-out"))
    assert len(apart.networks) == 12 and len(table.networks) >= 12
    assert {n.network for n in table.networks}.isdisjoint(n.network for n in apart.networks)
    bench.measure(CASE, measured, seconds=0.0)
    assert len(read_table(CASE.path(measured, "held-out")).networks) == 12


def test_the_record_says_what_was_found(measured: Path) -> None:
    table, apart = (read_table(CASE.path(measured, w)) for w in ("table", "held-out"))
    found = {CASE.name: bench.compare(table, apart)}
    rows = bench.summary(found)
    assert rows["within ±10 %"]["mean"] >= 75 and rows["Spearman, by case"]["mean"] > 0.9
    assert rows["within ±10 %"]["headline"] and rows["within ±10 %, by MACs"]["mean"] < 80
    svg = bench.picture(found)
    assert svg.count('r="2.5"') == 24 and "torch, mobile at 32 px" in svg


def test_a_second_sitting_says_what_could_be_reached(measured: Path) -> None:
    apart = read_table(CASE.path(measured, "held-out"))
    networks = tuple(
        replace(n, low_ms=n.low_ms * (1.3 if k else 1.6)) for k, n in enumerate(apart.networks)
    )
    ratios = bench.again(apart, replace(apart, networks=networks))
    assert ratios.tolist() == pytest.approx([1.6 / 1.3, *[1.0] * 11])  # all slower is no error
    rows = bench.summary({CASE.name: bench.compare(apart, apart)}, {CASE.name: ratios})
    row = rows["the same networks measured again, within ±10 %"]
    assert row["mean"] == pytest.approx(100 * 11 / 12) and row["headline"]


def test_cases_are_those_of_the_claim() -> None:
    names = [c.name for c in bench.cases(["torch", "onnxruntime"])]
    assert len(names) == 6 and "onnxruntime, mnasnet at 224 px" in names
    assert [c.networks for c in bench.cases(["torch"], share=0.1)] == [6, 6, 3]
