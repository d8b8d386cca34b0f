"""A user's own command that times a network elsewhere: a phone, a board, another machine.

The command gets the path of an ONNX file and prints one line of JSON, ``{"median_ms": 12.3}``,
which may also hold ``low_ms`` and ``high_ms`` (quartiles) and ``samples``.
"""

from __future__ import annotations

import json
import math
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.nn.measured import Latency, Setting
from netwright.nn.onnx import onnx_model
from netwright.nn.runtimes import blank

PLACE = "{model}"
_TIMEOUT_SECONDS = 600.0


def command_setting(command: str, shape: tuple[int, int, int]) -> Setting:
    """The conditions of what a command tells: only it knows more.

    Raises:
        UsageError: If the command has no place for the model.
    """
    _words(command, Path("model.onnx"))
    return Setting(
        runtime="command", version="its own", device="remote", processor=command, threads=1,
        batch=1, shape=shape, dtype="float32",
    )  # fmt: skip


def time_by_command(
    arch: Architecture, command: str, *, timeout_seconds: float = _TIMEOUT_SECONDS
) -> Latency:
    """What the command says of a network.

    Args:
        arch: The network, given to it as ONNX with constants for weights.
        command: With ``{model}`` where the path belongs.
        timeout_seconds: How long it may take.

    Raises:
        UsageError: If it fails, takes too long, or prints no such line.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(onnx_model(arch, blank(arch).state_dict()).SerializeToString())
        words = _words(command, path)
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=timeout_seconds, check=False
            )
        except OSError as err:
            raise UsageError(f"The latency command {words[0]!r} cannot be run: {err}.") from err
        except subprocess.TimeoutExpired as err:
            raise UsageError(
                f"The latency command took more than {timeout_seconds:.0f} seconds: {command}."
            ) from err
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1][:200]
        raise UsageError(f"The latency command ended with code {done.returncode}: {said}")
    return _read(done.stdout)


def _words(command: str, path: Path) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as err:
        raise UsageError(f"The latency command {command!r} cannot be read: {err}.") from err
    if not any(PLACE in word for word in words):
        raise UsageError(
            f"The latency command {command!r} has no {PLACE}; write it where the path of the "
            f'ONNX file belongs, as in --latency-command "ssh phone bench {PLACE}".'
        )
    return [word.replace(PLACE, str(path)) for word in words]


def _read(text: str) -> Latency:
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    try:
        said: Any = json.loads(last)
        median = float(said["median_ms"])
        low, high = float(said.get("low_ms", median)), float(said.get("high_ms", median))
        samples = int(said.get("samples", 1))
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise UsageError(
            f"The latency command printed {last[:120]!r}; its last line must be JSON like "
            '{"median_ms": 12.3}.'
        ) from err
    if not (0 < low <= median <= high < math.inf and samples >= 1):
        raise UsageError(f"The latency command said {last[:120]!r}, which is no latency.")
    return Latency(median_ms=median, low_ms=low, high_ms=high, samples=samples)
