"""Write docs/tree.md: every file of the package by its first docstring line, in arrow order.

Run ``python docs/make_tree.py`` after a file was added, renamed or described anew.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "netwright"
ARROWS = ROOT / "tests" / "test_arrows.py"  # the one place where the order stands
PAGE = ROOT / "docs" / "tree.md"
HEAD = """# Every file by its first line

Written by `python docs/make_tree.py` from the docstrings; not to be edited.

Groups stand in the order of the arrows, which `tests/test_arrows.py` holds: a file imports only
from groups above its own, or from its own folder.
"""


def groups() -> list[list[str]]:
    """Folders and top-level modules, group by group, from left to right of the arrows.

    Raises:
        ValueError: If the test of the arrows names no order.
    """
    for node in ast.parse(ARROWS.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ARROWS":
            text: str = ast.literal_eval(node.value)
            return [names.split() for names in text.split("<")]
    raise ValueError(f"{ARROWS} has no ARROWS.")


def first_line(path: Path) -> str:
    """The first line of a file's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def page() -> str:
    """The whole of docs/tree.md.

    Raises:
        ValueError: If a file has no place among the arrows.
    """
    order = groups()
    there = {p.stem for p in SOURCE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    lost = there - {name for names in order for name in names} - {"__init__"}
    if lost:
        raise ValueError(f"{', '.join(sorted(lost))} has no place among the arrows of {ARROWS}.")
    parts = [HEAD, f"**netwright**: {first_line(SOURCE / '__init__.py')}\n"]
    for names in order:
        found = [name for name in names if name in there]
        if found:
            lines = [line for name in found for line in _lines(name)]
            parts += [f"## {', '.join(found)}\n", "\n".join(lines) + "\n"]
    return "\n".join(parts)


def _lines(name: str) -> list[str]:
    folder = SOURCE / name
    if not folder.is_dir():
        return [f"- `{name}.py`: {first_line(folder.with_suffix('.py'))}"]
    files = sorted(p for p in folder.rglob("*.py") if p.name != "__init__.py")
    inside = [f"  - `{p.relative_to(SOURCE).as_posix()}`: {first_line(p)}" for p in files]
    return [f"- **{name}/**: {first_line(folder / '__init__.py')}", *inside]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
