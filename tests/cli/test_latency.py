"""``netwright latency``: its verbs are listed, and a wrong one is named."""

from __future__ import annotations

from command_line import Command, Refused


def test_the_verbs_are_listed(command: Command) -> None:
    out = command("latency", "--help").out
    assert all(verb in out for verb in ("measure", "profile", "predict", "import"))


def test_a_verb_that_does_not_exist(command: Command, refused: Refused) -> None:
    assert "mesure" in refused("latency", "mesure")
