"""Scores of networks in print: tables that fit the terminal, CSV, and the plan of passes."""

from __future__ import annotations

import csv
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from netwright.cli.networks import short_name
from netwright.cli.output import table
from netwright.proxies.plan import Step
from netwright.units import format_count, format_seconds

if TYPE_CHECKING:
    from netwright.proxies.scoring import Score

Scored = Sequence[tuple[str, "Mapping[str, Score]"]]
"""What the user called each network, and its scores by proxy."""

_GAP = 2


def tables(rows: Scored, *, width: int) -> Iterator[Table]:
    """A line per network where that fits, else a line per proxy, in as many tables as it takes.

    Args:
        rows: At least one network; all have the same proxies.
        width: Of the terminal, in characters.
    """
    names = list(rows[0][1])
    found = [
        [short_name(network), *(cell(n, scores[n].value) for n in names), _time(scores)]
        for network, scores in rows
    ]
    head = ["network", *names, "time"]
    if sum(_widths([head, *found])) + _GAP * (len(head) - 1) <= width:
        yield table("", head, found)
        return
    last = ["time", *(format_seconds(_mean([s[n].seconds for _, s in rows])) for n in names), ""]
    widths = [width_of + _GAP for width_of in _widths([*zip(head, *found, last, strict=True)])]
    left = width - widths[0] - widths[-1] + _GAP
    shown: list[list[str]] = []
    for column, wide in zip(found, widths[1:-1], strict=True):
        if shown and wide > left - sum(_widths([*zip(*shown, strict=True)])) - _GAP * len(shown):
            yield _turned(head, shown, last)
            shown = []
        shown.append(column)
    yield _turned(head, shown, last)


def cell(name: str, value: float | None) -> str:
    """A score as the table has it."""
    if value is None:
        return "failed"
    return format_count(value) if name in ("params", "macs") else f"{value:.4g}"


def failures(rows: Scored) -> Iterator[str]:
    """A sentence per network and reason for scores that have no value."""
    for network, scores in rows:
        without: dict[str, list[str]] = {}
        for name, s in scores.items():
            if s.value is None:
                without.setdefault(s.reason, []).append(name)
        for reason, names in without.items():
            have = "has" if len(names) == 1 else "have"
            yield f"{short_name(network)}: {', '.join(names)} {have} no value: {reason}."


def print_csv(rows: Scored) -> None:
    """A line per network and proxy on stdout; a failed score is empty and has its reason."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("network", "proxy", "value", "seconds", "reason"))
    for network, scores in rows:
        for name, s in scores.items():
            value = "" if s.value is None else repr(s.value)
            out.writerow((network, name, value, f"{s.seconds:.6f}", s.reason))


def plan_lines(steps: Sequence[Step], *, width: int) -> Iterator[str]:
    """What is run on one network, each with the proxies that read it below.

    Args:
        steps: In order; what hangs on another is indented.
        width: Of the terminal, in characters.
    """
    for step in steps:
        indent = "  " * step.depth
        yield from textwrap.wrap(
            f"{step.what}:", width, initial_indent=indent, subsequent_indent=indent
        )
        yield from textwrap.wrap(
            ", ".join(step.readers),
            width,
            initial_indent=f"{indent}    ",
            subsequent_indent=f"{indent}    ",
            break_on_hyphens=False,
        )


def _turned(head: Sequence[str], columns: Sequence[Sequence[str]], last: Sequence[str]) -> Table:
    first, *lines = zip(("proxy", *head[1:]), *columns, last, strict=True)
    return table("", first, lines)


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _time(scores: Mapping[str, Score]) -> str:
    return format_seconds(sum(s.seconds for s in scores.values()))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
