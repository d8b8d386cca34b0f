"""The account of a running search: clock, counts, the best so far."""

from __future__ import annotations

import pytest

from netwright.arch.cost import Cost
from netwright.errors import UsageError
from netwright.ledger import Ledger, Progress, TimedStore
from netwright.records import Objective, Outcome, Trial

SCORE = Objective(metric="score")
COST = Cost(params=1, macs=1, peak_activation_bytes=1)


class Memory(list[Trial]):
    """A store that keeps nothing beyond this process."""

    used_seconds = 0.0

    def append(self, trials: object, *, used_seconds: float | None = None) -> None:
        assert isinstance(trials, list)
        self.extend(trials)
        self.used_seconds = self.used_seconds if used_seconds is None else used_seconds


def trial(
    number: int,
    *,
    score: float = 1.0,
    status: str = "ok",
    seconds: float = 2.0,
    duplicate_of: int | None = None,
) -> Trial:
    outcome = (
        Outcome(status="ok", metrics={"score": score}, seconds=seconds)
        if status == "ok"
        else Outcome(
            status="failed" if status == "failed" else "rejected", reason="why", seconds=seconds
        )
    )
    return Trial(
        number=number,
        tokens=(number,),
        arch_id=f"{number if duplicate_of is None else duplicate_of:016x}",
        cost=COST,
        outcome=outcome,
        duplicate_of=duplicate_of,
    )


def ledger(store: TimedStore, *, seconds: float | None = None) -> Ledger:
    return Ledger(store, objective=SCORE, seconds=seconds, on_progress=None)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_of_equals_the_earliest_is_best_in_whatever_order_they_end(order: list[int]) -> None:
    book = ledger(Memory())
    for number in order:
        book.record([trial(number)])
    best = book.progress().best
    assert best is not None and best.number == 0


def test_every_status_is_counted_once() -> None:
    store, seen = Memory(), list[Progress]()
    book = Ledger(store, objective=SCORE, seconds=None, on_progress=seen.append)
    book.record([trial(0, score=1.5), trial(1, status="failed"), trial(2, status="rejected")])
    book.record([trial(3, duplicate_of=0), trial(4, duplicate_of=1, status="failed")])
    last = seen[-1]
    assert (last.trials, last.ok, last.failed, last.rejected, last.duplicates) == (5, 1, 1, 1, 2)
    assert last.best_value == 1.5
    assert set(book.known) == {f"{n:016x}" for n in (0, 1)}
    assert [t.number for t in book.between(1, 4)] == [1, 2, 3]
    again = ledger(store).progress()
    assert (again.trials, again.ok, again.best) == (5, 1, last.best)
    assert again.candidates_per_second == 0


def test_a_search_that_started_slowly_still_looks_at_one_candidate() -> None:
    store = Memory()
    store.used_seconds = 100.0
    book = ledger(store, seconds=1.0)
    assert not book.late()
    book.record([trial(0)])
    assert book.late()


def test_it_is_late_when_the_median_candidate_would_end_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 50.0
    monkeypatch.setattr("netwright.ledger.time.monotonic", lambda: now)
    store = Memory()
    book = ledger(store, seconds=10)
    assert not book.late(), "nothing is known yet"
    book.record([trial(0, seconds=1), trial(1, seconds=3), trial(2, seconds=60)])
    now = 57.0
    assert not book.late() and book.used() == 7
    now = 57.5
    assert book.late()
    book.record([])
    now = 1000.0
    assert ledger(store, seconds=11).used() == 7.5, "the next sitting goes on from there"


def test_a_missing_metric_is_told() -> None:
    with pytest.raises(UsageError, match="gave score, not 'accuracy'"):
        Ledger(
            Memory([trial(0)]),
            objective=Objective(metric="accuracy"),
            seconds=None,
            on_progress=None,
        )
