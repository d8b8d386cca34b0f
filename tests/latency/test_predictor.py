"""Predictions on a made-up device, whose truth is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from devices import SETTING, FakeGauge, network_ms, part_ms, profiled
from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.latency.parts import parts_of
from netwright.latency.predictor import LatencyPredictor
from netwright.latency.table import Table
from netwright.rng import stream
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import sample
from netwright.stats import spearman

SPACE = MobileSpace(classes=10, resolution=32)


@pytest.fixture(scope="module")
def held_out() -> list[Architecture]:
    rng = stream(7, "held out")
    return [SPACE.decode(sample(SPACE, rng)) for _ in range(40)]


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> LatencyPredictor:
    path = tmp_path_factory.mktemp("latency") / "t.json"
    return LatencyPredictor.of(profiled(SPACE, path, networks=40))


def test_networks_that_were_not_measured(
    predictor: LatencyPredictor, held_out: list[Architecture]
) -> None:
    truth = [network_ms(parts_of(a)) for a in held_out]
    found = [predictor(a) for a in held_out]
    shares = [abs(p.ms / t - 1) for p, t in zip(found, truth, strict=True)]
    assert np.mean(np.array(shares) < 0.1) >= 0.9
    assert spearman([p.ms for p in found], truth) > 0.97
    inside = [p.low_ms <= t <= p.high_ms for p, t in zip(found, truth, strict=True)]
    assert np.mean(inside) >= 0.9
    assert predictor.checked == 40 and 0 < np.mean([p.measured for p in found]) < 1


def test_a_drifting_machine_is_seen_through(tmp_path: Path, held_out: list[Architecture]) -> None:
    slow = [1.0] * 20 + [1.5] * 20
    table = profiled(SPACE, tmp_path / "t.json", networks=40, gauge=FakeGauge(slow=slow))
    assert table.busy
    found = LatencyPredictor.of(table)
    middle = np.median([found(a).ms / network_ms(parts_of(a)) for a in held_out])
    spread = np.std([math.log(found(a).ms / network_ms(parts_of(a))) for a in held_out])
    assert 1.0 < middle < 1.5 and spread < 0.08  # of one speed between the two


def test_a_runtime_that_cannot_tell_parts(tmp_path: Path, held_out: list[Architecture]) -> None:
    table = profiled(SPACE, tmp_path / "t.json", networks=60, gauge=FakeGauge(by_part=False))
    found = LatencyPredictor.of(table)
    truth = [network_ms(parts_of(a)) for a in held_out]
    assert spearman([found(a).ms for a in held_out], truth) > 0.95
    assert all(found(a).measured == 0 for a in held_out)


def test_measured_parts_alone_are_added_up() -> None:
    parts = {p.key: p for a in _archs(3) for p in parts_of(a)}
    alone = {key: part_ms(p.features) for key, p in parts.items()}
    table = Table(setting=SETTING, parts={k: p.features for k, p in parts.items()}, alone=alone)
    found = LatencyPredictor.of(table)
    for arch in _archs(3):
        assert found(arch).ms == pytest.approx(sum(alone[p.key] for p in parts_of(arch)))
        assert found(arch).measured == 1.0 and found.checked == 0
        assert found.sum_of_parts(parts_of(arch)) == found(arch).ms
        assert found(arch).high_ms > 1.5 * found(arch).ms  # nobody checked the sum


def _archs(count: int) -> list[Architecture]:
    rng = stream(3, "some")
    return [SPACE.decode(sample(SPACE, rng)) for _ in range(count)]


def test_what_a_part_that_was_not_measured_adds_to_the_interval(
    predictor: LatencyPredictor, held_out: list[Architecture]
) -> None:
    known = [a for a in held_out if predictor(a).measured > 0.6]
    new = [a for a in held_out if predictor(a).measured < 0.2]
    wide = [np.mean([predictor(a).high_ms / predictor(a).ms for a in s]) for s in (known, new)]
    assert not known or not new or wide[0] < wide[1]


def test_finalists_correct_it(predictor: LatencyPredictor, held_out: list[Architecture]) -> None:
    arch = held_out[0]
    once = predictor.corrected([(10.0, 12.0)])
    assert 1 < once(arch).ms / predictor(arch).ms < 1.2
    many = predictor.corrected([(10.0, 12.0)] * 20)
    assert many(arch).ms / predictor(arch).ms == pytest.approx(1.2, rel=0.01)
    assert predictor.corrected([]).factor == 1.0
    assert many.corrected([(10.0, 10.0)] * 20).factor == many.factor


def test_too_little_is_refused(tmp_path: Path) -> None:
    table = profiled(SPACE, tmp_path / "t.json", networks=3, gauge=FakeGauge(by_part=False))
    with pytest.raises(UsageError, match="3 measured parts; 8 are the least"):
        LatencyPredictor.of(table)
    with pytest.raises(UsageError, match="0 measured parts"):
        LatencyPredictor.of(Table(setting=SETTING))
