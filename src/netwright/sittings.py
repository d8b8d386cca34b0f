"""How long a run has taken: the seconds of every sitting, kept beside it as they pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netwright.run_folder import RunFolder

_EVERY_SECONDS = 2.0


class Sittings:
    """The account of one sitting, and of those before it.

    It is written when the run has something to tell, so a killed sitting lacks what passed since
    the last event.

    Args:
        folder: Of the run.
        used: Seconds of this sitting so far.
        resume: Whether there were sittings before; else the account begins anew.
    """

    def __init__(self, folder: RunFolder, used: Callable[[], float], *, resume: bool) -> None:
        self._folder, self._used = folder, used
        self._path = folder.path / "sittings.json"
        self._before: list[float] = []
        if resume and self._path.is_file():
            found = folder.read_json(self._path, ("seconds",))["seconds"]
            self._before = [float(value) for value in found]
        self._written = -_EVERY_SECONDS

    @property
    def earlier(self) -> float:
        """Seconds of all sittings before this one."""
        return sum(self._before)

    def note(self, *, now: bool = False) -> None:
        """Keep the seconds so far, at most every two seconds unless it is to be now."""
        passed = time.monotonic()
        if not now and passed - self._written < _EVERY_SECONDS:
            return
        self._written = passed
        seconds = [*self._before, round(self._used(), 3)]
        self._folder.write_json(self._path, {"seconds": seconds})


@contextmanager
def account(folder: RunFolder, used: Callable[[], float], *, resume: bool) -> Iterator[Sittings]:
    """The account of a sitting, written also where it ends in an error."""
    sittings = Sittings(folder, used, resume=resume)
    try:
        yield sittings
    finally:
        sittings.note(now=True)
