"""What a running search shows: one live line per stage on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from netwright.events import Event, FinalsProgress
from netwright.ledger import Progress as SearchProgress
from netwright.units import format_seconds

_QUIET_SECONDS = 10.0  # between two lines where nothing can be redrawn


class Display:
    """Shows events as they come; a context manager.

    Args:
        console: Where to; stderr, so that ``--json`` keeps stdout to itself.
        metric: What the search goes by.
    """

    def __init__(self, console: Console, *, metric: str) -> None:
        self.console, self.metric = console, metric
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[facts]}", markup=False),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._spoken = 0.0
        self._last = ""

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_stage()
        if self.console.is_terminal:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, SearchProgress):
            share = _share(event.seconds_used, event.seconds_left)
            self._update(share, search_facts(event, self.metric))
        elif isinstance(event, FinalsProgress):
            self._update(event.done / event.segments, finals_facts(event))
        else:
            self._close_stage()
            self._spoken, self._last = time.monotonic(), ""
            if self.console.is_terminal:
                self._task = self._bars.add_task(event.text, total=1.0, facts="")
            self.console.print(f"{event.text} ...", highlight=False, markup=False)

    def _update(self, share: float, facts: str) -> None:
        self._last = facts
        if self._task is not None:
            self._bars.update(self._task, completed=share, facts=facts)
        elif time.monotonic() - self._spoken >= _QUIET_SECONDS:
            self._spoken = time.monotonic()
            self.console.print(f"  {facts}", highlight=False, markup=False)

    def _close_stage(self) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
        if self._last:
            self.console.print(f"  {self._last}", highlight=False, markup=False)
            self._last = ""


def _share(used: float, left: float | None) -> float:
    return 0.0 if left is None else used / max(used + left, 1e-9)


def search_facts(at: SearchProgress, metric: str) -> str:
    """``412 candidates, 12.3/s, 3 duplicates, best zico 231.2, 41.0s left``."""
    parts = [f"{at.trials} candidates", f"{at.candidates_per_second:.3g}/s"]
    for count, what in (
        (at.duplicates, "duplicates"),
        (at.rejected, "rejected"),
        (at.failed, "failed"),
    ):
        if count:
            parts.append(f"{count} {what}")
    if at.best is not None:
        parts.append(f"best {metric} {at.best.outcome.metrics[metric]:.5g}")
    if at.seconds_left:
        parts.append(f"{format_seconds(at.seconds_left)} left")
    return ", ".join(parts)


def finals_facts(at: FinalsProgress) -> str:
    """``7 of 20 parts, best so far 61.2% (search 2), 48.0s left``."""
    parts = [f"{at.done} of {at.segments} parts"]
    if at.accuracies:
        role, accuracy = max(at.accuracies.items(), key=lambda item: item[1])
        parts.append(f"best so far {100 * accuracy:.1f}% ({role})")
    if at.done < at.segments:
        parts.append(f"{format_seconds(at.seconds_left)} left")
    return ", ".join(parts)
