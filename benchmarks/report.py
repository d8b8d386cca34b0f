"""Render benchmarks/results/*.json: docs/benchmarks.md, and the table in README.md.

Run ``python benchmarks/report.py`` after a benchmark.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from record import RESULTS, show

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- benchmarks:begin -->", "<!-- benchmarks:end -->"

Record = dict[str, Any]


def records(folder: Path = RESULTS) -> list[Record]:
    """All results, by name of the script."""
    paths = sorted(folder.glob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def table(results: Sequence[Record]) -> str:
    """One row per claim: what is claimed, what was measured, what to type."""
    if not results:
        return ""
    lines = ["| claim | measured | command |", "|---|---|---|"]
    for record in results:
        shown = [
            f"{what}: {show(row)}" if len(_headlines(record)) > 1 else show(row)
            for what, row in _headlines(record).items()
        ]
        lines.append(f"| {record['claim']} | {'<br>'.join(shown)} | `{record['command']}` |")
    return "\n".join(lines) + "\n"


def _seeds(seeds: Sequence[int]) -> str:
    """``0 to 49`` for a row of them."""
    row = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if row else ", ".join(map(str, seeds)) or "none"


def _headlines(record: Record) -> dict[str, Any]:
    return {what: row for what, row in record["measured"].items() if row["headline"]}


def page(results: Sequence[Record]) -> str:
    """The whole of docs/benchmarks.md."""
    parts = [
        "# Benchmarks\n",
        "Made by `python benchmarks/report.py` from `benchmarks/results/`; not to be edited. "
        "± is one standard deviation over the repeats.\n",
    ]
    for record in results:
        parts += [
            f"## {record['name']}\n",
            f"{record['claim']}\n",
            f"`{record['command']}` on {record['machine']}; commit {record['commit']}; "
            f"seeds {_seeds(record['seeds'])}.\n",
            "| what | measured | least | most | repeats |\n|---|---|---|---|---|\n"
            + "\n".join(
                f"| {what} | {show(row)} | {row['least']:.4g} | {row['most']:.4g} "
                f"| {row['repeats']} |"
                for what, row in record["measured"].items()
            )
            + "\n",
        ]
    return "\n".join(parts)


def with_table(readme: str, new: str) -> str:
    """The README with the table between its markers.

    Raises:
        ValueError: If the markers are missing.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no {BEGIN} and {END} to put the table between.")
    return f"{before}{BEGIN}\n{new}{END}{after}"


def main() -> None:
    """Write both."""
    found = records()
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(found), encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    README.write_text(with_table(text, table(found)), encoding="utf-8")
    print(f"{len(found)} results rendered into {PAGE.name} and {README.name}.")


if __name__ == "__main__":
    main()
