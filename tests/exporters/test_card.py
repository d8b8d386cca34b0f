"""Model cards: a header that YAML reads, what is known, and code that loads."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # comes with huggingface-hub

from exporters.networks import network
from netwright.exporters.card import card_text, export_card

RESULT = {
    "space": "mobile", "strategy": "evolution", "judge": "val_loss", "seed": 3, "device": "cpu",
    "data": {"name": "my: photos", "resolution": 32, "counts": {"train": [5, 6], "val": [2, 2]}},
    "budget": {"macs": 20_000_000}, "search": {"trials": 1200, "seconds": 90.0},
    "seconds": {"total": 300.0}, "best": {"val_accuracy": 0.9}, "verdict": "The search won.",
    "test": {"accuracy": 0.875, "low": 0.8, "high": 0.93, "images": 1000},
}  # fmt: skip


def test_the_header_is_yaml_and_holds_what_was_measured() -> None:
    text = card_text(network("mobile"), result=RESULT, licence="apache-2.0")
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["license"] == "apache-2.0" and "netwright" in header["tags"]
    (entry,) = header["model-index"]
    test, val = entry["results"]
    assert test["metrics"] == [{"type": "accuracy", "value": 0.875}]
    assert test["dataset"]["name"] == "my: photos" and val["dataset"]["split"] == "validation"


@pytest.mark.parametrize(
    "words",
    [
        "macs at most 20,000,000", "1,200 candidates of the space `mobile`", "seed 3, on cpu",
        "my: photos: 11 train, 4 val images, at 32 px", "The search won.", "apache-2.0.",
        "from network import load", "95% interval 0.800 to 0.930, 1,000 images",
        " in all, final trainings included",
    ],
)  # fmt: skip
def test_the_text_says_what_is_known(words: str) -> None:
    assert words in card_text(network("mobile"), result=RESULT, licence="apache-2.0")


def test_of_a_network_alone_it_says_less(tmp_path: Path) -> None:
    export_card(network("mobile"), tmp_path / "README.md", result=None, licence="unknown")
    text = (tmp_path / "README.md").read_text()
    assert "Its weights are not trained." in text and "Not stated by its author." in text
    assert "model-index" not in text and "## Data" not in text


def test_of_a_training_it_says_its_accuracy() -> None:
    result = {"data": "folder/cats", "val_accuracy": 0.5, "test_accuracy": 0.4, "test_images": 20}
    text = card_text(network("mobile"), result=result, licence="mit")
    assert "| test | 40.0% | 20 images |" in text and "cats." in text
