"""A worker process: spawned, with one torch thread, deaf to Ctrl-C, ending with its parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # glibc gives large blocks back to the system at once, and a training asks for the same ones at
    # every step: 11,000 page faults and a fifth of the time of a step of a 5M-MAC network.
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}
_SPAWNING = threading.Lock()  # the environment that a child inherits is this process's own


class WorkerProcess:
    """One spawned process and the pipe to it."""

    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(theirs,), name="netwright worker")
        with _SPAWNING:
            before = {name: os.environ.get(name) for name in _ENVIRONMENT}
            os.environ.update(_ENVIRONMENT)
            try:
                self._process.start()
            finally:
                for name, value in before.items():
                    os.environ.pop(name) if value is None else os.environ.update({name: value})
        theirs.close()
        self._ready = False

    def hand(self, call: Call) -> None:
        """Send a call once the worker is up; EOFError or BrokenPipeError if it is dead."""
        if not self._ready:
            self._receive()
            self._ready = True
        self._pipe.send(call)

    def answer(self) -> tuple[bool, Any]:
        """Whether the call returned, and what it returned or raised; EOFError if it died."""
        good, value = self._receive()
        return good, value

    def _receive(self) -> Any:
        # A process that it forked may hold the pipe open beyond its death, so look at it too.
        while not wait([self._pipe, self._process.sentinel], timeout=1.0):
            if not self._process.is_alive():
                break
        if not self._pipe.poll():
            raise EOFError
        return self._pipe.recv()

    def kill(self) -> None:
        """End it now, whatever it is at; ``end`` is still to be called."""
        try:
            self._process.kill()
        except ValueError:
            return  # closed: it has ended

    def end(self) -> int | None:
        """Let it end (idle workers do when the pipe closes), or make it; its exit code."""
        self._pipe.close()
        self._process.join(5.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        code = self._process.exitcode
        with suppress(ValueError):  # where somebody else's wait() took its exit code
            self._process.close()
        return code


def cause(code: int | None) -> str:
    """What an exit code says of how a process ended, in words."""
    if code is None:
        return "it ended without an exit code"
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    likely = {"SIGKILL": ", most likely for lack of memory", "SIGSEGV": ", a crash in native code"}
    return f"ended by {name}{likely.get(name, '')}"


def _serve(pipe: Connection) -> None:
    """What a worker process runs: calls from the pipe until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pipe.send(None)
    while True:
        reply: tuple[bool, Any]
        try:
            if (call := _next_call(pipe)) is None:
                return
            fn, args, kwargs = call
            reply = True, fn(*args, **kwargs)
        except Exception as err:  # noqa: BLE001 (raised again where the result is asked for)
            err.add_note("In the worker:\n" + "".join(traceback.format_exception(err)).rstrip())
            reply = False, err
        try:
            pipe.send(reply)
        except (BrokenPipeError, ConnectionResetError):
            return
        except Exception as err:  # noqa: BLE001 (what cannot be pickled is told in words)
            told = f"{reply[1]!r} cannot be sent back from a worker process: {err}"
            pipe.send((False, RuntimeError(told)))


def _next_call(pipe: Connection) -> Call | None:
    try:
        call: Call = pipe.recv()
    except EOFError:
        return None
    return call


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    while not wait([parent.sentinel], timeout=2.0):
        if os.getppid() != parent.pid:
            break
    os._exit(1)
