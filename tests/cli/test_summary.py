"""The end of a search as people read it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from netwright.cli.summary import print_summary, train_options
from netwright.config import search_config
from netwright.run_folder import RunFolder
from netwright.spending import Spending


def result(**parts: Any) -> dict[str, Any]:
    def row(role: str, accuracy: float | None) -> dict[str, Any]:
        return {
            "role": role, "val_accuracy": accuracy, "params": 99_123, "macs": 1_990_000,
            "train_seconds": 12.34,
        }  # fmt: skip

    return {
        "search": {"trials": 412, "seconds": 48.0, "duplicates": 3, "failed": 1},
        "seconds": {"total": 119.0},
        "objective": "val_loss",
        "finals": [row("search 1", 0.95), row("search 2", None), row("random", 0.975)],
        "recipe": {"steps": 400},
        "left_out": {"mobilenet_v2": "It is too large."},
        "best": {"role": "random"},
        "verdict": "The plain baseline 'random' is ahead.",
        "test": {"accuracy": 0.966, "low": 0.943, "high": 0.98, "images": 1360},
        "data": {"source": "my photos"},
        **parts,
    }


def said(found: dict[str, Any]) -> str:
    out = io.StringIO()
    screen = Console(file=out, width=60, markup=False, highlight=False)
    print_summary(screen, RunFolder(Path("runs/a rather long name of a folder-1")), found)
    return out.getvalue()


def test_the_table_is_honest() -> None:
    text = said(result())
    rows = [line.split() for line in text.splitlines()]
    assert ["search", "1", "95.0%", "99.1k", "1.99M", "12.3s"] in rows
    assert ["search", "2", "failed", "99.1k", "1.99M", "12.3s"] in rows
    assert ["random", "*", "97.5%", "99.1k", "1.99M", "12.3s"] in rows
    assert "The plain baseline 'random' is ahead." in text
    flat = " ".join(text.split())
    assert "96.6% (95% interval 94.3 to 98.0, 1,360 images that the search never saw)" in flat


def test_who_was_left_behind_shows_how_far_it_came() -> None:
    row = {
        "role": "search 3", "val_accuracy": None, "stopped": 100, "reached": 0.4312,
        "params": 99_123, "macs": 1_990_000, "train_seconds": 3.0,
    }  # fmt: skip
    text = said(result(finals=[row]))
    assert "43.1% at 25%" in text and "Without mobilenet_v2: It is too large." in text


@pytest.mark.parametrize(
    ("channels", "resolution", "stored", "photos"),
    [(3, 96, 110, True), (3, 32, 32, False), (1, 96, 110, False), (3, 64, 64, False)],
)
def test_for_photos_pretrained_weights_are_named(
    channels: int, resolution: int, stored: int, photos: bool
) -> None:
    data = {"source": "d", "channels": channels, "resolution": resolution, "stored": stored}
    text = said(result(data=data))
    assert ("pretrained" in text) == photos == ("--inherit lite0" in text)
    begun = result(data=data, support={"inherit": "lite0"}, finals=[])  # needs no advice
    assert "pretrained" not in said(begun)


def test_a_training_like_the_search_begins_and_learns_as_it_did() -> None:
    settings = {"data": "x", "inherit": "lite0", "teacher": "t", "seed": 2}
    words = ("--seed", "2", "--inherit", "lite0", "--teacher", "t")
    assert train_options(search_config(settings)) == words
    assert train_options(search_config({"data": "x"})) == ()


def test_the_time_is_accounted_for() -> None:
    spent = Spending(workers=2, wall=50.0, busy={"train": 60.0, "probe": 35.0}).to_dict()
    assert "Of 2 workers' time: probe 35%, train 60%, idle 5%." in said(result(spending=spent))


def test_without_test_images_nothing_is_said_of_them() -> None:
    assert "Test accuracy" not in said(result(test=None))


def test_commands_are_not_broken_over_lines() -> None:
    folder = "'runs/a rather long name of a folder-1'"
    text = said(result())
    assert f"  netwright train 'my photos' {folder} --epochs 100\n" in text
    assert f"  netwright show {folder}\n" in text


def test_latencies_are_stated_with_their_conditions() -> None:
    found = result(
        latency={
            "limit_ms": 5.0, "correction": 1.06,
            "setting": {
                "runtime": "onnxruntime", "version": "1.22", "threads": 1, "batch": 1,
                "dtype": "float32", "processor": "EPYC",
            },
        }
    )  # fmt: skip
    found["finals"][0]["latency_ms"] = 4.2
    text = said(found)
    assert "4.2ms" in text and "not measured" in text
    assert "Latencies of at most 5ms are measured, not predicted: onnxruntime 1.22" in text
    assert "batch 1, float32, EPYC" in text
    assert "corrected by +6%" in text
    assert "Latencies" not in said(result())
