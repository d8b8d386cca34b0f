"""Executors: one torch thread everywhere, deaths that cost one candidate, no orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError, Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from netwright.arch.graph import Architecture
from netwright.errors import UsageError, WorkerDied
from netwright.fakes import FakeEvaluator, TinySpace
from netwright.records import Outcome
from netwright.workers import Processes, Serial, at_once, evaluate, width, worker_died

psutil: Any = pytest.importorskip("psutil")
ARCH = TinySpace().decode((0, 1, 2, 0))


@dataclass(frozen=True)
class Raising:
    """An evaluator that raises."""

    error: Exception

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        raise self.error


def threads(arch: Architecture, *, seed: int) -> Outcome:
    """An evaluator that tells how many threads torch has."""
    import torch

    return Outcome.of({"threads": torch.get_num_threads()}, seconds=0, device="cpu")


def die(how: int) -> None:
    if how < 0:
        os.kill(os.getpid(), -how)
    os._exit(how)


def lock_of_a_thread() -> object:
    import threading

    return threading.Lock()


def test_evaluate_times_the_call_and_nothing_else() -> None:
    slow = evaluate(FakeEvaluator(sleep=0.02), ARCH, 3)
    assert slow.seconds >= 0.02
    assert replace(slow, seconds=0) == replace(FakeEvaluator()(ARCH, seed=3), seconds=0)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB\nand more"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    ],
)
def test_memory_that_runs_out_is_a_failure_of_the_candidate(error: Exception) -> None:
    outcome = evaluate(Raising(error), ARCH, 0)
    assert outcome.status == "failed" and outcome.reason.startswith("out of memory")
    assert "\n" not in outcome.reason


def test_any_other_error_is_raised() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        evaluate(Raising(RuntimeError("mat1 and mat2 shapes cannot be multiplied")), ARCH, 0)
    with pytest.raises(UsageError, match="gave a float"):
        evaluate(lambda arch, seed: 0.5, ARCH, 0)  # type: ignore[arg-type]


@pytest.mark.slow  # a worker imports torch
def test_torch_has_one_thread_here_and_in_a_worker_and_its_own_number_afterwards() -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with Serial() as here, Processes(1) as there:
            for executor in (here, there):
                assert executor.submit(evaluate, threads, ARCH, 0).result().metrics["threads"] == 1
        with pytest.raises(RuntimeError):
            evaluate(Raising(RuntimeError("bug")), ARCH, 0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_serial_runs_at_once_and_keeps_errors_for_the_result() -> None:
    with Serial() as executor:
        assert executor.submit(pow, 2, exp=5).result() == 32
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 1, 0).result()
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(pow, 2, 5)


def test_processes_give_what_serial_gives() -> None:
    archs = [TinySpace().decode((w, 1, 0, 0)) for w in range(4)]
    answers = []
    for executor in (Serial(), Processes(2)):
        with executor:
            futures = [executor.submit(evaluate, FakeEvaluator(), a, 5) for a in archs]
            answers.append([replace(f.result(), seconds=0) for f in futures])
    assert answers[0] == answers[1]


def test_a_worker_that_dies_fails_its_call_alone_and_is_replaced() -> None:
    with Processes(2) as pool:
        deaths = [pool.submit(die, how) for how in (3, -int(signal.SIGKILL))]
        others = [pool.submit(pow, 2, n) for n in range(4)]
        assert [f.result() for f in others] == [1, 2, 4, 8]
        with pytest.raises(WorkerDied, match=r"died: exit code 3\."):
            deaths[0].result()
        with pytest.raises(WorkerDied, match="SIGKILL, most likely for lack of memory"):
            deaths[1].result()


def test_a_worker_that_dies_idle_costs_nothing() -> None:
    with Processes(1) as pool:
        pid = pool.submit(os.getpid).result()
        psutil.Process(pid).kill()
        psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=5)
        assert pool.submit(pow, 2, 3).result() == 8


def test_errors_come_back_with_their_traceback() -> None:
    with Processes(1) as pool:
        with pytest.raises(EOFError) as told:  # not to be taken for the end of the pipe
            pool.submit(evaluate, Raising(EOFError("no more images")), ARCH, 0).result()
        assert "In the worker:" in told.value.__notes__[0]
        assert "in evaluate" in told.value.__notes__[0]
        assert pool.submit(pow, 2, 3).result() == 8


def test_what_cannot_travel_is_told_in_words() -> None:
    with Processes(1) as pool:
        with pytest.raises(UsageError, match="cannot be sent to a worker process"):
            pool.submit(lambda: 1).result()
        with pytest.raises(RuntimeError, match="cannot be sent back"):
            pool.submit(lock_of_a_thread).result()
        assert pool.submit(pow, 2, 3).result() == 8


def test_workers_that_die_at_the_start_end_the_search_with_a_sentence(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from netwright.errors import UsageError\n"
        "from netwright.workers import Processes\n"
        "with Processes(1) as pool:\n"
        "    try:\n"
        "        pool.submit(pow, 2, 3).result()\n"
        "    except UsageError as err:\n"
        "        print(err)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert "die as they start, 3 times in a row (exit code 1)" in done.stdout
    assert "__main__" in done.stdout


def test_shutdown_can_drop_what_has_not_begun() -> None:
    pool = Processes(1)
    futures = [pool.submit(time.sleep, 0.05) for _ in range(20)]
    pool.shutdown(cancel_futures=True)
    assert all(f.done() for f in futures) and futures[-1].cancelled()
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(pow, 2, 3)


def test_left_by_an_exception_it_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt), Processes(1) as pool:
        pid = pool.submit(os.getpid).result()
        running, queued = pool.submit(time.sleep, 600), pool.submit(time.sleep, 600)
        while not running.running():
            time.sleep(0.001)
        raise KeyboardInterrupt
    with pytest.raises(WorkerDied):
        running.result()
    with pytest.raises(CancelledError):
        queued.result()
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit()"])
def test_workers_end_with_their_parent_even_while_at_work(tmp_path: Path, end: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal, sys, time\n"
        "from netwright.workers import Processes\n"
        "if __name__ == '__main__':\n"
        "    pool = Processes(2)\n"
        "    pids = {pool.submit(os.getpid).result() for _ in range(8)}\n"
        "    pool.submit(time.sleep, 600), pool.submit(time.sleep, 600)\n"
        "    print(*pids, flush=True)\n"
        f"    {end}\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    for pid in map(int, done.stdout.split()):
        try:
            psutil.Process(pid).wait(timeout=30)
        except psutil.NoSuchProcess:
            continue


def test_width_and_deaths_of_other_executors() -> None:
    class KilledWorker(Exception):  # noqa: N818 (the name that Dask gives it)
        """Of Dask."""

    class Own(Executor):
        """Of somebody."""

    assert (width(Serial()), width(Processes(3)), width(Own())) == (1, 3, None)
    assert worker_died(KilledWorker()) and worker_died(WorkerDied())
    assert not worker_died(RuntimeError())
    with pytest.raises(UsageError, match="At least one"):
        Processes(0)


def test_how_many_at_a_time_is_asked_for_then_said_by_the_executor_then_cores_up_to_eight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert at_once(3, Serial()) == 3 and at_once(None, Serial()) == 1
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert at_once(None) == 8
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert at_once(None) == 1
