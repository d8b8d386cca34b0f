"""The loop: one seed, one search, whatever kills it and whoever evaluates."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import searcher
from netwright.arch.cost import Cost, cost
from netwright.arch.graph import Architecture
from netwright.contracts import Evaluator, Strategy
from netwright.errors import StoreError, TokenError, UsageError
from netwright.fakes import ONE, FakeEvaluator, RandomDraws, TinySpace
from netwright.ledger import Progress
from netwright.loop import IDLE_BATCHES, Summary, run_search
from netwright.predict.descriptors import describe
from netwright.records import Budget, Objective, Outcome, Tokens, Trial
from netwright.rng import derive, stream
from netwright.spaces.within import Costing
from netwright.store import TrialStore, open_store, read_store
from netwright.workers import Processes, Serial

SCORE = Objective(metric="score")


def stored(folder: Path) -> list[Trial]:
    """The trials in a folder, but for what depends on the clock."""
    with read_store(folder / "trials.db") as store:
        return [replace(t, outcome=replace(t.outcome, seconds=0.0)) for t in store]


def memory() -> TrialStore:
    return open_store(":memory:", run=searcher.KEY, resume=False)


def go(
    store: TrialStore,
    *,
    space: TinySpace = searcher.SPACE,
    strategy: Strategy | None = None,
    evaluator: Evaluator | None = None,
    executor: Executor | None = None,
    budget: Budget | None = None,
    objective: Objective = SCORE,
    batch: int = 4,
    seconds: float | None = None,
    trials: int | None = None,
    costing: Costing = cost,
    on_progress: Callable[[Progress], None] | None = None,
) -> Summary:
    return run_search(
        space,
        strategy or RandomDraws(space, seed=0),
        evaluator=evaluator or FakeEvaluator(),
        store=store,
        executor=executor or Serial(),
        objective=objective,
        budget=budget or Budget(),
        seed=0,
        batch=batch,
        seconds=seconds,
        trials=trials,
        costing=costing,
        on_progress=on_progress,
    )


@dataclass
class Script:
    """A strategy that asks for given rows, and remembers what it is told."""

    batches: Sequence[Sequence[Tokens]]
    told: list[list[Trial]] = field(default_factory=list)

    def ask(self, n: int) -> Sequence[Tokens]:
        return self.batches[len(self.told)] if len(self.told) < len(self.batches) else []

    def tell(self, trials: Sequence[Trial]) -> None:
        self.told.append(list(trials))


@dataclass
class Calls:
    """An evaluator that counts, and does something at one of the calls."""

    at: int
    act: Callable[[], Outcome]
    seeds: list[int] = field(default_factory=list)

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        self.seeds.append(seed)
        return self.act() if len(self.seeds) == self.at else FakeEvaluator()(arch, seed=seed)


def raising(error: BaseException) -> Callable[[], Outcome]:
    def act() -> Outcome:
        raise error

    return act


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search of ``searcher``, in one go."""
    folder = tmp_path_factory.mktemp("whole")
    searcher.search(folder, workers=0)
    return folder


def test_the_search_of_these_tests_has_everything_in_it(whole: Path) -> None:
    trials = stored(whole)
    assert [t.number for t in trials] == list(range(searcher.TRIALS))
    assert {t.outcome.status for t in trials} == {"ok", "failed", "rejected"}
    assert any(t.duplicate_of is not None for t in trials)
    for trial in trials:
        assert trial.arch_id == searcher.SPACE.decode(trial.tokens).id
        if trial.outcome.status == "rejected":
            assert trial.outcome.reason == "; ".join(searcher.BUDGET.violations(trial.cost))
    evaluated = (whole / "log.txt").read_text().split()
    free = [t for t in trials if t.duplicate_of is not None or t.outcome.status == "rejected"]
    assert len(evaluated) == len(set(evaluated)) == len(trials) - len(free)


