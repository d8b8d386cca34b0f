"""``netwright list``: what there is, by name."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from netwright import catalog
from netwright.arch.cost import cost
from netwright.cli.output import Flag, console, print_json, table
from netwright.spaces.tokens import count, raw_size
from netwright.units import format_count

Row = dict[str, Any]
_COUNTED = 20_000  # candidates that can be counted one by one while a person waits
_ONLY_JSON = ("citation",)  # too wide for a terminal
Kind = Literal["spaces", "strategies", "proxies", "architectures"]


def list_names(kind: Kind, *, json: Flag = False) -> None:
    """List spaces, strategies, proxies or architectures.

    Args:
        kind: What to list.
        json: Print one JSON object instead of a table.
    """
    rows = {
        "spaces": _spaces,
        "strategies": _strategies,
        "proxies": _proxies,
        "architectures": _architectures,
    }[kind]()
    if json:
        print_json({kind: rows})
        return
    columns = [key for key in (rows[0] if rows else {"name": ""}) if key not in _ONLY_JSON]
    cells = [[str(row.get(key, "")) for key in columns] for row in rows]
    console().print(table("", columns, cells, right=len(columns)))


def _number(size: int | None) -> str:
    if size is None:
        return ""
    return f"{size:,}" if size <= _COUNTED else f"{size:.3g}"


def _summary(where: str) -> str:
    """The first line of a module, without importing it: some of them need torch."""
    spec = find_spec(where.split(":")[0])
    text = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    first = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    return first.split("``: ")[-1]


def _spaces() -> list[Row]:
    rows = []
    for name, where in catalog.SPACES.items():
        made = catalog.space(name)
        small = raw_size(made) <= _COUNTED
        size = getattr(made, "size", count(made) if small else None)
        rows.append(
            {
                "name": name,
                "choices": len(made.choices),
                "networks": _number(size),
                "summary": _summary(where),
            }
        )
    return rows


def _strategies() -> list[Row]:
    return [
        {"name": name, "summary": _summary(where)} for name, where in catalog.STRATEGIES.items()
    ]


def _proxies() -> list[Row]:
    return [
        {
            "name": p.name,
            "control": "yes" if p.control else "",
            "needs": ", ".join(
                word
                for word, needed in (
                    ("data", p.data),
                    ("labels", p.labels),
                    ("gradients", p.gradients),
                )
                if needed
            ),
            "summary": p.summary,
            "citation": p.citation,
        }
        for p in catalog.PROXIES.values()
    ] + [
        {
            "name": e.name,
            "control": "",
            "needs": f"{len(e.members)} proxies",
            "summary": e.summary,
            "citation": e.citation,
        }
        for e in catalog.TOGETHER.values()
    ]


def _architectures() -> list[Row]:
    rows = []
    for name in catalog.published():
        arch = catalog.architecture(name)
        costs = cost(arch)
        rows.append(
            {
                "name": name,
                "resolution": arch.input_shape[1],
                "params": format_count(costs.params),
                "macs": format_count(costs.macs),
            }
        )
    return rows
