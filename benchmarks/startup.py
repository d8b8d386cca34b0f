"""How long the commands that need no torch take, against Python itself on the same machine.

Run ``python benchmarks/startup.py`` on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import record

COMMANDS = {
    "netwright --help": ["--help"],
    "netwright list strategies": ["list", "strategies"],
    "netwright cost efficientnet_b3": ["cost", "efficientnet_b3"],
}
_MAIN = "import sys; from netwright.cli import main; main(sys.argv[1:])"
_TORCH = f"""
import sys
try:
    {_MAIN}
finally:
    sys.exit(41 if "torch" in sys.modules else 0)
"""


def timed(words: list[str]) -> tuple[float, float]:
    """Wall and user seconds of one process."""
    start = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    return time.perf_counter() - start, usage.ru_utime


def loads_torch(arguments: list[str]) -> bool:
    """Whether a command has imported torch by its end."""
    words = [sys.executable, "-c", _TORCH, *arguments]
    return subprocess.run(words, stdout=subprocess.DEVNULL, check=False).returncode == 41


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--repeats", type=int, default=10)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    walls: dict[str, list[float]] = {}
    users: dict[str, list[float]] = {}
    for _ in range(given.repeats):  # in turn, so that a slow moment hits all alike
        for name, arguments in {"python -c pass": None, **COMMANDS}.items():
            code = ["-c", "pass"] if arguments is None else ["-c", _MAIN, *arguments]
            wall, user = timed([sys.executable, *code])
            walls.setdefault(name, []).append(wall)
            users.setdefault(name, []).append(user)
    plain = statistics.median(walls["python -c pass"])
    results = {}
    for name in walls:
        helping = name == "netwright --help"
        results[name] = record.measured(walls[name], "s", headline=helping)
        results[f"{name}: user time"] = record.measured(users[name], "s")
    loaded = {name: loads_torch(arguments) for name, arguments in COMMANDS.items()}
    record.write(
        __file__,
        claim="netwright --help answers in at most 0.4 s, and loads no torch",
        seeds=[],
        results=results,
        facts={
            "median_seconds": {name: statistics.median(v) for name, v in walls.items()},
            "times_python": {name: statistics.median(v) / plain for name, v in walls.items()},
            "loads_torch": loaded,
        },
        out=given.out,
    )
    print()
    for name in COMMANDS:
        ratio = statistics.median(walls[name]) / plain
        print(f"  {name}: {ratio:.1f} times `python -c pass`; torch loaded: {loaded[name]}")


if __name__ == "__main__":
    main()
