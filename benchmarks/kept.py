"""Searches that a benchmark has done, kept in a file, so that a killed one goes on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


class Kept:
    """What was found so far, by name; delete the file after a change of the strategies.

    Args:
        path: JSON file, written after every search; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.known: dict[str, Any] = {}
        if path is not None and path.is_file():
            self.known = json.loads(path.read_text(encoding="utf-8"))

    def each(self, name: str, seeds: Iterable[int], search: Callable[[int], Any]) -> list[Any]:
        """What the searches of this name find, or found, seed by seed.

        Args:
            name: All but the seed that tells them from others.
            seeds: Which.
            search: Finds plain numbers, lists and dictionaries.
        """
        return [self._one(f"{name} {seed}", seed, search) for seed in seeds]

    def _one(self, key: str, seed: int, search: Callable[[int], Any]) -> Any:
        if key not in self.known:
            self.known[key] = search(seed)
            if self.path is not None:
                part = self.path.with_name(f"{self.path.name}.part")
                part.write_text(json.dumps(self.known), encoding="utf-8")
                part.replace(self.path)
        return self.known[key]


def add_option(options: argparse.ArgumentParser) -> None:
    """``--cache FILE``."""
    options.add_argument(
        "--cache", type=Path, help="a JSON file of the searches done; it goes on from there"
    )
