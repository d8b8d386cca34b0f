"""Every module imports only what stands to its left; torch is where it belongs; all is documented.

The ranks are DESIGN.md's arrows, read off the source: an import inside a function, or one for the
type checker alone, is an arrow too.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "netwright"
ARROWS = """
errors
< rng units lock folders
< pareto stats process
< arch chance
< records trust
< contracts
< spaces resizing
< scaling
< nn
< latency
< proxies predict training
< strategies fakes effort replay rivals
< evaluators ledger database
< events store workers
< loop
< finalists judge families reporting exporters run_folder checked
< rehearsal
< finals
< verdict sittings exam check_folder funnel trained spending
< pipeline
< probing
< catalog
< config regret correlation
< face checking
< cli testing
"""
RANK = {
    name: rank for rank, names in enumerate(ARROWS.split("<")) for name in names.split()
}  # fmt: skip

# Where torch may be named; what else may load it by importing these.
TORCH = (
    "nn/", "proxies/", "training/", "exporters/",
    "evaluators/proxies.py", "evaluators/training.py",
    "strategies/controller.py", "strategies/ppo.py", "strategies/ppo_pareto.py",
    "strategies/recurrence.py", "strategies/reinforce.py",
)  # fmt: skip
LOADS_TORCH = (
    "cli/together.py", "correlation/scores.py", "correlation/summary.py",
    "evaluators/ensembles.py", "exam.py", "finals.py", "funnel.py", "judge.py",
    "latency/gauges.py", "latency/prepare.py", "latency/profile.py", "pipeline.py",
    "probing.py", "rehearsal.py", "trained.py", "verdict.py",
)  # fmt: skip
HEAVY = ("torch", "torchvision", "timm", "sklearn", "scipy", "pandas", "pyarrow", "matplotlib")
NO_CONCEPTS = {"utils", "util", "common", "helpers", "misc", "core", "base"}
RESOLVERS = {"__init__.py", "cli/__init__.py"}  # these alone may hold code
UNTESTED: dict[str, str] = {}  # module → why it has no test file of its own

FILES = sorted(p.relative_to(SOURCE).as_posix() for p in SOURCE.rglob("*.py"))
MODULES = [f for f in FILES if not f.endswith("__init__.py")]


def tree(file: str) -> ast.Module:
    """The module, parsed."""
    return ast.parse((SOURCE / file).read_text(encoding="utf-8"))


def part(file: str) -> str:
    """The folder, or the module at the top, that a file belongs to."""
    return file.split("/")[0].removesuffix(".py")


def imports(root: ast.AST, *, typing: bool = True) -> Iterator[tuple[str, int]]:
    """Every dotted name that is imported, with its line; without type-checking ones if asked."""
    for node in ast.iter_child_nodes(root):
        if not typing and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        yield from imports(node, typing=typing)


@pytest.mark.parametrize("file", [f for f in FILES if f != "__init__.py"])
def test_arrows_point_one_way(file: str) -> None:
    here = part(file)
    assert here in RANK, f"{here} has no place among the arrows; give it one in this test"
    for name, line in imports(tree(file)):
        if name.startswith("netwright."):
            there = name.split(".")[1]
            allowed = there == here or RANK.get(there, -1) < RANK[here]
            if there in RANK:
                assert allowed, f"{file}:{line}: {here} must not import {there}"
            else:  # a name of the package itself, such as its version
                assert there.startswith("__"), f"{file}:{line}: {there} is unknown or has no place"


@pytest.mark.parametrize("file", FILES)
def test_torch_is_only_where_it_belongs(file: str) -> None:
    named = {n.split(".")[0] for n, _ in imports(tree(file), typing=False)}
    heavy = named & {"torch", "torchvision", "timm"}
    assert not heavy or file.startswith(TORCH), f"{file} imports {', '.join(sorted(heavy))}"


_LOADING = """
import importlib, json, sys
loaded = {}
for module in json.loads(sys.argv[1]):
    importlib.import_module(module)
    loaded[module] = [h for h in json.loads(sys.argv[2]) if h in sys.modules]
