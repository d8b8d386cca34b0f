"""What a running search knows of itself: trials by number and by network, clock, progress."""

from __future__ import annotations

import bisect
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from netwright.contracts import Store
from netwright.records import Objective, Trial


class TimedStore(Store, Protocol):
    """A store that also keeps how long the search has run, so that a time budget survives."""

    @property
    def used_seconds(self) -> float:
        """Seconds of search so far, all sittings together."""
        ...

    def append(self, trials: Sequence[Trial], *, used_seconds: float | None = None) -> None:
        """Keep trials and the new total of seconds, all or none."""
        ...


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a search stands.

    Args:
        trials: Candidates so far, of every status.
        ok: With metrics, duplicates left out.
        failed: Failed, duplicates left out.
        rejected: Over the budget.
        duplicates: Networks that had been evaluated before; their answer was copied.
        best: The best trial so far, if any is ok; the earliest of equals.
        best_value: What the objective says of it; larger is better.
        candidates_per_second: Of this sitting.
        seconds_used: In all sittings together.
        seconds_left: Until the time is used up, if there is a limit.
    """

    trials: int
    ok: int
    failed: int
    rejected: int
    duplicates: int
    best: Trial | None
    best_value: float | None
    candidates_per_second: float
    seconds_used: float
    seconds_left: float | None


class Ledger:
    """Writes trials to the store and keeps the account of them.

    Args:
        store: Empty, or with the trials of the same search before.
        objective: What counts as better.
        seconds: The time budget, if there is one.
        on_progress: Called with every change.
    """

    def __init__(
        self,
        store: TimedStore,
        *,
        objective: Objective,
        seconds: float | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._store, self._objective = store, objective
        self._seconds, self._on_progress = seconds, on_progress
        self._before, self._started = store.used_seconds, time.monotonic()
        self._durations: list[float] = []  # sorted
        self._counts = {"ok": 0, "failed": 0, "rejected": 0, "duplicate": 0}
        self._best: Trial | None = None
        self._best_value: float | None = None
        self.trials: dict[int, Trial] = {}
        self.known: dict[str, Trial] = {}
        for trial in store:
            self._count(trial)
        self._loaded = len(self.trials)
        self._tell()

    def record(self, trials: Sequence[Trial]) -> None:
        """Store trials, then count them."""
        self._store.append(trials, used_seconds=self.used())
        for trial in trials:
            self._count(trial)
        self._tell()

    def between(self, first: int, stop: int) -> list[Trial]:
        """The trials with numbers from ``first`` up to ``stop``, in order."""
        return [self.trials[n] for n in range(first, stop) if n in self.trials]

    def used(self) -> float:
        """Seconds of search so far, all sittings together."""
        return self._before + time.monotonic() - self._started

    def late(self) -> bool:
        """Whether a candidate that takes the median time would now end after the budget.

        Never before the first trial: however slow the start, a search looks at something.
        """
        if self._seconds is None or not self.trials:
            return False
        middle = self._durations[len(self._durations) // 2] if self._durations else 0.0
        used = self.used()
        return used >= self._seconds or used + middle > self._seconds

    def progress(self) -> Progress:
        """Where the search stands now."""
        used = self.used()
        here = max(used - self._before, 1e-9)
        return Progress(
            trials=len(self.trials),
            ok=self._counts["ok"],
            failed=self._counts["failed"],
            rejected=self._counts["rejected"],
            duplicates=self._counts["duplicate"],
            best=self._best,
            best_value=self._best_value,
            candidates_per_second=(len(self.trials) - self._loaded) / here,
            seconds_used=used,
            seconds_left=None if self._seconds is None else max(0.0, self._seconds - used),
        )

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self.progress())

    def _count(self, trial: Trial) -> None:
        self.trials[trial.number] = trial
        if trial.duplicate_of is not None:
            self._counts["duplicate"] += 1
            return
        self._counts[trial.outcome.status] += 1
        if trial.outcome.status == "rejected":
            return
        self.known[trial.arch_id] = trial
        bisect.insort(self._durations, trial.outcome.seconds)
        if trial.ok:
            value = trial.value(self._objective)
            best = self._best
            if best is None or (value, -trial.number) > (self._best_value, -best.number):
                self._best, self._best_value = trial, value
