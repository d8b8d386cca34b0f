"""``netwright train``: trained, resumed, tested at the end, refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Command, Refused, draw_photos
from netwright.arch.graph import Architecture
from netwright.nn.build import build
from netwright.nn.weights import load_weights


def test_a_network_is_trained_and_can_be_loaded(
    command: Command, photos: Path, finished: Path, tmp_path: Path
) -> None:
    answer = command("train", photos, finished, "--epochs", "2", "--out", "mine", "--json")
    data = answer.data
    assert answer.code == 0 and data["folder"] == "mine" and 0 <= data["val_accuracy"] <= 1
    assert data["test_accuracy"] is None  # there is no test split
    arch = Architecture.from_json(Path("mine/best.json").read_text())
    about = load_weights(build(arch, seed=1), Path("mine/weights.safetensors"))
    assert json.loads(about["classes"]) == ["blue", "green", "red"]
    stored = json.loads(Path("mine/result.json").read_text())
    assert stored["data"] == str(photos) and stored["recipe"]["steps"] == data["steps"]


def test_test_images_are_looked_at_once_at_the_end(
    command: Command, finished: Path, tmp_path: Path
) -> None:
    for split, count in (("train", 12), ("test", 4)):
        draw_photos(tmp_path / "split" / split, dict.fromkeys(("blue", "green", "red"), count))
    said = command("train", "split", finished, "--epochs", "1", "--out", "mine").out
    assert "Test accuracy: " in said and "12 images not trained on" in said
    assert "validation accuracy" in said and "Weights: mine/weights.safetensors" in said


def test_a_training_that_ended_is_resumed_to_the_same(
    command: Command, photos: Path, finished: Path
) -> None:
    words = ("train", photos, finished, "--epochs", "2", "--out", "mine", "--json")
    first = command(*words).data
    again = command(*words, "--resume").data
    assert {**again, "seconds": 0} == {**first, "seconds": 0}


def test_new_folders_are_numbered(command: Command, photos: Path, finished: Path) -> None:
    for number in (1, 2):
        data = command("train", photos, finished, "--epochs", "0.5", "--json").data
        assert data["folder"] == f"trained/done-{number}"


WRONG = [
    (["@", "*", "--epochs", "0"], "A training of 0 epochs trains nothing"),
    (["@", "*", "--epochs", "nan"], "A training of nan epochs trains nothing"),
    (["@", "*", "--epochs", "inf"], "A training of inf epochs trains nothing"),
    (["@", "*", "--epochs", "0.001"], "ask for at least 1 step"),
    (["@", "*", "--resume"], "Say which training to resume"),
    (["@", "*", "--resume", "--out", "nope"], "nope is not the folder of a training"),
    (["@", "*", "--device", "gpu"], "No device is called 'gpu'"),
    (["@", "efficientnet_bo"], "Did you mean 'efficientnet_b"),
    (["nowhere/x", "*"], "There is no file or folder 'nowhere/x'"),
    (["digits", "*"], "the data has images (1, 8, 8) and 10 classes"),
    (["@", "*", "--inherit", "nothing"], "No timm model is called 'nothing'"),
    (["@", "*", "--inherit", "none.pth"], "There are no weights at none.pth"),
    (["@", "timm:vit_tiny_patch16_224", "--resolution", "13"], "does not take images"),
    (["@"], "requires an argument"),
    ([], "requires an argument"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(w) or "-" for w, _ in WRONG])
def test_a_mistake_is_one_sentence(
    refused: Refused, photos: Path, finished: Path, words: list[str], said: str
) -> None:
    names = {"@": photos, "*": finished}
    assert said in refused("train", *(names.get(w, w) for w in words))


def test_a_place_that_cannot_be_written_is_refused(
    refused: Refused, photos: Path, finished: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in ("file", "file/more"):
        said = refused("train", photos, finished, "--epochs", "1", "--out", place)
        assert f"The folder {place} cannot be written" in said


def test_another_training_is_not_gone_on_with(
    command: Command, refused: Refused, photos: Path, finished: Path
) -> None:
    words = ("train", photos, finished, "--epochs", "1", "--out", "mine")
    assert command(*words).code == 0
    assert "mine already holds a training; add --resume" in refused(*words)
    other = (*words[:3], "--epochs", "2", *words[5:])
    assert "another recipe" in refused(*other, "--resume")
    assert "another seed" in refused(*words, "--resume", "--seed", "1")


def test_a_search_is_not_overwritten(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('data = "digits"\n')
    assert "holds a search" in refused("train", "digits", "mnasnet_small", "--out", tmp_path)


def test_weights_are_inherited_and_the_share_is_told(
    command: Command, photos: Path, finished: Path
) -> None:
    words = ("train", photos, finished, "--epochs", "1", "--inherit", finished)
    data = command(*words, "--out", "mine", "--json").data
    assert data["inherited"]["share"] == 1 and data["inherited"]["calibration_images"] > 0
    said = command(*words).out
    assert f"Inherited: 100% of the parameters come from {finished}." in said
    stored = json.loads(Path("mine/result.json").read_text())
    assert stored["inherited"] == data["inherited"]
