"""``netwright bench``: a group of sub-verbs, imported when used."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

from command_line import Command, Refused
from netwright.cli import bench as module


def test_help_lists_the_sub_verbs(command: Command) -> None:
    said = command("bench", "--help").out
    for name in module._SUB_VERBS:
        assert name in said


def test_every_sub_verb_is_there() -> None:
    for name in module._SUB_VERBS:
        assert callable(getattr(import_module(f"netwright.cli.bench_{name}"), name))


def test_the_group_itself_imports_no_sub_verb() -> None:
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = [n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert imported == ["__future__", "cyclopts"]


def test_a_mistake_is_one_sentence_that_names_the_right_help(refused: Refused) -> None:
    said = refused("bench", "strategees")
    assert 'Did you mean "strategies"?' in said and "See `netwright bench --help`" in said
    assert "See `netwright bench strategies --help`" in refused("bench", "strategies")
