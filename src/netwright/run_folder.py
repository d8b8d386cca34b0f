"""A RUN folder: what a search leaves behind, and how it is found again.

run.toml              the effective configuration
trials.db             every trial (SQLite)
best.json             the network, as an architecture file
weights.safetensors   its trained weights
latency.json          the latency table that the search predicts by, if latency counts
probes.json           the short trainings of a check that the search began with, if it did
result.json           the comparison at the end, with what everything cost
finals/               plan, results and checkpoints of the final trainings
export/               what ``netwright export`` wrote
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netwright.arch.graph import Architecture
from netwright.errors import NetwrightError, ShapeError, UsageError
from netwright.folders import make_folder

_IN_RESULT = ("search", "seconds", "finals", "best", "test", "verdict", "data", "objective")


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
    def probes(self) -> Path:
        """``probes.json``."""
        return self.path / "probes.json"

    @property
    def latency(self) -> Path:
        """``latency.json``."""
        return self.path / "latency.json"

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
        make_folder(self.path, called="run folder")
        self.finals.mkdir(exist_ok=True)

    @contextmanager
    def started(self, *, store: str | None = None) -> Iterator[None]:
        """Make the folder; leave none behind where an error of ours comes before the first trial.

        A folder that held anything before stays as it is.

        Args:
            store: Where the trials are, if not in the folder.

        Raises:
            UsageError: If it cannot be written.
        """
        made = [path for path in (self.path, *self.path.parents) if not path.exists()]
        fresh = bool(made) or (self.path.is_dir() and not any(self.path.iterdir()))
        try:
            self.create()
            yield
        except NetwrightError:
            if fresh and self.path.is_dir() and not _trials(store or self.trials):
                shutil.rmtree(self.path)
                if made:
                    _remove_empty(made[1:])
                else:
                    self.path.mkdir()
            raise

    def is_run(self) -> bool:
        """Whether a search was started in it."""
        return self.config.is_file() or self.trials.is_file()

    def write_text(self, path: Path, text: str) -> None:
        """Write a file so that a reader never sees half of it."""
        draft = path.with_name(f".{path.name}.part")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)

    def write_json(self, path: Path, data: Any) -> None:
        """Write plain data so that a reader never sees half of it."""
        self.write_text(path, json.dumps(data, indent=2) + "\n")

    def read_json(self, path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
        """Read what ``write_json`` wrote.

        Args:
            path: The file.
            keys: What it must hold.

        Raises:
            UsageError: If it cannot be read, or something is missing.
        """
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as err:
            raise UsageError(self._damaged(path, str(err))) from err
        missing = [key for key in keys if not isinstance(found, dict) or key not in found]
        if missing:
            raise UsageError(self._damaged(path, f"it has no {missing[0]!r}"))
        read: dict[str, Any] = found
        return read

    def _damaged(self, path: Path, why: str) -> str:
        return (
            f"{path} is damaged ({why}); remove it, and make it anew with "
            f"`netwright search --resume --out {self.path}`."
        )

    def read_result(self) -> dict[str, Any]:
        """What ``result.json`` holds.

        Raises:
            UsageError: If there is none yet, or it is damaged.
        """
        if not self.result.is_file():
            raise UsageError(
                f"{self.path} has no result yet; finish the search with "
                f"`netwright search --resume --out {self.path}`."
            )
        return self.read_json(self.result, _IN_RESULT)

    def read_best(self) -> Architecture:
        """The network that the search chose.

        Raises:
            UsageError: If there is none yet, or the folder is no run.
        """
        if not self.best.is_file():
            known = self.is_run()
            raise UsageError(
                f"{self.path} has no best network yet; finish the search with "
                f"`netwright search --resume --out {self.path}`."
                if known
                else f"{self.path} is not the folder of a run: it holds no run.toml."
            )
        return read_architecture(self.best)


def read_architecture(path: Path) -> Architecture:
    """The network in an architecture file.

    Raises:
        UsageError: If it cannot be read, or holds no network; the message names the file.
    """
    try:
        return Architecture.from_json(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise UsageError(f"{path} cannot be read ({err.strerror}).") from err
    except (UnicodeDecodeError, UsageError, ShapeError) as err:
        why = "it is not text" if isinstance(err, UnicodeDecodeError) else str(err)
        raise UsageError(f"{path} cannot be used as an architecture: {why}") from err


def next_run(parent: Path, name: str) -> Path:
    """The first of ``parent/name-1``, ``parent/name-2``, ... that does not exist."""
    number = 1
    while (path := parent / f"{name}-{number}").exists():
        number += 1
    return path


def _trials(place: str | Path) -> int:
    """How many trials are kept; 0 where there is no store that can be read."""
    from netwright.store import read_store  # here, as most who read a run need no database

    try:
        with read_store(place) as store:
            return len(store)
    except NetwrightError:
        return 0


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        if any(folder.iterdir()):
            return
        folder.rmdir()
