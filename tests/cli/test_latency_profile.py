"""``netwright latency profile``: a table of a made-up device, made in two sittings."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from command_line import Command, Refused
from devices import FakeGauge
from netwright.latency.table import read_table

WORDS = ("latency", "profile", "--resolution", "16", "--classes", "10", "--out", "t.json")


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is a second."""
    monkeypatch.setattr("netwright.latency.gauges.RuntimeGauge", lambda *_: FakeGauge())
    ticks = count()
    monkeypatch.setattr(
        "netwright.latency.profile.profile.__kwdefaults__",
        {**_defaults(), "clock": lambda: float(next(ticks))},
    )


def _defaults() -> dict[str, object]:
    from netwright.latency.profile import profile

    return dict(profile.__kwdefaults__ or {})


@pytest.mark.usefixtures("device")
def test_a_table_grows_with_every_sitting(command: Command, tmp_path: Path) -> None:
    first = command(*WORDS, "--minutes", "1", "--json").data
    assert first["networks"] == len(read_table(tmp_path / "t.json").networks) > 10
    assert first["parts"] > first["networks"] and not first["busy"] and first["drift"] == 1.0
    answer = command(*WORDS, "--minutes", "1")
    assert len(read_table(tmp_path / "t.json").networks) > first["networks"]
    assert "held-out networks are predicted within" in answer.out
    assert "latency predict" in answer.out and "networks," in answer.err


WRONG = [
    (["--minutes", "0"], "--minutes 0 measures nothing"),
    (["--space", "mobil"], "Did you mean 'mobile'?"),
    (["--runtime", "tflite"], "No runtime is called 'tflite'"),
    (["--latency-command", "ssh phone"], "has no {model}"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_mistakes(refused: Refused, words: list[str], said: str) -> None:
    assert said in refused(*WORDS, *words)


def test_another_file_is_not_overwritten(command: Command, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text("my notes\n")
    answer = command(*WORDS, "--minutes", "0.001")
    assert answer.code == 2 and "is no latency table" in answer.err
    assert (tmp_path / "t.json").read_text() == "my notes\n"
