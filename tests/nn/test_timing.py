"""Latencies from a made-up clock that is known, and from torch itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from netwright.errors import UsageError
from netwright.nn.timing import (
    Latency,
    measure,
    processor,
    stopwatch,
    torch_run,
    torch_threads,
)


class FakeClock:
    """Seconds out of a list for each callable, the last one for ever."""

    def __init__(self, each: dict[Callable[[], object], list[float]]) -> None:
        self.left = {run: iter(_for_ever(seconds)) for run, seconds in each.items()}
        self.order: list[Callable[[], object]] = []

    def __call__(self, run: Callable[[], object], calls: int) -> float:
        self.order.append(run)
        run()
        return calls * next(self.left[run])


def _for_ever(values: list[float]) -> Iterator[float]:
    yield from values
    while True:
        yield values[-1]


def test_candidates_take_turns_and_get_their_own_time() -> None:
    def fast() -> object:
        return 1

    def slow() -> object:
        return 2

    clock = FakeClock({fast: [0.004], slow: [0.010]})
    found = measure({"fast": fast, "slow": slow}, clock=clock, least_samples=6, seconds=0.0)
    assert [*found] == ["fast", "slow"]
    assert found["fast"].median_ms == pytest.approx(4)
    assert found["slow"].median_ms == pytest.approx(10)
    assert all(f.samples == 6 and f.settled for f in found.values())
    assert clock.order[-12:] == [fast, slow] * 6


def test_the_time_asked_for_is_spent_on_each() -> None:
    def run() -> object:
        return None

    found = measure({"a": run}, clock=FakeClock({run: [0.01]}), least_samples=4, seconds=0.5)
    assert found["a"].samples == 50


def test_warm_up_goes_on_until_two_blocks_agree() -> None:
    def run() -> object:
        return None

    cold = [0.03, 0.03, *[0.03] * 5, *[0.02] * 5, *[0.0101] * 5, *[0.01] * 5]
    clock = FakeClock({run: [*cold, 0.01]})
    found = measure({"a": run}, clock=clock, least_samples=4, seconds=0.0)
    assert found["a"].median_ms == pytest.approx(10) and found["a"].high_ms == pytest.approx(10)


def test_a_machine_that_never_rests_is_told() -> None:
    def run() -> object:
        return None

    swing = [0.01, 0.01, *([*[0.01] * 5, *[0.02] * 5] * 40)]
    found = measure(
        {"a": run}, clock=FakeClock({run: swing}), least_samples=4, seconds=0.0, warmup_seconds=1
    )
    assert not found["a"].settled


def test_short_calls_are_timed_several_at_once() -> None:
    counted = 0

    def run() -> object:
        nonlocal counted
        counted += 1
        return None

    seen: list[int] = []

    def clock(run: Callable[[], object], calls: int) -> float:
        seen.append(calls)
        return calls * 1e-5

    measure({"a": run}, clock=clock, least_samples=4, seconds=0.0)
    assert seen[-4:] == [200] * 4  # 2 ms of 10 µs each


def test_quartiles_are_those_of_the_samples() -> None:
    def run() -> object:
        return None

    samples = [0.011, 0.012, 0.013, 0.014, 0.030]
    clock = FakeClock({run: [*[0.01] * 12, *samples]})
    found = measure({"a": run}, clock=clock, least_samples=5, seconds=0.0)["a"]
    low, median, high = np.percentile([1000 * s for s in samples], (25, 50, 75))
    assert (found.low_ms, found.median_ms, found.high_ms) == pytest.approx((low, median, high))


def test_a_difference_below_the_noise_is_a_tie() -> None:
    one = Latency(median_ms=10, low_ms=9, high_ms=11, samples=25)
    assert one.noise_ms == pytest.approx(0.628)
    assert one.tie(replace(one, median_ms=10.8)) and replace(one, median_ms=10.8).tie(one)
    assert not one.tie(replace(one, median_ms=10.9))
    assert not one.tie(replace(one, median_ms=10.8, low_ms=10.8, high_ms=10.8))
    assert str(one) == "10 ms (9 to 11)"


@pytest.mark.parametrize(
    ("runs", "samples", "part"), [({}, 20, "nothing to measure"), ({"a": int}, 3, "at least 4")]
)
def test_bad_requests(runs: dict[str, Callable[[], object]], samples: int, part: str) -> None:
    with pytest.raises(UsageError, match=part):
        measure(runs, least_samples=samples)


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(UsageError, match="at least 1"), torch_threads(0):
        pass


def test_a_module_runs_in_eval_mode_without_gradients() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2))
    run, setting = torch_run(net, (3, 8, 8), batch=2, threads=1)
    before = net[1].running_mean
    assert isinstance(before, torch.Tensor)
    held = before.clone()
    logits = run()
    assert isinstance(logits, torch.Tensor)
    assert logits.shape == (2, 2) and not logits.requires_grad
    assert torch.equal(before, held) and not net.training
    assert setting.runtime == "torch" and setting.version == torch.__version__
    assert (setting.batch, setting.shape, setting.dtype) == (2, (3, 8, 8), "float32")
    assert setting.processor == processor()


def test_torch_is_timed_with_the_wall_clock_on_a_cpu() -> None:
    run, _ = torch_run(nn.Conv2d(3, 4, 3), (3, 8, 8))
    found = measure({"a": run}, clock=stopwatch("cpu"), least_samples=4, seconds=0.0)["a"]
    assert 0 < found.low_ms <= found.median_ms <= found.high_ms


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_work_on_a_gpu_is_waited_for() -> None:
    big = nn.Conv2d(64, 64, 3, padding=1)
    run, setting = torch_run(big, (64, 256, 256), batch=16, device="cuda", dtype=torch.float16)
    one, ten = stopwatch("cuda")(run, 10), stopwatch("cuda")(run, 100)
    assert ten > 3 * one and "cuda" in setting.device
