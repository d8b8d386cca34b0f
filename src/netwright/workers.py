"""Where candidates are evaluated: this process, processes beside it, or any ``Executor``.

Everything here is a :class:`concurrent.futures.Executor`, so Dask (``client.get_executor()``), Ray
or a pool of your own takes the same place.
"""

from __future__ import annotations

import atexit
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from netwright.arch.graph import Architecture
from netwright.contracts import Evaluator
from netwright.errors import UsageError, WorkerDied
from netwright.process import Call, WorkerProcess, cause
from netwright.records import Outcome

_DEATHS = ("KilledWorker", "WorkerCrashedError")  # of Dask and Ray, which are not imported here
_MOST = 8  # workers where nobody says how many; each holds about 1 GiB
STARTS = 3  # times in a row that a worker may die before it takes a task
_P = ParamSpec("_P")
_T = TypeVar("_T")


def evaluate(evaluator: Evaluator, arch: Architecture, seed: int) -> Outcome:
    """Look at one candidate with one torch thread, and time it; what executors are given.

    One thread makes the numbers the same in this process and in any worker.  The former number of
    threads is put back.  ``seconds`` of the outcome is the wall time of the call.

    Raises:
        Exception: Whatever the evaluator raises, but for memory that ran out: that is a failure
            of the candidate.
    """
    started = time.perf_counter()
    with _one_torch_thread():
        try:
            outcome: object = evaluator(arch, seed=seed)
        except Exception as err:
            if not _out_of_memory(err):
                raise
            first = (str(err).splitlines() or [""])[0][:200]
            outcome = Outcome(status="failed", reason=f"out of memory: {first}".rstrip(": "))
    if not isinstance(outcome, Outcome):
        raise UsageError(
            f"The evaluator gave a {type(outcome).__name__}; it must give an Outcome."
        )
    return replace(outcome, seconds=time.perf_counter() - started)


def preload(module: str) -> None:
    """Import a module; given to idle workers, so that they are ready when the work comes."""
    import_module(module)


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    torch = sys.modules.get("torch")  # an evaluator that needs it has imported it by now
    if torch is None:
        yield
        return
    before: int = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _out_of_memory(err: Exception) -> bool:
    if isinstance(err, MemoryError):
        return True
    text = str(err).lower()  # CUDA and MPS say the first, torch's CPU allocator the second
    return isinstance(err, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text
    )


def width(executor: Executor) -> int | None:
    """How many calls an executor runs at once, where it says."""
    for name in ("workers", "_max_workers"):
        count = getattr(executor, name, None)
        if isinstance(count, int):
            return count
    return None


def at_once(asked: int | None, executor: Executor | None = None) -> int:
    """How many candidates to evaluate at a time.

    Args:
        asked: By the user; None or 0 leaves it open.
        executor: Where, if the user brings it.

    Returns:
        As asked; else as many as the executor says; else one per core, and at most 8.
    """
    said = width(executor) if executor is not None else None
    return asked or said or min(_MOST, os.cpu_count() or 1)


def worker_died(err: BaseException) -> bool:
    """Whether an exception says that the process of one call ended, here, on Dask or on Ray."""
    return isinstance(err, WorkerDied) or type(err).__name__ in _DEATHS


def settled(future: Future[Outcome]) -> Outcome:
    """What came of a look at a network, also where it cost the worker its life.

    Raises:
        Exception: Whatever else the look raised.
    """
    try:
        return future.result()
    except Exception as err:
        if not worker_died(err):
            raise
        return Outcome(status="failed", reason=str(err) or type(err).__name__)