print(json.dumps(loaded))
"""


def test_what_needs_no_torch_loads_none() -> None:
    modules = [
        ".".join(("netwright", *Path(f).with_suffix("").parts)).removesuffix(".__init__")
        for f in FILES
        if not f.startswith(TORCH) and f not in LOADS_TORCH
    ]
    arguments = [json.dumps(["netwright", *modules]), json.dumps(HEAVY)]
    out = subprocess.run(
        [sys.executable, "-c", _LOADING, *arguments], capture_output=True, text=True, check=True
    )
    for module, heavy in json.loads(out.stdout).items():
        assert not heavy, f"import {module} loads {', '.join(heavy)}"


def test_the_package_itself_loads_nothing() -> None:
    code = "import netwright, sys; print([m for m in ('numpy', 'torch') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("file", FILES)
def test_names_are_concepts(file: str) -> None:
    names = {p.removesuffix(".py").strip("_") for p in file.split("/")}
    assert not names & NO_CONCEPTS, f"{file}: a helper without a home is a concept without a name"


@pytest.mark.parametrize("file", [f for f in FILES if f.endswith("__init__.py")])
def test_folders_say_what_they_are_and_no_more(file: str) -> None:
    module = tree(file)
    assert ast.get_docstring(module)
    if file not in RESOLVERS:
        assert len(module.body) == 1, f"{file} is to be a docstring alone"


@pytest.mark.parametrize("file", FILES)
def test_the_first_line_says_the_concept(file: str) -> None:
    text = ast.get_docstring(tree(file)) or ""
    first = text.split("\n\n")[0].replace("\n", " ").strip()
    assert first.endswith((".", "?", ":")), f"{file} has no sentence to begin with: {first!r}"
    assert len(text.split("\n")[0]) <= 99


def _public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node


def undocumented(file: str) -> Iterator[str]:
    """Public functions, classes and methods without a docstring.

    Methods that override, or that a protocol of the same file documents, need no second one.
    """
    classes = [n for n in tree(file).body if isinstance(n, ast.ClassDef)]
    protocols = [c for c in classes if "Protocol" in map(ast.unparse, c.bases)]
    promised = {m.name for c in protocols for m in _public(c.body) if ast.get_docstring(m)}
    for node in _public(tree(file).body):
        if not ast.get_docstring(node):
            yield node.name
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(b).split("[")[0].split(".")[-1] for b in node.bases}
            if bases <= {"Protocol", "NamedTuple", "Generic", "Exception"}:
                methods = {m.name for m in _public(node.body) if not ast.get_docstring(m)}
                yield from (f"{node.name}.{name}" for name in sorted(methods - promised))


@pytest.mark.parametrize("file", MODULES)
def test_what_is_public_is_documented(file: str) -> None:
    if file == "testing.py":  # its methods are tests, and named as sentences
        return
    missing = list(undocumented(file))
    assert not missing, f"{file}: {', '.join(missing)}"


@pytest.mark.parametrize("file", MODULES)
def test_every_module_has_its_test(file: str) -> None:
    path = TESTS / file
    mirrored = path.with_name(f"test_{path.name}")
    if file in UNTESTED:
        assert not mirrored.exists(), f"{file} has a test; take it off the list"
    else:
        assert mirrored.exists(), f"no {mirrored.relative_to(TESTS.parent)}"


def test_every_test_has_its_module() -> None:
    """A test file whose module was renamed or deleted would go on passing."""
    own = {"test_arrows.py", "test_init.py", "docs/test_docs.py", "proxies/test_conformance.py"}
    for test in TESTS.rglob("test_*.py"):
        name = test.relative_to(TESTS).as_posix()
        module = (SOURCE / name).with_name(test.name.removeprefix("test_"))
        package = module.with_suffix("") / "__init__.py"
        script = TESTS.parent / name.replace("test_", "")  # of benchmarks/
        there = module.exists() or package.exists() or script.exists()
        assert name in own or there, f"{name} tests no module"
