"""``netwright scale``: larger and smaller networks, written as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import Command, Refused
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture


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
