"""``netwright latency predict``: figures with intervals from a table of a made-up device."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import Command, Refused
from devices import network_ms, profiled
from netwright import catalog
from netwright.latency.parts import parts_of
from netwright.spaces.mnasnet import MnasNetSpace


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "t.json"
    profiled(MnasNetSpace(classes=10, resolution=64), path, networks=30)
    return path


def test_networks_are_predicted(command: Command, table: Path) -> None:
    names = ["mnasnet_a1", "mnasnet_b1"]
    words = (
        "latency",
        "predict",
        *names,
        "--table",
        table,
        "--resolution",
        "64",
        "--classes",
        "10",
    )
    data = command(*words, "--json").data
    for row in data["networks"]:
        arch = catalog.architecture(row["name"], resolution=64, classes=10)
        assert row["ms"] == pytest.approx(network_ms(parts_of(arch)), rel=0.15)
        assert row["low_ms"] < row["ms"] < row["high_ms"]
    assert data["checked_on"] == 30 and data["busy"] is False
    out = command(*words).out
    assert "95% interval" in out and "made up" in out


def test_mistakes(refused: Refused, table: Path) -> None:
    assert "cannot be read" in refused("latency", "predict", "mnasnet_a1", "--table", "no.json")
    said = refused("latency", "predict", "mnasnet_a9", "--table", table)
    assert "mnasnet_a1" in said


def test_cost_tells_it_too(command: Command, table: Path) -> None:
    words = ("cost", "mnasnet_a1", "--resolution", "64", "--latency-table", table)
    data = command(*words, "--json").data
    assert data["latency_ms"]["low_ms"] < data["latency_ms"]["ms"]
    assert "predicted" in command(*words).out
