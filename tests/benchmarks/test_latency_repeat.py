"""Repeated measurements: sessions compared pair by pair."""

from __future__ import annotations

from dataclasses import asdict

import pytest

import latency_repeat as bench
from netwright.nn.measured import Latency


def _session(at: int, load: int, **ms: float) -> bench.Session:
    rows = {
        name: asdict(Latency(median_ms=v, low_ms=v - 0.1, high_ms=v + 0.1, samples=25))
        for name, v in ms.items()
    }
    return {"at": at, "load": load, "load_average": 0.0, "found": {"torch": rows}}


def test_order_and_ties_are_compared() -> None:
    first = _session(0, 0, a=1.0, b=1.05, c=2.0, d=3.0)
    second = _session(3600, 0, a=1.10, b=1.06, c=2.0, d=3.2)
    found = bench.compare(first, second, "torch")
    assert found["ties"] == pytest.approx(100 / 6)  # a and b, 0.05 ms apart
    assert found["kept_of_differences"] == 100 and found["kept_of_ties"] == 0
    assert found["spearman"] == pytest.approx(0.8) and found["settled"] == 100


def test_every_session_stands_beside_the_first() -> None:
    sessions = [_session(0, 0, a=1, b=2), _session(3600, 0, a=1, b=2), _session(7200, 2, a=4, b=3)]
    rows = bench.summary(sessions)
    loaded = "torch, session 3 (2.0 hours later, under the load of 2): Spearman"
    assert rows["torch, session 2 (1.0 hours later, idle): Spearman"]["mean"] == pytest.approx(1)
    assert rows[loaded]["mean"] == pytest.approx(-1)


def test_networks_are_different_and_the_same_at_each_call() -> None:
    found = bench.networks(5, 16)
    assert len(found) == 5 and list(found) == list(bench.networks(5, 16))


def test_others_are_kept_busy_and_ended() -> None:
    with bench.busy(0):
        pass
    with pytest.raises(RuntimeError), bench.busy(1):
        raise RuntimeError