class Serial(Executor):
    """Evaluates in this process, at the moment of ``submit``."""

    workers = 1

    def __init__(self) -> None:
        self._closed = False

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """A future that is already done."""
        if self._closed:
            raise RuntimeError("This executor was shut down.")
        future: Future[_T] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as err:  # noqa: BLE001 (whatever it is, it belongs to who asks for it)
            future.set_exception(err)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take nothing more."""
        self._closed = True


@dataclass(frozen=True)
class _Task:
    future: Future[Any]
    call: Call


class Processes(Executor):
    """Worker processes (spawned, one torch thread each) that outlive the death of any of them.

    A worker that dies fails exactly its candidate, with :class:`WorkerDied`, and is replaced; one
    that dies three times in a row before it takes a candidate fails it with a ``UsageError``.
    Workers ignore Ctrl-C, which is the coordinator's, and end with their parent, however it ends.
    Left by an exception, a ``with`` block kills the workers instead of waiting for them.

    Args:
        workers: How many.
    """

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise UsageError(f"At least one worker is needed; {workers} were asked for.")
        self.workers = workers
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._slots: list[_Slot] = []
        self._closed = False

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Queue a call for the next idle worker; everything in it must be picklable."""
        if self._closed:
            raise RuntimeError("This executor was shut down.")
        if not self._slots:
            atexit.register(self.kill)  # before multiprocessing waits for its children
            self._slots = [_Slot(self._tasks) for _ in range(self.workers)]
        future: Future[_T] = Future()
        self._tasks.put(_Task(future, (fn, args, kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Finish what is queued, or only what has begun, then end the workers."""
        if not self._closed:
            self._closed = True
            if cancel_futures:
                self._cancel_queued()
            for _ in self._slots:
                self._tasks.put(None)
        if wait:
            for slot in self._slots:
                slot.thread.join()
            atexit.unregister(self.kill)

    def kill(self) -> None:
        """End the workers now; what they were at fails with ``WorkerDied``."""
        self._closed = True
        self._cancel_queued()
        for _ in self._slots:
            self._tasks.put(None)
        while any(slot.thread.is_alive() for slot in self._slots):
            for slot in self._slots:
                slot.kill()
                slot.thread.join(0.05)
        atexit.unregister(self.kill)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.shutdown()
        else:
            self.kill()

    def _cancel_queued(self) -> None:
        while True:
            try:
                task = self._tasks.get_nowait()
            except queue.Empty:
                return
            if task is not None:
                task.future.cancel()
                task.future.set_running_or_notify_cancel()


class _Slot:
    """The place of one worker: a thread that feeds it and replaces it when it dies."""

    def __init__(self, tasks: queue.SimpleQueue[_Task | None]) -> None:
        self._tasks = tasks
        self._worker: WorkerProcess | None = None
        self._killed = False
        self.thread = threading.Thread(target=self._run, name="netwright worker", daemon=True)
        self.thread.start()

    def kill(self) -> None:
        self._killed = True
        worker = self._worker
        if worker is not None:
            worker.kill()

    def _run(self) -> None:
        with suppress(OSError, RuntimeError):  # tried again, and told of, with the first task
            self._worker = WorkerProcess()
        while (task := self._tasks.get()) is not None:
            if task.future.set_running_or_notify_cancel():
                try:
                    task.future.set_result(self._do(task))
                except Exception as err:  # noqa: BLE001 (it belongs to who asks for the result)
                    task.future.set_exception(err)
        if self._worker is not None:
            self._worker.end()

    def _do(self, task: _Task) -> Any:
        code: int | None = None
        for _ in range(STARTS):
            if self._killed:
                raise WorkerDied("The workers were ended.")
            if self._worker is None:
                self._worker = WorkerProcess()
            try:
                self._worker.hand(task.call)
            except (EOFError, BrokenPipeError, ConnectionResetError):
                code = self._bury()
                continue
            except Exception as err:
                raise UsageError(
                    f"The candidate cannot be sent to a worker process ({err}); use one worker, "
                    "or make the evaluator of classes and functions at the top of a module."
                ) from err
            try:
                good, value = self._worker.answer()
            except (EOFError, ConnectionResetError):
                raise WorkerDied(f"The worker died: {cause(self._bury())}.") from None
            if not good:
                raise value
            return value
        raise UsageError(
            f"Worker processes die as they start, {STARTS} times in a row ({cause(code)}); use "
            "one worker, or put what your script runs under `if __name__ == '__main__':`."
        )

    def _bury(self) -> int | None:
        worker, self._worker = self._worker, None
        return worker.end() if worker is not None else None
