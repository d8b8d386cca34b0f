"""``netwright export``: a run leaves in every format, and what cannot be is one sentence."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from command_line import Command, Refused


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A finished run that may be changed."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_a_run_leaves_with_its_weights_classes_and_card(command: Command, run: Path) -> None:
    answer = command("export", run, "--to", "code,timm", "--to", "card", "--licence", "mit")
    assert answer.code == 0, answer.err
    made = run / "export"
    assert {p.name for p in made.iterdir()} == {
        "README.md", "network.py", "network_timm.py", "weights.safetensors",
    }  # fmt: skip
    assert "blue, green, red" in (made / "README.md").read_text()
    assert "MEAN, STD = (" in (made / "network.py").read_text()
    assert "largest difference from torch" in answer.out


def test_int8_states_the_drop(command: Command, run: Path, photos: Path) -> None:
    pytest.importorskip("onnxruntime", reason="pip install 'netwright[onnx]'")
    words = ("export", run, "--to", "onnx", "--int8", photos)
    data = command(*words, "--json").data
    assert [made["format"] for made in data["exports"]] == ["onnx", "int8"]
    assert data["trained"] and "accuracy_drop" in data["exports"][1]["facts"]
    assert "of the size; validation accuracy " in command(*words).out


def test_a_catalogue_name_has_fresh_weights_and_says_so(command: Command) -> None:
    answer = command(
        "export", "mnasnet_small", "--to", "code", "--resolution", "32", "--classes", "3",
        "--out", "mine",
    )  # fmt: skip
    assert "The weights are not trained" in answer.out
    assert Path("mine/network.py").is_file()


def test_an_architecture_file_takes_weights(command: Command, run: Path) -> None:
    words = ("export", run / "best.json", "--weights", run / "weights.safetensors")
    answer = command(*words, "--to", "safetensors", "--json")
    assert answer.data["trained"] and answer.data["folder"] == "exported/best"
    assert json.loads((run / "best.json").read_text())["id"] == answer.data["arch_id"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mnasnet_small", "--to", "onxn"), "Did you mean 'onnx'?"),
        (("nasnet_a_cifar", "--to", "timm", "--out", "."), "timm cannot build nasnet_a_cifar"),
        (("nothing", "--to", "code"), "No architecture, file or run is called 'nothing'"),
        (("mnasnet_small", "--to", "code", "--weights", "x"), "There are no weights at x"),
    ],
)
def test_what_cannot_be_is_refused(refused: Refused, words: tuple[str, ...], said: str) -> None:
    assert said in refused("export", *words)


def test_a_missing_library_is_refused(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    said = refused("export", "mnasnet_small", "--to", "onnx")
    assert said == "ONNX Runtime is not installed: pip install 'netwright[onnx]'."
