"""A RUN folder: what a search leaves behind, and how it is found again.

run.toml              the effective configuration
trials.db             every trial (SQLite)
best.json             the network, as an architecture file
weights.safetensors   its trained weights
result.json           the comparison at the end, with what everything cost
finals/               checkpoints of the final trainings
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netwright.arch.graph import Architecture
from netwright.errors import UsageError


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run.

    Args:
        path: The folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """``run.toml``."""
        return self.path / "run.toml"

    @property
    def trials(self) -> Path:
        """``trials.db``."""
        return self.path / "trials.db"

    @property
    def best(self) -> Path:
        """``best.json``."""
        return self.path / "best.json"

    @property
    def weights(self) -> Path:
        """``weights.safetensors``."""
        return self.path / "weights.safetensors"

    @property
    def result(self) -> Path:
        """``result.json``."""
        return self.path / "result.json"

    @property
    def finals(self) -> Path:
        """``finals/``."""
        return self.path / "finals"

    def create(self) -> None:
        """Make the folder and see that it can be written.

        Raises:
            UsageError: If it cannot.
        """
        try:
            self.finals.mkdir(parents=True, exist_ok=True)
            probe = self.path / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as err:
            raise UsageError(
                f"The run folder {self.path} cannot be written ({err.strerror}); "
                "choose another with --out."
            ) from err

    def write_json(self, path: Path, data: Any) -> None:
        """Write plain data so that a reader never sees half of it."""
        draft = path.with_name(f".{path.name}.part")
        draft.write_text(json.dumps(data, indent=2) + "\n")
        draft.replace(path)

    def read_result(self) -> dict[str, Any]:
        """What ``result.json`` holds.

        Raises:
            UsageError: If there is none yet.
        """
        if not self.result.is_file():
            raise UsageError(
                f"{self.path} has no result yet; finish the search with "
                f"`netwright search --resume --out {self.path}`."
            )
        result: dict[str, Any] = json.loads(self.result.read_text())
        return result

    def read_best(self) -> Architecture:
        """The network that the search chose.

        Raises:
            UsageError: If there is none yet, or the folder is no run.
        """
        if not self.best.is_file():
            known = self.config.is_file()
            raise UsageError(
                f"{self.path} has no best network yet; finish the search with "
                f"`netwright search --resume --out {self.path}`."
                if known
                else f"{self.path} is not the folder of a run: it holds no run.toml."
            )
        return Architecture.from_json(self.best.read_text())


def next_run(parent: Path, name: str) -> Path:
    """The first of ``parent/name-1``, ``parent/name-2``, ... that does not exist."""
    number = 1
    while (path := parent / f"{name}-{number}").exists():
        number += 1
    return path
