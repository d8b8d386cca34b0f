"""``netwright score``: proxies beside their controls, on whatever the user calls a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import Command, Refused, draw_photos
from netwright.proxies.listing import CONTROLS

MODELS = """
import torch
from torch import nn

def fine(classes):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes),
    )

def wrong():
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 7))

def number():
    return 3

class Several(nn.Module):
    def forward(self, x):
        return x, x

def boom():
    raise ValueError("no disk")

class Rough(nn.Module):
    def forward(self, x):
        return self.nothing(x)
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    path = tmp_path / "models.py"
    path.write_text(MODELS)
    return path


def test_controls_stand_beside_every_proxy(
    command: Command, photos: Path, finished: Path, models: Path
) -> None:
    words = ("score", photos, f"{models}:fine", finished, "--proxy", "zico")
    data = command(*words, "--json").data
    assert [set(row["scores"]) for row in data["networks"]] == 2 * [{*CONTROLS, "zico"}]
    assert data["networks"][0]["scores"]["params"]["value"] == 3 * 8 * 9 + 8 + 16 + 8 * 3 + 3
    said = command(*words).out
    assert "2 batches of 15" in said and "models.py:fine" in said and "zico" in said


def test_one_seed_gives_one_score(command: Command, photos: Path, models: Path) -> None:
    def scores(*more: str) -> list[float]:
        words = ("score", photos, f"{models}:fine", "--batch-size", "8", "--json", *more)
        found = command(*words).data["networks"][0]["scores"]
        return [s["value"] for s in found.values()]

    assert scores() == scores() != scores("--seed", "1")


def test_a_score_without_a_value_says_why(command: Command, photos: Path, models: Path) -> None:
    models.write_text(MODELS.replace("nn.ReLU()", "nn.Tanh()"))
    answer = command("score", photos, f"{models}:fine", "--proxy", "naswot", "--json")
    failed = answer.data["networks"][0]["scores"]["naswot"]
    assert failed["value"] is None and failed["reason"]
    said = command("score", photos, f"{models}:fine", "--proxy", "naswot").out
    assert f"models.py:fine: naswot has no value: {failed['reason']}." in said


WRONG = [
    (["nowhere/x", "models.py:fine"], "There is no file or folder 'nowhere/x'"),
    (["@", "efficientnet_bo"], "Did you mean 'efficientnet_b"),
    (["@", "timm:resnet181"], "Did you mean 'resnet18'?"),
    (["@", "models.py:fine", "--proxy", "zicco"], "Did you mean 'zico'?"),
    (["@", "models.py:fine", "--batch-size", "0"], "a batch has 2 images or more"),
    (["@", "models.py:fine", "--batch-size", "16"], "cannot be drawn from the 30 training"),
    (["@", "models.py:fine", "--device", "gpu"], "No device is called 'gpu'"),
    (["@", "models.py:fine", "--resolution", "2"], "must lie between 4 and 2048"),
    (["@", "models.py:wrong"], "gives outputs of shape (2, 7) for 2 images; expected (2, 3)"),
    (["@", "models.py:number"], "returned a int; expected a torch nn.Module"),
    (["@", "models.py:Several"], "gives a tuple; expected logits"),
    (["@", "models.py:boom"], "cannot be called: line 22, ValueError: no disk"),
    (["@", "models.py:Rough"], "does not take images of shape (3, 8, 8): AttributeError"),
    (["@", "models.py:gone"], "has no function 'gone'"),
    (["@", "gone.py:gone"], "There is no file gone.py"),
    (["@"], "requires an argument"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(w) for w, _ in WRONG])
def test_a_mistake_is_one_sentence(
    refused: Refused, models: Path, photos: Path, words: list[str], said: str
) -> None:
    assert said in refused("score", *(photos if w == "@" else w for w in words))


def test_a_file_that_cannot_be_run_is_one_sentence(
    refused: Refused, models: Path, photos: Path
) -> None:
    models.write_text("import math\ndef (")
    assert "line 2, SyntaxError" in refused("score", photos, "models.py:fine")
    models.write_text("import math\n\nimport no_such_module\n")
    assert "line 3, ModuleNotFoundError" in refused("score", photos, "models.py:fine")


def test_too_few_images_are_refused(refused: Refused, models: Path, tmp_path: Path) -> None:
    draw_photos(tmp_path / "two", {"a": 2, "b": 2})
    assert "from the 2 training images of two" in refused("score", "two", "models.py:fine")
    draw_photos(tmp_path / "single", {"a": 1, "b": 1})
    assert "Class 'a' has 1 image in train" in refused("score", "single", "models.py:fine")


def test_a_network_for_other_images_is_refused(refused: Refused, finished: Path) -> None:
    assert "the data has images (1, 8, 8) and 10 classes" in refused("score", "digits", finished)


def test_the_plan_is_printed_and_nothing_else_happens(command: Command) -> None:
    words = ("score", "nowhere", "nothing", "--proxy", "snip", "--proxy", "naswot", "--explain")
    said = command(*words).out
    assert "forward of batch 1:\n    snip, naswot" in said
    assert "backward of its loss to the weights:\n      snip" in said
    assert "params" in said and "sum_log_n" in said
    plan = command(*words, "--json").data["plan"]
    assert {"what": "forward of batch 1", "depth": 0, "readers": ["snip", "naswot"]} in plan


def test_csv_has_a_line_per_score(
    command: Command, refused: Refused, photos: Path, models: Path
) -> None:
    words = ("score", photos, f"{models}:fine", "--proxy", "naswot")
    lines = command(*words, "--csv").out.splitlines()
    assert lines[0] == "network,proxy,value,seconds,reason"
    assert [line.split(",")[1] for line in lines[1:]] == [*CONTROLS, "naswot"]
    assert "give one of them" in refused(*words, "--csv", "--json")
