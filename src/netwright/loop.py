"""The search loop: ask, decode, check, evaluate, record, tell; within a time budget, resumable.

Candidates are numbered in the order asked for, in batches whose size does not depend on the
number of workers; so one seed gives one search, whoever evaluates it.  A trial is in the store
before the strategy hears of it, and telling the stored trials to a fresh strategy resumes.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field, replace

from netwright.arch.cost import Cost, cost
from netwright.arch.graph import Architecture
from netwright.contracts import Evaluator, Space, Strategy
from netwright.errors import StoreError, TokenError, UsageError
from netwright.ledger import Ledger, Progress, TimedStore
from netwright.predict.descriptors import NAMES, describe_all
from netwright.records import Budget, Objective, Outcome, Tokens, Trial
from netwright.rng import derive
from netwright.spaces.tokens import check
from netwright.workers import evaluate, width, worker_died

BATCH = 16
IDLE_BATCHES = 50  # in a row, without one new network, before a search ends
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How a search ended.

    Args:
        reason: Why it ended, in words.
        progress: Where it stood.
    """

    reason: str
    progress: Progress


@dataclass(frozen=True, kw_only=True)
class _Job:
    number: int
    tokens: Tokens
    arch: Architecture
    cost: Cost

    def trial(self, outcome: Outcome, *, duplicate_of: int | None = None) -> Trial:
        return Trial(
            number=self.number,
            tokens=self.tokens,
            arch_id=self.arch.id,
            cost=self.cost,
            outcome=outcome,
            duplicate_of=duplicate_of,
        )

    def copy_of(self, original: Trial) -> Trial:
        outcome = replace(original.outcome, seconds=0.0)
        return self.trial(outcome, duplicate_of=original.number)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What is left to do of a batch: to evaluate, in order, and who waits for the same network."""

    free: list[Trial] = field(default_factory=list)
    jobs: deque[_Job] = field(default_factory=deque)
    waiting: dict[str, list[_Job]] = field(default_factory=dict)


def run_search(
    space: Space,
    strategy: Strategy,
    *,
    evaluator: Evaluator,
    store: TimedStore,
    executor: Executor,
    objective: Objective,
    budget: Budget,
    seed: int,
    batch: int = BATCH,
    seconds: float | None = None,
    trials: int | None = None,
    workers: int | None = None,
    known: Mapping[str, Outcome] | None = None,
    costing: Callable[[Architecture], Cost] = cost,
    on_progress: Callable[[Progress], None] | None = None,
) -> Summary:
    """Search until the time or the trials are used up, or nothing new is left to try.

    Trials already in the store are told to the strategy first; an incomplete batch is asked for
    again and only what is missing of it is evaluated.

    Args:
        space: What networks may be.
        strategy: Fresh: nothing told yet.
        evaluator: How good a network is; sent to the executor, so it must be picklable there.
        store: Empty, or of the same search before.
        executor: Who evaluates.
        objective: What counts as better, for the progress.
        budget: Networks above it are recorded as rejected and not evaluated.
        seed: The user's seed; a network is evaluated with a seed of its own, made from it.
        batch: Candidates per ask.
        seconds: In all sittings together.  No candidate is started that would, by the median so
            far, end after them.
        trials: In all sittings together, of every status.
        workers: Candidates in flight; the executor's own number where it tells one.
        known: What the same look at a network came to elsewhere, by its id; not looked at again.
        costing: What a network costs: its counts, and its latency where that is predicted.
        on_progress: Called with every change.

    Raises:
        StoreError: If the store fails or holds the trials of another search.
        UsageError: If an evaluator gives a ``test_`` metric, or not the objective's.
    """
    slots = workers or width(executor) or batch
    _check_limits(batch=batch, slots=slots, seconds=seconds, trials=trials)
    ledger = Ledger(store, objective=objective, seconds=seconds, on_progress=on_progress)
    planner = _Planner(space, budget=budget, ledger=ledger, known=known or {}, costing=costing)
    crew = _Crew(executor, slots=slots, evaluator=evaluator, seed=seed, ledger=ledger)
    first = idle = 0
    while True:
        done = ledger.between(first, first + batch)
        if len(done) < batch:
            limit = first + batch if trials is None else min(trials, first + batch)
            if first >= limit:
                return _summary(f"all {trials} trials are done", ledger)
            if ledger.late():
                return _summary("the time is used up", ledger)
            asked = strategy.ask(batch)[:batch]
            if not asked:
                return _summary("the strategy has nothing left to try", ledger)
            last = min(limit, first + len(asked))
            crew.work(planner.plan(asked[: last - first], first=first))
            done = ledger.between(first, first + batch)
            if len(done) < last - first:
                return _summary("the time is used up", ledger)
            if last < first + len(asked):
                return _summary(f"all {trials} trials are done", ledger)
        strategy.tell(done)
        fresh = any(t.duplicate_of is None and t.outcome.status != "rejected" for t in done)
        idle = 0 if fresh else idle + 1
        if idle == IDLE_BATCHES:
            return _summary(_why_idle(done, budget), ledger)
        first += batch


def _check_limits(*, batch: int, slots: int, seconds: float | None, trials: int | None) -> None:
    if seconds is None and trials is None:
        raise UsageError("A search needs an end: give seconds, trials or both.")
    if seconds is not None and not seconds > 0:
        raise UsageError(f"A search of {seconds} seconds makes no sense; give more than 0.")
    for name, value in (("trials", trials), ("batch", batch), ("workers", slots)):
        if value is not None and value < 1:
            raise UsageError(f"A search with {name}={value} makes no sense; give at least 1.")


def _summary(reason: str, ledger: Ledger) -> Summary:
    _log.info("The search ended: %s.", reason)
    return Summary(reason=reason, progress=ledger.progress())


def _why_idle(done: Sequence[Trial], budget: Budget) -> str:
    if all(t.outcome.status == "rejected" for t in done):
        return f"{IDLE_BATCHES} batches in a row held only networks over the budget ({budget})"
    return f"{IDLE_BATCHES} batches in a row held no new network"


def _slowest_first(jobs: Sequence[_Job]) -> deque[_Job]:
    """Jobs by their activations, so that at the end of a batch no worker waits for a long one.

    Of what is known of a network these tell most of how long it trains: in the mobile space at
    5M MACs, Spearman .57 with the time of a step, where MACs have .12.
    """
    sizes = describe_all([job.arch for job in jobs])[:, NAMES.index("log_activations")]
    order = sorted(range(len(jobs)), key=lambda i: (-float(sizes[i]), jobs[i].number))
    return deque(jobs[i] for i in order)


class _Planner:
    """Sorts the candidates of a batch: stored, over budget, seen before, or to be evaluated."""

    def __init__(
        self,
        space: Space,
        *,
        budget: Budget,
        ledger: Ledger,
        known: Mapping[str, Outcome],
        costing: Callable[[Architecture], Cost],
    ) -> None:
        self.space, self.budget, self.ledger, self.known = space, budget, ledger, known
        self.costing = costing

    def plan(self, asked: Sequence[Tokens], *, first: int) -> _Plan:
        plan, free = _Plan(), dict[str, Trial]()
        for number, tokens in enumerate(asked, start=first):
            row = self._canonical(tokens, number)
            stored = self.ledger.trials.get(number)
            if stored is not None:
                self._confirm(stored, row)
                continue
            arch = self.space.decode(row)
            job = _Job(number=number, tokens=row, arch=arch, cost=self.costing(arch))
            broken = self.budget.violations(job.cost)
            original = self.ledger.known.get(arch.id)
            if broken:
                rejected = Outcome(status="rejected", reason="; ".join(broken))
                plan.free.append(job.trial(rejected))
            elif original is not None:
                plan.free.append(job.copy_of(original))
            elif arch.id in self.known and arch.id not in free:
                free[arch.id] = job.trial(self.known[arch.id])
                plan.free.append(free[arch.id])
            elif arch.id in free:
                plan.free.append(job.copy_of(free[arch.id]))
            elif arch.id in plan.waiting:
                plan.waiting[arch.id].append(job)
            else:
                plan.waiting[arch.id] = []
                plan.jobs.append(job)
        return plan

    def _canonical(self, tokens: Tokens, number: int) -> Tokens:
        try:
            return self.space.canonical(check(self.space, tokens))
        except TokenError as err:
            err.add_note(f"The strategy asked for it as candidate {number}: {tuple(tokens)}.")
            raise

    @staticmethod
    def _confirm(stored: Trial, row: Tokens) -> None:
        if stored.tokens != row:
            raise StoreError(
                f"The stored trials are not of this strategy and seed: number {stored.number} is "
                f"{stored.tokens}, the strategy asks for {row}. Resume with the same "
                "settings and netwright, or choose another place (--out)."
            )


class _Crew:
    """Keeps the executor busy with a batch and hands what is finished to the ledger."""

    def __init__(
        self,
        executor: Executor,
        *,
        slots: int,
        evaluator: Evaluator,
        seed: int,
        ledger: Ledger,
    ) -> None:
        self.executor, self.slots, self.ledger = executor, slots, ledger
        self.evaluator, self.seed = evaluator, seed
        self._running: dict[Future[Outcome], _Job] = {}

    def work(self, plan: _Plan) -> None:
        """Do what is planned, as far as the time allows; all that ends well is recorded."""
        if plan.free:
            self.ledger.record(plan.free)
        waiting = _slowest_first(plan.jobs) if len(plan.jobs) > self.slots > 1 else plan.jobs
        try:
            while True:
                while waiting and len(self._running) < self.slots and not self.ledger.late():
                    self._start(waiting.popleft())
                if not self._running:
                    return
                finished = wait(self._running, return_when=FIRST_COMPLETED).done
                for future in sorted(finished, key=lambda f: self._running[f].number):
                    self._finish(future, plan)
        except BaseException as err:  # also Ctrl-C: what is finished has been paid for
            self._salvage(plan, keep=not isinstance(err, StoreError))
            raise

    def _start(self, job: _Job) -> None:
        seed = derive(self.seed, "evaluate", job.arch.id)
        future = self.executor.submit(evaluate, self.evaluator, job.arch, seed)
        self._running[future] = job

    def _finish(self, future: Future[Outcome], plan: _Plan) -> None:
        job = self._running.pop(future)
        try:
            outcome = _checked(future.result())
        except Exception as err:
            if not worker_died(err):
                err.add_note(
                    f"Raised while candidate {job.number} was evaluated: "
                    f"tokens {job.tokens}, architecture {job.arch.id}."
                )
                raise
            outcome = Outcome(status="failed", reason=str(err) or type(err).__name__)
        original = job.trial(outcome)
        copies = [other.copy_of(original) for other in plan.waiting[job.arch.id]]
        self.ledger.record([original, *copies])

    def _salvage(self, plan: _Plan, *, keep: bool) -> None:
        for future in self._running:
            future.cancel()
        for future in list(self._running):
            good = future.done() and not future.cancelled() and future.exception() is None
            if keep and good and not _test_metrics(future.result()):
                self._finish(future, plan)
        self._running.clear()
        if keep:
            self.ledger.record([])  # the time that was used, too


def _test_metrics(outcome: Outcome) -> list[str]:
    return [name for name in outcome.metrics if name.startswith("test_")]


def _checked(outcome: Outcome) -> Outcome:
    names = _test_metrics(outcome)
    if names:
        raise UsageError(
            f"The evaluator gave {names[0]!r}: a search must not see test data. "
            f"Measure on validation data and call it {names[0].replace('test_', 'val_', 1)!r}."
        )
    return outcome
