"""A latency budget: what is predicted, measured, dropped and learnt, on a made-up device."""

from __future__ import annotations

import pytest

from devices import SETTING, network_ms, profiled
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.latency.limit import LatencyLimit
from netwright.latency.parts import parts_of
from netwright.latency.predictor import LatencyPredictor
from netwright.nn.measured import Latency
from netwright.rng import stream
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import sample

SPACE = MobileSpace(classes=10, resolution=16)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> LatencyPredictor:
    path = tmp_path_factory.mktemp("latency") / "t.json"
    return LatencyPredictor.of(profiled(SPACE, path, networks=20))


class Meter:
    """The device, slower than its table by a factor."""

    def __init__(self, slower: float, noise_ms: float = 0.0) -> None:
        self.slower, self.noise_ms = slower, noise_ms
        self.seen: list[str] = []

    def __call__(self, arch: Architecture) -> Latency:
        self.seen.append(arch.id)
        ms = self.slower * network_ms(parts_of(arch))
        wide = self.noise_ms / 1.57 / 2 * 2  # four samples: noise is 1.57 · IQR / 2
        return Latency(median_ms=ms, low_ms=ms - wide, high_ms=ms + wide, samples=4)


def _archs(count: int) -> list[Architecture]:
    rng = stream(1, "candidates")
    found = [SPACE.decode(sample(SPACE, rng)) for _ in range(count)]
    return sorted(found, key=lambda a: network_ms(parts_of(a)))


def _limit(predictor: LatencyPredictor, meter: Meter, ms: float | None) -> LatencyLimit:
    return LatencyLimit(predictor, limit_ms=ms, meter=meter, setting=SETTING)


def test_counts_come_with_the_predicted_latency(predictor: LatencyPredictor) -> None:
    arch = _archs(1)[0]
    found = _limit(predictor, Meter(1.0), 5.0).costing(arch)
    assert found.latency_ms == predictor(arch).ms
    assert (found.params, found.macs) == (cost(arch).params, cost(arch).macs)


def test_the_measured_value_decides_and_is_taken_once(predictor: LatencyPredictor) -> None:
    arch = _archs(1)[0]
    truth = network_ms(parts_of(arch))
    meter = Meter(1.0)
    assert _limit(predictor, meter, truth * 1.01).meets(arch)
    assert not _limit(predictor, meter, truth * 0.99).meets(arch)
    limit = _limit(predictor, meter, truth * 1.01)
    assert limit.meets(arch) and limit.meets(arch) and len(meter.seen) == 3


def test_noise_counts_against_a_network(predictor: LatencyPredictor) -> None:
    arch = _archs(1)[0]
    truth = network_ms(parts_of(arch))
    assert not _limit(predictor, Meter(1.0, noise_ms=truth * 0.1), truth * 1.05).meets(arch)


def test_what_is_measured_corrects_the_predictor(predictor: LatencyPredictor) -> None:
    archs = _archs(30)
    meter = Meter(1.5)  # the machine is slower than it was
    limit = _limit(predictor, meter, network_ms(parts_of(archs[12])))
    before = limit.predictor(archs[0]).ms
    kept = [a for a in reversed(archs) if limit.meets(a)]
    assert kept and all(1.5 * network_ms(parts_of(a)) <= (limit.limit_ms or 0) for a in kept)
    assert limit.predictor(archs[0]).ms / before == pytest.approx(1.5, rel=0.1)
    assert len(meter.seen) < len(archs)  # the hopeless ones were not measured
    assert limit.facts()["correction"] > 1.3


def test_without_a_limit_everything_meets_it_and_is_measured(predictor: LatencyPredictor) -> None:
    meter = Meter(1.0)
    assert _limit(predictor, meter, None).meets(_archs(1)[0]) and len(meter.seen) == 1


def test_an_earlier_sitting_is_recalled(predictor: LatencyPredictor) -> None:
    arch = _archs(1)[0]
    first, second = (_limit(predictor, Meter(1.0), 50.0) for _ in range(2))
    first.measure(arch)
    second.recall(first.facts())
    assert second.measure(arch) == first.measured[arch.id]
    assert second.facts() == first.facts()
    assert first.facts()["setting"]["runtime"] == "torch" and first.facts()["busy"] is False
