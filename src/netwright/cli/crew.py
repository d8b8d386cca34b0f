"""What the benchmarks share: workers for the time of a block, a line of progress now and then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from netwright.cli.output import console
from netwright.workers import Processes, Serial

_QUIET_SECONDS = 10.0


@contextmanager
def crew(workers: int) -> Iterator[Executor]:
    """This process for one worker, else that many beside it."""
    with Serial() if workers == 1 else Processes(workers) as executor:
        yield executor


class Watch:
    """Says on stderr, now and then, how much is done.

    Args:
        what: What is counted, in the plural: ``networks are scored``.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._screen = console(stderr=True)
        self._spoken = -_QUIET_SECONDS

    def __call__(self, done: int, total: int) -> None:
        """So many of so many."""
        now = time.monotonic()
        if now - self._spoken >= _QUIET_SECONDS or done == total:
            self._spoken = now
            self._screen.print(f"{done} of {total} {self.what}")
