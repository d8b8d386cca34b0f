"""What the verbs print: tables and sentences for people, one JSON object for programs."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

Flag = Annotated[bool, Parameter(negative="")]
"""A switch that is on when typed, and has no ``--no-`` twin."""

Words = Annotated[list[str] | None, Parameter(negative="")]
"""An option that may be repeated."""


def console(*, stderr: bool = False) -> Console:
    """A console that keeps tables readable when the output goes to a file or a pipe."""
    plain = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if plain.is_terminal:
        return plain
    width = max(plain.width, 100)
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=width)


def command(*words: str | Path) -> str:
    """What to type next, quoted for a shell."""
    return shlex.join(("netwright", *(str(word) for word in words)))


def complain(sentence: str) -> None:
    """One sentence on stderr."""
    sys.stderr.write(f"netwright: {' '.join(sentence.split())}\n")


def print_json(data: Mapping[str, Any]) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(data) + "\n")


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: int = 1
) -> Table:
    """A plain table; columns from number ``right`` on hold figures and are aligned right."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(columns):
        made.add_column(name, justify="right" if i >= right else "left", no_wrap=i >= right)
    for row in rows:
        made.add_row(*row)
    return made
