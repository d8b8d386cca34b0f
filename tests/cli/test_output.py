"""What verbs print: readable in a file, quoted for a shell, one JSON object."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from netwright.cli.output import command, complain, console, print_json, table


def test_tables_stay_wide_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    words = ["a rather long name of a network", "1", "2"]
    console().print(table("", ("network", "params", "MACs"), [words]))
    head, row = (line.split() for line in capsys.readouterr().out.splitlines() if line.strip())
    assert head == ["network", "params", "MACs"] and " ".join(row) == " ".join(words)


def test_brackets_and_colons_are_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    text = "runs/[bold]a[/] :smile: [/nothing]"
    console().print(text)
    console(stderr=True).print(table("", ("x",), [[text]]))
    said = capsys.readouterr()
    assert said.out == f"{text}\n" and text in said.err


def test_a_complaint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain("Something\n  went   wrong.")
    assert capsys.readouterr().err == "netwright: Something went wrong.\n"


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": "ü", "b": [1, None]})
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and json.loads(out) == {"a": "ü", "b": [1, None]}


def test_what_to_type_next_survives_a_shell() -> None:
    words = ("train", "my photos", Path("runs/it's mine"), "--epochs", "9")
    said = command(*words)
    assert shlex.split(said) == ["netwright", *(str(word) for word in words)]
    assert command("show", "runs/a-1") == "netwright show runs/a-1"