def test_a_duplicate_carries_the_outcome_of_its_original_at_no_cost(whole: Path) -> None:
    with read_store(whole / "trials.db") as store:
        trials = list(store)
    for trial in trials:
        if trial.duplicate_of is not None:
            original = trials[trial.duplicate_of]
            assert original.number < trial.number and original.duplicate_of is None
            assert trial.arch_id == original.arch_id
            assert trial.outcome == replace(original.outcome, seconds=0.0)


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_workers_gives_the_same_search(
    whole: Path, tmp_path: Path, workers: int
) -> None:
    searcher.search(tmp_path, workers=workers)
    assert stored(tmp_path) == stored(whole)


def test_stopping_at_any_number_and_going_on_gives_the_same_search(
    whole: Path, tmp_path: Path
) -> None:
    for trials in (3, 8, 9, 30, searcher.TRIALS):
        searcher.search(tmp_path, workers=0, trials=trials)
        assert len(stored(tmp_path)) == trials
    assert stored(tmp_path) == stored(whole)
    log = (tmp_path / "log.txt").read_text().split()
    assert log == (whole / "log.txt").read_text().split()


@pytest.mark.parametrize(
    ("workers", "kills"),
    [(0, 2), (2, 1), *(pytest.param(n, 6, marks=pytest.mark.slow) for n in (0, 2))],
)
def test_sigkill_at_any_moment_loses_only_what_was_in_flight(
    whole: Path, tmp_path: Path, workers: int, kills: int
) -> None:
    log, rng = tmp_path / "log.txt", stream(kills, "test", "kill")
    log.touch()
    settled = 0  # lines of the log that belong to finished sittings
    for _ in range(kills):
        command = [sys.executable, searcher.__file__, str(tmp_path), str(workers)]
        with subprocess.Popen(command) as search:
            goal = settled + int(rng.integers(1, max(2, 50 // kills)))
            while search.poll() is None and len(log.read_text().split()) < goal:
                time.sleep(0.002)
            time.sleep(float(rng.random()) * 0.03)
            search.send_signal(signal.SIGKILL)
        wait_until_quiet(log)
        settled = confirm_and_count(tmp_path, log)
    searcher.search(tmp_path, workers=workers)
    confirm_and_count(tmp_path, log)
    assert stored(tmp_path) == stored(whole)


def wait_until_quiet(log: Path) -> None:
    """Until the workers of a killed search have ended too."""
    size = -1
    while size != (size := log.stat().st_size):
        time.sleep(0.1)


def confirm_and_count(folder: Path, log: Path) -> int:
    """Check the file of a killed search, and that nothing that was stored is evaluated again."""
    lines = log.read_text().split()
    known = folder / "known.txt"  # one line per sitting: lines of the log, ids then stored
    sittings = [line.split() for line in known.read_text().splitlines()] if known.exists() else []
    for count, *ids in sittings:
        assert set(ids).isdisjoint(lines[int(count) :])
    if not (folder / "trials.db").exists():
        return len(lines)
    with closing(sqlite3.connect(folder / "trials.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        query = "SELECT arch_id FROM trials WHERE status != 'rejected'"
        ids = [row[0] for row in raw.execute(query)]
    with known.open("a") as file:
        file.write(" ".join([str(len(lines)), *ids]) + "\n")
    return len(lines)


def test_a_network_is_evaluated_with_a_seed_of_its_own() -> None:
    evaluator = Calls(at=0, act=raising(AssertionError()))
    with memory() as store:
        go(store, evaluator=evaluator, trials=8)
        ids = [t.arch_id for t in store if t.duplicate_of is None]
    assert evaluator.seeds == [derive(0, "evaluate", i) for i in ids]


def test_batches_are_told_whole_in_order_and_after_they_are_stored() -> None:
    space = TinySpace()
    rows = [[(0, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0)], [(0, 0, 0, 0), (1, 0, 4, 1)], []]
    with memory() as store:

        class Checked(Script):
            def tell(self, trials: Sequence[Trial]) -> None:
                assert list(store)[-len(trials) :] == trials
                super().tell(trials)

        strategy = Checked(rows)
        summary = go(store, space=space, strategy=strategy, trials=100)
    assert summary.reason == "the strategy has nothing left to try"
    assert [[t.number for t in b] for b in strategy.told] == [[0, 1, 2], [4, 5]]
    assert [t.duplicate_of for b in strategy.told for t in b] == [None, None, 0, 0, None]
    assert strategy.told[1][1].tokens == (1, 0, 0, 0), "tokens are made canonical"


def test_a_short_batch_resumes_like_any_other() -> None:
    space = TinySpace()
    rows = [[(0, 0, 0, 0), (0, 1, 0, 0)], [(1, 0, 0, 0), (1, 1, 0, 0)], []]
    with memory() as store:
        go(store, space=space, strategy=Script(rows), trials=5)
        before = list(store)
        assert [t.number for t in before] == [0, 1, 4]
        again = Script(rows)
        go(store, space=space, strategy=again, trials=100)
        assert list(store)[:3] == before
        assert [[t.number for t in b] for b in again.told] == [[0, 1], [4, 5]]


def test_trials_of_another_strategy_are_found_out() -> None:
    with memory() as store:
        go(store, trials=6)
        other = RandomDraws(searcher.SPACE, seed=99)
        with pytest.raises(StoreError, match="not of this strategy and seed: number 4 is"):
            go(store, strategy=other, trials=12)


def test_a_bug_is_raised_with_its_candidate_and_after_the_rest_is_stored() -> None:
    with memory() as store:
        evaluator = Calls(at=4, act=raising(KeyError("conv")))
        with pytest.raises(KeyError) as told:
            go(store, evaluator=evaluator, trials=20)
        assert len(list(store)) == 3
        row, number = RandomDraws(searcher.SPACE, seed=0).ask(4)[3], 3
        note = f"candidate {number} was evaluated: tokens {row}, architecture "
        assert note in told.value.__notes__[-1]


def test_an_illegal_candidate_is_raised_with_its_number() -> None:
    with memory() as store, pytest.raises(TokenError, match=r"Token 1 \(depth\) is 9") as told:
        go(store, strategy=Script([[(0, 0, 0, 0), (0, 9, 0, 0)]]), trials=4)
    assert "candidate 1" in told.value.__notes__[0]


def test_ctrl_c_keeps_what_is_finished_and_resumes(whole: Path) -> None:
    with memory() as store:
        evaluator = Calls(at=6, act=raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            go(store, evaluator=evaluator, trials=12)
        assert len(list(store)) == 5 and store.used_seconds > 0
        go(store, trials=12)
        again = [replace(t.outcome, seconds=0.0) for t in store]
    with memory() as store:
        go(store, trials=12)
        assert again == [replace(t.outcome, seconds=0.0) for t in store]


class Interrupted(ThreadPoolExecutor):
    """Everything is finished by the time Ctrl-C comes, but nobody has looked yet."""

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._work_queue.qsize() == 0 and getattr(self, "count", 0) == 3:
            raise KeyboardInterrupt
        self.count = getattr(self, "count", 0) + 1
        future = super().submit(*args, **kwargs)
        future.result()
        return future


def test_ctrl_c_stores_what_finished_in_the_meantime() -> None:
    with memory() as store, Interrupted(4) as executor:
        with pytest.raises(KeyboardInterrupt):
            go(store, executor=executor, trials=12)
        assert [t.number for t in store] == [0, 1, 2]


def die_on_a_whim(arch: Architecture, *, seed: int) -> Outcome:
    if seed % 3 == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return FakeEvaluator()(arch, seed=seed)


def test_a_dead_worker_is_a_failed_candidate() -> None:
    with memory() as store, Processes(2) as executor:
        go(store, evaluator=die_on_a_whim, executor=executor, trials=6)
        for trial in store:
            dead = derive(0, "evaluate", trial.arch_id) % 3 == 0
            assert trial.outcome.status == ("failed" if dead else "ok")
            assert ("SIGKILL" in trial.outcome.reason) == dead
        assert {t.outcome.status for t in store} == {"ok", "failed"}


def test_test_metrics_are_refused() -> None:
    seen = Outcome(status="ok", metrics={"score": 1.0, "test_accuracy": 0.9})
    with memory() as store:
        with pytest.raises(UsageError, match="'test_accuracy'.*'val_accuracy'"):
            go(store, evaluator=Calls(at=3, act=lambda: seen), trials=8)
        assert len(list(store)) == 2


def test_a_metric_that_is_not_there_ends_the_search_at_once() -> None:
    evaluator = Calls(at=0, act=raising(AssertionError()))
    with memory() as store:
        with pytest.raises(UsageError, match="gave score, not 'accuracy'"):
            go(store, evaluator=evaluator, objective=Objective(metric="accuracy"), trials=8)
        assert len(evaluator.seeds) == 1


def test_a_search_that_finds_nothing_new_ends() -> None:
    with memory() as store:
        summary = go(store, space=ONE, trials=10**6)
        assert summary.reason == f"{IDLE_BATCHES} batches in a row held no new network"
        assert summary.progress.trials == 4 * (IDLE_BATCHES + 1)
        assert (summary.progress.ok, summary.progress.failed) == (1, 0)
        again = go(store, space=ONE, trials=10**6)
        assert again.reason == summary.reason and again.progress.trials == summary.progress.trials
    with memory() as store:
        summary = go(store, budget=Budget(params=3), trials=10**6)
        assert "only networks over the budget (params ≤ 3)" in summary.reason
        assert summary.progress.rejected == 4 * IDLE_BATCHES
        assert summary.progress.best is None


class Clock:
    """A clock that the evaluator moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("netwright.ledger.time.monotonic", lambda: self.now)
        monkeypatch.setattr("netwright.workers.time.perf_counter", lambda: self.now)

    def evaluator(self, seconds: float) -> Evaluator:
        def look(arch: Architecture, *, seed: int) -> Outcome:
            self.now += seconds
            return FakeEvaluator()(arch, seed=seed)

        return look


def test_no_candidate_starts_that_would_end_late_and_more_time_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    space = TinySpace(widths=tuple(range(4, 200)))
    with memory() as store:
        summary = go(store, space=space, evaluator=clock.evaluator(10), seconds=65)
        assert summary.reason == "the time is used up"
        assert summary.progress.trials == 6, "the seventh would have ended at 70"
        assert store.used_seconds == 60
        assert summary.progress.seconds_left == 5
        clock.now += 1000  # between the sittings
        assert go(store, space=space, seconds=65).progress.trials == 6
        go(store, space=space, evaluator=clock.evaluator(10), seconds=100)
        assert len(store) == 10
        seconds = [t.outcome.seconds for t in store]
    assert seconds == [10.0] * 10


def test_the_first_candidate_always_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with memory() as store:
        go(store, evaluator=clock.evaluator(60), seconds=1)
        assert len(store) == 1


def test_progress_counts_and_knows_the_best(whole: Path) -> None:
    seen: list[Progress] = []
    with memory() as store:
        summary = go(store, trials=30, on_progress=seen.append)
        trials = list(store)
        go(store, trials=30, on_progress=seen.append)
    last = summary.progress
    assert seen[0].trials == 0 and seen[0].best is None
    assert replace(seen[-1], seconds_used=0, candidates_per_second=0) == replace(
        last, seconds_used=0, candidates_per_second=0
    ), "the second sitting starts from what is stored"
    assert [p.trials for p in seen[:-1]] == sorted(p.trials for p in seen[:-1])
    best = max((t for t in trials if t.ok), key=lambda t: (t.value(SCORE), -t.number))
    assert last.best == best and last.best_value == best.value(SCORE)
    assert last.ok + last.failed + last.rejected + last.duplicates == last.trials == 30
    assert last.candidates_per_second > 0 and last.seconds_left is None


def test_limits_that_make_no_sense_are_refused() -> None:
    with memory() as store:
        with pytest.raises(UsageError, match="needs an end"):
            go(store)
        with pytest.raises(UsageError, match="more than 0"):
            go(store, seconds=0.0)
        with pytest.raises(UsageError, match="trials=0"):
            go(store, trials=0)
        with pytest.raises(UsageError, match="batch=-1"):
            go(store, trials=1, batch=-1)


def test_what_is_known_from_elsewhere_is_taken_and_not_looked_at(tmp_path: Path) -> None:
    space, draws = TinySpace(), RandomDraws(TinySpace(), seed=0).ask(8)
    ids = [space.decode(row).id for row in draws]
    told = Outcome(status="ok", metrics={"score": 77.0}, seconds=5.0, device="cpu")
    lost = Outcome(status="failed", reason="loss became nan at step 9", seconds=1.0)

    class Twice:
        """The same eight candidates twice."""

        def ask(self, n: int) -> list[Tokens]:
            return [*draws, *draws][:n]

        def tell(self, trials: Sequence[Trial]) -> None: ...

    log = tmp_path / "log.txt"
    with memory() as store:
        run_search(
            space, Twice(), evaluator=FakeEvaluator(log=log), store=store, executor=Serial(),
            objective=SCORE, budget=Budget(), seed=0, batch=16, trials=16,
            known={ids[0]: told, ids[3]: lost},
        )  # fmt: skip
        trials = list(store)
    looked = log.read_text().split()
    assert set(looked) == set(ids) - {ids[0], ids[3]} and len(looked) == len(set(looked))
    assert trials[0].outcome == told and trials[3].outcome == lost
    assert trials[8].duplicate_of == 0 and trials[8].outcome.seconds == 0
    assert trials[11].duplicate_of == 3 and not trials[11].ok


def test_a_candidate_above_the_latency_is_rejected_and_free() -> None:
    def timed(arch: Architecture) -> Cost:
        counts = cost(arch)
        return replace(counts, latency_ms=counts.params / 1000)

    evaluator = FakeEvaluator()
    with memory() as store:
        go(store, evaluator=evaluator, trials=24, budget=Budget(latency_ms=5), costing=timed)
        trials = list(store)
    slow = [t for t in trials if t.cost.params > 5000]
    assert 0 < len(slow) < len(trials)
    assert all(t.outcome.status == "rejected" and t.outcome.seconds == 0 for t in slow)
    assert all("latency_ms" in t.outcome.reason and "> 5ms" in t.outcome.reason for t in slow)
    assert all(t.ok and t.cost.latency_ms == t.cost.params / 1000 for t in trials if t not in slow)


class Noting(ThreadPoolExecutor):
    """Notes which networks it was given, in order."""

    def __init__(self) -> None:
        super().__init__(2)
        self.given: list[str] = []

    def submit(self, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:
        self.given.append(args[1].id)
        return super().submit(fn, *args, **options)


def test_the_slowest_of_a_batch_begin_first_and_numbers_stay() -> None:
    executor = Noting()
    with memory() as store, executor:
        go(store, executor=executor, batch=8, trials=8)
        trials = [t for t in store if t.duplicate_of is None]
    archs = {t.arch_id: searcher.SPACE.decode(t.tokens) for t in trials}
    total = {name: describe(arch)["log_activations"] for name, arch in archs.items()}
    given = [total[name] for name in executor.given]
    assert given == sorted(given, reverse=True) and len(given) == len(trials) > 4
    with memory() as store:
        go(store, batch=8, trials=8)
        alone = [t for t in store if t.duplicate_of is None]
    found = [[replace(t, outcome=replace(t.outcome, seconds=0.0)) for t in s]
             for s in (trials, alone)]  # fmt: skip
    assert found[0] == found[1]
