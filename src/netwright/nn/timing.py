"""Measured latency: warm-up until stable, candidates interleaved, median and spread, ties called.

What is timed is a callable that runs one forward pass; who made it (torch here, an exported file
in ONNX Runtime or OpenVINO elsewhere) is written in the :class:`Setting` beside the result.
Candidates of one call take turns, so that a slow minute of the machine falls on all of them.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from netwright.errors import UsageError
from netwright.nn.measured import Latency as Latency
from netwright.nn.measured import Setting as Setting

Run = Callable[[], object]
_STABLE = 0.03  # two blocks of warm-up whose medians differ by less than this share are alike
_BLOCK_SECONDS = 0.05
_SAMPLE_SECONDS = 0.002  # shorter calls are timed several at once
_HEAP_BYTES = 31 * 2**20  # just below what glibc maps anew at each pass in any case


class Stopwatch(Protocol):
    """Seconds that ``calls`` calls in a row take, until their work is done."""

    def __call__(self, run: Run, calls: int) -> float:
        """Run and time."""
        ...


def stopwatch(device: torch.device | str = "cpu") -> Stopwatch:
    """The clock of a device: its own events on CUDA, elsewhere the wall clock.

    Args:
        device: Where the passes run.
    """
    where = torch.device(device)
    if where.type == "cuda":
        return _cuda_clock(where)
    return _mps_clock if where.type == "mps" else _wall_clock


def _wall_clock(run: Run, calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        run()
    return time.perf_counter() - started


def _mps_clock(run: Run, calls: int) -> float:
    torch.mps.synchronize()
    started = time.perf_counter()
    for _ in range(calls):
        run()
    torch.mps.synchronize()
    return time.perf_counter() - started


def _cuda_clock(device: torch.device) -> Stopwatch:
    def clock(run: Run, calls: int) -> float:
        with torch.cuda.device(device):
            start = torch.Event(device, enable_timing=True)
            end = torch.Event(device, enable_timing=True)
            start.record()
            for _ in range(calls):
                run()
            end.record()
            end.synchronize()
        return float(start.elapsed_time(end)) / 1000

    return clock


def measure(
    runs: Mapping[str, Run],
    *,
    clock: Stopwatch = _wall_clock,
    least_samples: int = 20,
    seconds: float = 1.0,
    warmup_seconds: float = 3.0,
) -> dict[str, Latency]:
    """The latency of several candidates that take turns.

    Args:
        runs: By name, a callable that runs one pass.
        clock: What takes the time; see :func:`stopwatch`.
        least_samples: Samples of each candidate, at least.
        seconds: Time to spend on the samples of each candidate, at least.
        warmup_seconds: Time to spend on the warm-up of each candidate, at most.

    Returns:
        A latency for each name, in the order given.

    Raises:
        UsageError: If there is nothing to measure, or fewer than 4 samples are asked for, which
            have no quartiles worth the name.
    """
    if not runs:
        raise UsageError("There is nothing to measure: give at least one network.")
    if least_samples < 4:
        raise UsageError(f"{least_samples} samples have no quartiles; take at least 4.")
    calls, settled = {}, {}
    for name, run in runs.items():
        calls[name], settled[name] = _warm_up(run, clock, warmup_seconds)
    taken: dict[str, list[float]] = {name: [] for name in runs}
    spent = dict.fromkeys(runs, 0.0)
    while waiting := [n for n in runs if len(taken[n]) < least_samples or spent[n] < seconds]:
        for name in waiting:
            each = clock(runs[name], calls[name])
            spent[name] += each
            taken[name].append(1000 * each / calls[name])
    return {n: _summary(taken[n], settled[n]) for n in runs}


def _warm_up(run: Run, clock: Stopwatch, most_seconds: float) -> tuple[int, bool]:
    """Calls per sample, and whether two blocks of calls in a row took about the same time."""
    clock(run, 1)
    once = max(clock(run, 1), 1e-7)
    spent, previous, calls = 0.0, math.inf, 1
    while spent < most_seconds:
        calls = max(1, round(_BLOCK_SECONDS / once / 5))
        block = [clock(run, calls) for _ in range(5)]
        spent += sum(block)
        once = max(float(np.median(block)) / calls, 1e-7)
        if abs(once - previous) <= _STABLE * once:
            return max(1, math.ceil(_SAMPLE_SECONDS / once)), True
        previous = once
    return max(1, math.ceil(_SAMPLE_SECONDS / once)), False


def _summary(samples_ms: Sequence[float], settled: bool) -> Latency:
    low, median, high = np.percentile(samples_ms, (25, 50, 75))
    return Latency(
        median_ms=float(median),
        low_ms=float(low),
        high_ms=float(high),
        samples=len(samples_ms),
        settled=settled,
    )


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute on ``count`` threads, and on as many as before afterwards.

    Args:
        count: At least 1.
    """
    if count < 1:
        raise UsageError(f"{count} threads cannot compute anything; give at least 1.")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def torch_run(
    module: nn.Module,
    shape: tuple[int, int, int],
    *,
    batch: int = 1,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    compiled: bool = False,
    threads: int = 1,
) -> tuple[Run, Setting]:
    """One pass of a module in torch, and the setting it runs in.

    Run it under :func:`torch_threads`; the module is put in eval mode and moved.

    Args:
        module: From images (B, C, H, W) to anything.
        shape: Channels, height and width.
        batch: Images per pass.
        device: Where to run.
        dtype: Of images and weights.
        compiled: Whether ``torch.compile`` is to make the code; it needs a C++ compiler on a CPU.
        threads: Written in the setting.
    """
    where = torch.device(device)
    if where.type == "cpu":
        _keep_heap()
    ready = module.eval().to(device=where, dtype=dtype)
    images = torch.zeros(batch, *shape, device=where, dtype=dtype)
    images = images.contiguous(memory_format=torch.channels_last)
    forward: Callable[[torch.Tensor], object] = torch.compile(ready) if compiled else ready

    def run() -> object:
        with torch.inference_mode():
            return forward(images)

    setting = Setting(
        runtime="torch.compile" if compiled else "torch",
        version=torch.__version__,
        device=str(where),
        processor=processor(where),
        threads=threads,
        batch=batch,
        shape=shape,
        dtype=str(dtype).removeprefix("torch."),
    )
    return run, setting


def _keep_heap() -> None:
    """Have memory that a pass gives back kept for the next one, whatever this process did before.

    glibc maps tensors above a threshold anew at each pass, page by page, which takes up to half
    of a pass on large images; the threshold rises to the size of the largest one ever given back.
    Without this, how long a network takes would depend on which ones were measured before it.
    """
    torch.empty(_HEAP_BYTES, dtype=torch.uint8)


def processor(device: torch.device | str = "cpu") -> str:
    """The name of what computes, such as ``Intel(R) Core(TM) i7-8700K`` or ``NVIDIA H100``."""
    where = torch.device(device)
    if where.type == "cuda":
        return torch.cuda.get_device_name(where)
    table = Path("/proc/cpuinfo")
    if table.exists():
        for line in table.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model") and value.strip():
                return value.strip()
    return platform.processor() or platform.machine() or "unknown"
