"""The face of the package: names resolved when used, and no torch where none is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import netwright

SOURCE = Path(netwright.__file__).parent

_ENDS_WITHOUT = """
import sys
from netwright.cli import main
try:
    main(sys.argv[1:])
finally:
    loaded = {"torch", "torchvision", "timm", "sklearn", "scipy"} & set(sys.modules)
    assert not loaded, loaded
"""


def test_public_names_are_sorted_complete_and_there() -> None:
    assert netwright.__all__ == sorted(netwright.__all__)
    assert set(netwright.__all__) == set(netwright._HOME)
    for name in netwright.__all__:
        assert getattr(netwright, name).__name__ == name or name == "Tokens"
    assert set(dir(netwright)) == {*netwright.__all__, "__version__"}
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = netwright.nothing


def test_no_public_name_is_a_modules_name() -> None:
    modules = {path.stem for path in SOURCE.iterdir()}
    assert not modules & set(netwright.__all__)


def test_every_public_name_says_what_it_is() -> None:
    for name in set(netwright.__all__) - {"Tokens"}:
        assert getattr(netwright, name).__doc__, name


def test_importing_it_loads_neither_torch_nor_numpy() -> None:
    code = "import sys, netwright; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["search", "--help"],
        ["--version"],
        ["list", "strategies"],
        ["list", "proxies"],
        ["cost", "mnasnet_a1"],
    ],
    ids=" ".join,
)
def test_these_commands_load_no_torch(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ENDS_WITHOUT, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout, done.stderr


def test_show_and_a_budget_out_of_reach_load_no_torch(photos: Path, tmp_path: Path) -> None:
    words = ["search", str(photos), "--max-macs", "1k"]
    done = subprocess.run(
        [sys.executable, "-c", _ENDS_WITHOUT, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "they range from" in done.stderr, done.stderr
    done = subprocess.run(
        [sys.executable, "-c", _ENDS_WITHOUT, "show", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "is not the folder of a run" in done.stderr, done.stderr
