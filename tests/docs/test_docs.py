"""The documents are true: their code runs, their commands succeed, their tables are up to date."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import runpy
import shlex
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import SkipTest

import pytest

from netwright.cli import main
from netwright.testing import EvaluatorContract, SpaceContract, StrategyContract

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = sorted(p.name for p in DOCS.glob("*.md"))
WRITTEN_ELSEWHERE = {"benchmarks.md"}  # by benchmarks/report.py, once something was measured
QUICK = {"cost", "list", "scale", "score", "show", "train"}  # verbs whose commands are run
CONTRACTS = (SpaceContract, EvaluatorContract, StrategyContract)
FEWEST_TESTS = 4  # of a conformance suite
LONGEST = 40  # lines of an example in extend.md
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_FENCE = re.compile(r"^```(\w+)?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, whether it is to be run, what stands in it, and where."""

    language: str
    runs: bool
    text: str
    line: int


def blocks(name: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = (DOCS / name).read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        language, flags, body = found.groups()
        yield Block(language or "", "no-run" not in flags, body, line)


def said(what: Callable[[], object]) -> str:
    """What a call prints on stdout; an exit is an error, with what it printed on stderr."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            what()
    except SystemExit as exit:
        raise AssertionError(f"exit code {exit.code}: {err.getvalue()}") from exit
    return out.getvalue()


def expect(wanted: str, came: str, where: str) -> None:
    """``...`` in what is wanted stands for anything, and any space for any other."""
    same = doctest.OutputChecker().check_output(wanted, came, SAME)
    assert same, f"{where} says\n{wanted}\nbut this came:\n{came}"


def run_commands(block: Block, where: str) -> None:
    """Run the commands after ``$`` that are quick; the lines below one are what it prints."""
    for chunk in block.text.split("$ ")[1:]:
        line, _, wanted = chunk.partition("\n")
        words = shlex.split(line, comments=True)
        assert words[0] == "netwright", f"{where}: {line}"
        if words[1] in QUICK:
            came = said(lambda words=words: main(words[1:]))  # type: ignore[misc]
            if wanted.strip():
                expect(wanted, came, f"{where}: {line}")


def keep(contract: type) -> int:
    """Run the tests of a conformance suite; gives how many there are."""
    names = [name for name in dir(contract) if name.startswith("test_")]
    for name in names:
        with contextlib.suppress(SkipTest):
            getattr(contract(), name)()
    return len(names)


@pytest.fixture
def page(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[types.ModuleType]:
    """A module to run a page in, so that what it defines can be pickled; in an empty folder."""
    module = types.ModuleType(f"docs_{request.node.callspec.params['name'].removesuffix('.md')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    yield module


def run_python(block: Block, where: str, page: types.ModuleType) -> str:
    """Run a block and the conformance suites that it defines; gives what the block prints."""
    code = compile("\n" * block.line + block.text, where.split(":")[0], "exec")
    before = set(vars(page))
    came = said(lambda: exec(code, vars(page)))
    new = [value for key, value in vars(page).items() if key not in before]
    for suite in new:
        if isinstance(suite, type) and issubclass(suite, CONTRACTS) and suite not in CONTRACTS:
            assert keep(suite) >= FEWEST_TESTS, where
    return came


RUN = [name for name in PAGES if any(b.language in ("python", "console") for b in blocks(name))]


@pytest.mark.parametrize("name", RUN)
def test_what_a_page_says_happens(name: str, page: types.ModuleType) -> None:
    came: str | None = None
    for block in blocks(name):
        where = f"docs/{name}:{block.line}"
        if block.language == "text" and came is not None:
            expect(block.text, came, where)
        came = None
        if block.language == "python" and block.runs:
            came = run_python(block, where, page)
        elif block.language == "console" and block.runs:
            run_commands(block, where)


def test_the_examples_of_extending_are_short() -> None:
    long = {b.line: n for b in blocks("extend.md") if (n := b.text.count("\n")) > LONGEST}
    assert not long, f"longer than {LONGEST} lines, by where they begin: {long}"


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    for target in _LINK.findall(text):
        if "://" not in target and target not in WRITTEN_ELSEWHERE:
            assert (DOCS / target).exists(), f"docs/{name} links to {target}, which is not there"


def test_the_index_lists_every_page() -> None:
    linked = set(_LINK.findall((DOCS / "README.md").read_text(encoding="utf-8")))
    assert set(PAGES) - {"README.md"} <= linked


def test_the_tree_is_up_to_date() -> None:
    made = runpy.run_path(str(DOCS / "make_tree.py"))["page"]()
    there = (DOCS / "tree.md").read_text(encoding="utf-8")
    assert made == there, "a file or its first line changed: run python docs/make_tree.py"


def test_the_tables_of_networks_are_up_to_date() -> None:
    there = (DOCS / "networks.md").read_text(encoding="utf-8")
    made = runpy.run_path(str(DOCS / "make_networks.py"))["page"](there)
    assert made == there, "a network or its counts changed: run python docs/make_networks.py"
