"""The user's own command: what it is given, what it may say, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.nn.command import command_setting, time_by_command
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import first_row

pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def arch() -> Architecture:
    space = MobileSpace(classes=4, resolution=8)
    return space.decode(first_row(space))


def _script(tmp_path: Path, code: str) -> str:
    path = tmp_path / "bench.py"
    path.write_text(f"import sys\n{code}\n")
    return f"{sys.executable} -S {path} --file={{model}}"


def test_it_gets_an_onnx_file_and_says_milliseconds(tmp_path: Path, arch: Architecture) -> None:
    code = (
        "path = sys.argv[1].removeprefix('--file=')\n"
        "assert b'images' in open(path, 'rb').read()\n"
        "print('warming up')\n"
        'print(\'{"median_ms": 4.0, "low_ms": 3.5, "high_ms": 5.0, "samples": 9}\')'
    )
    found = time_by_command(arch, _script(tmp_path, code))
    assert (found.median_ms, found.low_ms, found.high_ms, found.samples) == (4.0, 3.5, 5.0, 9)


WRONG = [
    ("print('hello')", "printed 'hello'"),
    ("print('{\"median\": 1}')", "must be JSON like"),
    ("print('[]')", "must be JSON like"),
    ("pass", "printed ''"),
    ("print('{\"median_ms\": -1}')", "is no latency"),
    ("print('{\"median_ms\": NaN}')", "is no latency"),
    ("sys.exit('no phone is connected')", "ended with code 1: no phone is connected"),
    ("import time; time.sleep(9)", "took more than 1 seconds"),
]


@pytest.mark.parametrize(("code", "said"), WRONG)
def test_a_mistake_is_one_sentence(
    tmp_path: Path, arch: Architecture, code: str, said: str
) -> None:
    with pytest.raises(UsageError, match="^The latency command .*") as err:
        time_by_command(
            arch, _script(tmp_path, code), timeout_seconds=1.0 if "sleep" in code else 60
        )
    assert said in str(err.value)


def test_a_command_needs_a_place_for_the_model(arch: Architecture) -> None:
    with pytest.raises(UsageError, match="has no {model}"):
        command_setting("ssh phone bench", (3, 8, 8))
    with pytest.raises(UsageError, match="cannot be read"):
        command_setting("ssh 'phone {model}", (3, 8, 8))
    with pytest.raises(UsageError, match="cannot be run"):
        time_by_command(arch, "/no/such/program {model}")


def test_its_setting_says_what_it_was() -> None:
    assert command_setting("ssh phone bench {model}", (3, 8, 8)).processor.startswith("ssh phone")
