"""The words and figures of a measured latency."""

from __future__ import annotations

from netwright.nn.measured import Latency, Setting


def _setting(**changes: object) -> Setting:
    values: dict[str, object] = {
        "runtime": "onnxruntime", "version": "1.22", "device": "cpu", "processor": "EPYC",
        "threads": 1, "batch": 1, "shape": (3, 224, 224), "dtype": "float32",
    }  # fmt: skip
    return Setting(**{**values, **changes})  # type: ignore[arg-type]


def test_a_setting_says_all_that_a_reader_must_know() -> None:
    assert str(_setting()) == "onnxruntime 1.22, 1 thread, batch 1, float32, EPYC (cpu)"
    assert "2 threads" in str(_setting(threads=2))
    assert str(_setting(processor="cpu")).endswith("float32, cpu")


def test_noise_shrinks_with_the_square_root_of_the_samples() -> None:
    few = Latency(median_ms=10, low_ms=9, high_ms=11, samples=4)
    many = Latency(median_ms=10, low_ms=9, high_ms=11, samples=400)
    assert few.noise_ms == 1.57
    assert many.noise_ms == few.noise_ms / 10


def test_a_difference_below_the_noise_is_a_tie() -> None:
    slow = Latency(median_ms=10.5, low_ms=9.5, high_ms=11.5, samples=100)
    near = Latency(median_ms=10.2, low_ms=9.2, high_ms=11.2, samples=100)
    fast = Latency(median_ms=9.0, low_ms=8.9, high_ms=9.1, samples=100)
    assert slow.tie(near) and near.tie(slow)
    assert not slow.tie(fast)


def test_it_prints_median_and_quartiles() -> None:
    text = str(Latency(median_ms=10.52, low_ms=9.51, high_ms=11.5, samples=100))
    assert text == "10.5 ms (9.51 to 11.5)"
