"""``netwright scale``: larger and smaller networks, written as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from command_line import Command, Refused
from devices import network_ms, profiled
from netwright import catalog
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.latency.parts import parts_of
from netwright.nn.measured import Latency
from netwright.spaces.mnasnet import MnasNetSpace


def test_a_target_is_met_and_not_exceeded(command: Command, finished: Path) -> None:
    words = ("scale", finished, "--to-macs", "1M", "--out", "big.json", "--json")
    data = command(*words).data
    big = Architecture.from_json(Path("big.json").read_text())
    assert data["file"] == "big.json" and data["scaled"]["id"] == big.id
    assert data["base"]["macs"] < data["scaled"]["macs"] == cost(big).macs <= 1_000_000


def test_it_is_named_after_its_base(command: Command, finished: Path) -> None:
    said = command("scale", finished, "--phi", "1").out
    assert "base" in said and "scaled" in said
    assert "The architecture: done-scaled.json" in said and Path("done-scaled.json").is_file()


def test_a_file_is_only_overwritten_when_told_to(command: Command, finished: Path) -> None:
    words = ("scale", finished, "--phi", "1", "--out", "big.json")
    Path("big.json").write_text("mine")
    answer = command(*words)
    assert answer.code == 2 and "big.json exists; add --force" in answer.err
    assert Path("big.json").read_text() == "mine"
    assert command(*words, "--force").code == 0
    assert Architecture.from_json(Path("big.json").read_text())


WRONG = [
    (["@"], "Say how far to scale, in one way"),
    (["@", "--phi", "1", "--to-macs", "1M"], "Say how far to scale, in one way"),
    (["@", "--phi", "99"], "phi is from"),
    (["@", "--phi", "nan"], "phi is from"),
    (["@", "--phi", "x"], 'unable to convert "x"'),
    (["@", "--to-macs", "1"], "reaches"),
    (["@", "--to-macs", "banana"], "'banana' is not a count"),
    (["@", "--only", "colour"], '"depth", "width", "resolution"'),
    (["@", "--width", "0"], "must be above 0"),
    (["nope", "--phi", "1"], "No architecture, file or run is called 'nope'"),
    (["nasnet_a_mobile", "--phi", "1"], "cannot be read as stages"),
    (["@", "--phi", "1", "--out", "nowhere/x.json"], "cannot be written"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(w) for w, _ in WRONG])
def test_a_mistake_is_one_sentence(
    refused: Refused, finished: Path, words: list[str], said: str
) -> None:
    assert said in refused("scale", *(finished if w == "@" else w for w in words))


def test_to_a_latency_measured_on_a_made_up_device(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def meter(plan: object) -> Callable[[Architecture], Latency]:
        def measured(arch: Architecture) -> Latency:
            looked.append(arch.id)
            ms = network_ms(parts_of(arch))
            return Latency(median_ms=ms, low_ms=ms, high_ms=ms, samples=30)

        return measured

    monkeypatch.setattr("netwright.latency.prepare.meter", meter)
    base = network_ms(parts_of(catalog.architecture("mnasnet_b1")))
    words = ("scale", "mnasnet_b1", "--to-latency", f"{base / 2}ms", "--out", "half.json")
    data = command(*words, "--json").data
    assert 0.85 * base / 2 < data["scaled"]["latency_ms"] <= base / 2
    assert data["base"]["latency_ms"] == pytest.approx(base)
    assert len(set(looked)) == len(looked)  # nothing is measured twice
    assert "measured latency" in command(*words, "--force").out


def test_to_a_latency_that_a_table_predicts(command: Command, tmp_path: Path) -> None:
    profiled(MnasNetSpace(classes=1000, resolution=224), tmp_path / "t.json", networks=12)
    words = ("scale", "mnasnet_b1", "--to-latency", "30ms", "--latency-table", "t.json")
    data = command(*words, "--to-macs", "2G", "--json").data
    assert data["scaled"]["latency_ms"] <= 30 and data["scaled"]["macs"] <= 2e9
    assert data["scaled"]["macs"] != data["base"]["macs"]


def test_latencies_that_cannot_be(refused: Refused) -> None:
    assert "is not a duration" in refused("scale", "mnasnet_b1", "--to-latency", "5 bananas")
    words = ("scale", "mnasnet_b1", "--to-latency", "5ms")
    assert "No runtime is called" in refused(*words, "--latency-runtime", "tflite")
    assert "cannot be read" in refused(*words, "--latency-table", "none.json")
