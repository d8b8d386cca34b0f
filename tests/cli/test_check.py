"""``netwright check`` as it is typed: the table in 80 columns, the verdict, how it goes on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Command, Refused
from netwright.workers import Serial

WORDS = ("--max-macs", "100k", "--proxy", "naswot", "--proxy", "az_trainability", "--steps", "2")


class Here(Serial):
    """This process in the place of workers beside it."""

    def __init__(self, workers: int) -> None:
        super().__init__()

    def kill(self) -> None:
        """Nothing is left to end."""


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("netwright.checking.Processes", Here)
    yield


def test_the_table_fits_and_says_what_to_type_next(command: Command, photos: Path) -> None:
    answer = command("check", photos, *WORDS, "--probes", "5")
    assert answer.code == 0, answer.err
    *table, _, again = answer.out.rstrip().splitlines()
    assert all(len(line.rstrip()) <= 80 for line in table)
    assert "params *" in answer.out and "az_trainability" in answer.out
    assert "Seed noise" in answer.out and "5 of 5 networks trained" in answer.out
    assert f"netwright search {photos} --probes runs/photos-check-1" in again
    with Path("runs/photos-check-1/check.csv").open() as file:
        assert {row["name"] for row in csv.DictReader(file)} >= {"params", "naswot"}


def test_json_is_one_object_and_a_check_goes_on(command: Command, photos: Path) -> None:
    first = command("check", photos, *WORDS, "--probes", "5", "--out", "c", "--json").data
    assert first["run"] == "c" and first["verdict"] and len(first["probes"]) == 5
    again = command("check", "--resume", "--out", "c", "--json").data
    assert again["scores"] == first["scores"] and again["probes"] == first["probes"]
    other = command("check", "--resume", "--out", "c", "--probes", "6")
    assert other.code == 2 and "holds a check with probes 5, not 6" in other.err


WRONG = [
    ([], "Say which images to check on"),
    (["--resume"], "--resume --out RUN"),
    (["--resume", "--out", "nowhere"], "nowhere is not the folder of a check"),
    (["nowhere/at/all"], "There is no file or folder"),
    (["@", "--space", "mobil"], "Did you mean 'mobile'?"),
    (["@", "--proxy", "zicco"], "Did you mean 'zico'?"),
    (["@", "--max-macs", "1k"], "they range from"),
    (["@", "--max-macs", "banana"], "is not a count"),
    (["@", "--probes", "1"], "cannot be compared"),
    (["@", "--metric", "test_accuracy"], "not test_accuracy"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[" ".join(w) for w, _ in WRONG])
def test_a_mistake_is_one_sentence(
    refused: Refused, photos: Path, words: list[str], said: str
) -> None:
    assert said in refused("check", *(photos if w == "@" else w for w in words))


def test_a_search_takes_over_what_the_check_was_of(command: Command, photos: Path) -> None:
    command("check", photos, *WORDS, "--probes", "5", "--seed", "3", "--out", "c")
    words = ("search", "--probes", "c", "--max-macs", "100k", "--minutes", "0.02", "--out", "r")
    answer = command(*words, "--json")
    assert answer.code == 0, answer.err
    assert answer.data["probes"] == 5 and answer.data["seed"] == 3
    assert answer.data["judge"].startswith("2 steps of training on 30 images of photos")
    kept = Path("r/run.toml").read_text()
    assert 'probes = "c"' in kept and "probe_steps = 2" in kept
    other = command("search", "--probes", "c", "--objective", "naswot", "--out", "x")
    assert other.code == 2 and "The check has trainings 2 steps of training on" in other.err
