"""Where every second of a search went: of all workers, all the wall clock long."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netwright.contracts import Strategy
from netwright.records import Tokens, Trial

STAGES = ("setup", "screen", "score", "probe", "measure", "train", "test")
"""Setting up and choosing candidates keep one worker's time busy, the others' is idle."""


@dataclass(frozen=True, kw_only=True)
class Spending:
    """The seconds that workers were given, and what became of them.

    Args:
        workers: How many.
        wall: Seconds on the clock, all sittings together.
        busy: Seconds of work by stage: ``setup``, ``screen`` (choosing candidates), ``score``
            (training-free), ``probe`` (short trainings), ``measure`` (step times), ``train`` (the
            finals), ``test``.
    """

    workers: int
    wall: float
    busy: Mapping[str, float]

    @property
    def given(self) -> float:
        """Seconds that there were: of every worker, as long as the search took."""
        return self.workers * self.wall

    @property
    def idle(self) -> float:
        """Seconds in which a worker had nothing to do, or did what a kill undid."""
        return max(0.0, self.given - sum(self.busy.values()))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types: seconds by stage, and the idle share."""
        stages = {name: round(self.busy.get(name, 0.0), 3) for name in STAGES}
        return {
            "workers": self.workers,
            "wall": round(self.wall, 3),
            **stages,
            "idle": round(self.idle, 3),
            "idle_share": round(self.idle / self.given, 4) if self.given else 0.0,
        }


def in_words(spent: Mapping[str, Any]) -> str:
    """``Of 2 workers' time: probe 31%, train 58%, ..., idle 4%``; what took nothing is left out.

    Args:
        spent: As ``to_dict`` gives it.
    """
    given = float(spent["workers"] * spent["wall"]) or 1.0
    parts = [
        f"{name} {spent[name] / given:.0%}"
        for name in (*STAGES, "idle")
        if spent[name] >= given / 200 or name == "idle"
    ]
    who = "1 worker's" if spent["workers"] == 1 else f"{spent['workers']} workers'"
    return f"Of {who} time: {', '.join(parts)}."


class Timed:
    """A strategy whose thinking is timed.

    Args:
        strategy: The strategy.
        clock: Seconds of some clock.
    """

    def __init__(self, strategy: Strategy, clock: Callable[[], float] = time.perf_counter) -> None:
        self._strategy, self._clock, self.seconds = strategy, clock, 0.0

    def ask(self, n: int) -> Sequence[Tokens]:
        """What the strategy asks for."""
        started = self._clock()
        asked = self._strategy.ask(n)
        self.seconds += self._clock() - started
        return asked

    def tell(self, trials: Sequence[Trial]) -> None:
        """Tell the strategy."""
        started = self._clock()
        self._strategy.tell(trials)
        self.seconds += self._clock() - started
