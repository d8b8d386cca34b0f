"""``netwright cost``: catalogue names, timm names, files and runs, counted alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import Command, Refused
from netwright import catalog
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture


def test_a_published_network(command: Command) -> None:
    answer = command("cost", "efficientnet_b0")
    assert answer.code == 0
    assert "5,288,548 params" in answer.out and "blocks.0" in answer.out  # Tan and Le: 5.3M


def test_json_adds_up(command: Command) -> None:
    data = command("cost", "mnasnet_a1", "--resolution", "64", "--classes", "7", "--json").data
    arch = catalog.architecture("mnasnet_a1", resolution=64, classes=7)
    assert data["id"] == arch.id and data["classes"] == 7 and data["input_shape"] == [3, 64, 64]
    assert data["params"] == cost(arch).params == sum(s["params"] for s in data["stages"])
    assert data["macs"] == cost(arch).macs == sum(s["macs"] for s in data["stages"])


def test_a_run_and_its_file_are_one_network(command: Command, finished: Path) -> None:
    best = Architecture.from_json((finished / "best.json").read_text())
    for name in (finished, finished / "best.json"):
        data = command("cost", name, "--json").data
        assert (data["id"], data["macs"]) == (best.id, cost(best).macs)


def test_timm_counts_the_same(command: Command) -> None:
    ours = command("cost", "mnasnet_b1", "--classes", "10", "--json").data
    theirs = command("cost", "timm:mnasnet_100", "--classes", "10", "--json").data
    assert (ours["params"], ours["macs"]) == (theirs["params"], theirs["macs"])
    said = command("cost", "timm:mnasnet_100").out
    assert said.startswith("timm:mnasnet_100 at 224 px: ")


WRONG = [
    (["efficientnet_b33"], "Did you mean 'efficientnet_b3'?"),
    (["timm:resnet181"], "Did you mean 'resnet18'?"),
    (["timm:"], "such as"),
    (["nope.json"], "There is no architecture file at nope.json"),
    (["."], "is not the folder of a run"),
    (["efficientnet_b0", "--resolution", "0"], "--resolution 0 makes no network"),
    (["timm:resnet18", "--resolution", "-4"], "--resolution -4 makes no network"),
    (["efficientnet_b0", "--classes", "0"], "--classes 0 makes no network"),
    (["efficientnet_b0", "--resolution", "big"], "big"),
    (["@", "--resolution", "64"], "--resolution applies to catalogue and timm names only"),
    (["@", "--classes", "64"], "--classes applies to catalogue and timm names only"),
    ([], "requires an argument. See `netwright cost --help`."),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(w) or "-" for w, _ in WRONG])
def test_a_mistake_is_one_sentence(
    refused: Refused, finished: Path, words: list[str], said: str
) -> None:
    answer = refused("cost", *(finished if w == "@" else w for w in words))
    assert said in answer and len(answer) < 400


@pytest.mark.parametrize(
    "content", [b'{"netwright_arch', b"{}", b'{"netwright_architecture": 1}', b"\xff\xfe", b"[]"]
)
def test_a_damaged_file_is_named(refused: Refused, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.json").write_bytes(content)
    assert "net.json cannot be used as an architecture" in refused("cost", "net.json")
