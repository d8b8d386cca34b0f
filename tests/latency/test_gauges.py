"""Gauges: what they write down of a network that is timed by fakes, and once by torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from devices import SETTING
from netwright.arch.graph import Architecture
from netwright.latency.gauges import CommandGauge, RuntimeGauge, reference
from netwright.latency.parts import Part, added, parts_of
from netwright.nn.runtimes import Ready, Where
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import first_row

SPACE = MobileSpace(classes=10, resolution=8)


def test_a_network_and_its_parts_are_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    arch = reference(SPACE)
    parts = parts_of(arch)

    def prepare(arch: Architecture, parts: tuple[Part, ...]) -> Ready:
        def seconds(passes: int) -> np.ndarray:
            return np.array([[0.001 * (k + 1) for k in range(len(parts))]] * passes)

        return Ready(run=lambda: None, setting=SETTING, parts=seconds if parts else None)

    monkeypatch.setattr("netwright.latency.gauges._WARMUP_SECONDS", 0.0)
    gauge = RuntimeGauge(Where(), arch, seconds=0.0, prepare=prepare)
    found = gauge(arch, parts)
    assert gauge.setting == SETTING and found.network == arch.id
    assert [key for key, _ in found.parts] == [p.key for p in parts]
    assert [ms for _, ms in found.parts] == pytest.approx([k + 1.0 for k in range(len(parts))])
    assert found.features == added(p.features for p in parts) and found.count == len(parts)
    assert found.ms >= found.low_ms > 0 and found.reference_ms > 0


def test_torch_tells_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netwright.latency.gauges._WARMUP_SECONDS", 0.0)
    arch = SPACE.decode(first_row(SPACE))
    found = RuntimeGauge(Where(), arch, seconds=0.0)(arch, parts_of(arch))
    assert len(found.parts) == len(arch.placed) and all(ms > 0 for _, ms in found.parts)


def test_a_command_measures_whole_networks(tmp_path: Path) -> None:
    arch = SPACE.decode(first_row(SPACE))
    gauge = CommandGauge("""echo '{"median_ms": 3.5}' {model}""", (3, 8, 8))
    pytest.importorskip("onnx")
    script = tmp_path / "bench.sh"
    script.write_text("""#!/bin/sh\ntest -s "$1" && echo '{"median_ms": 3.5}'\n""")
    script.chmod(0o755)
    gauge = CommandGauge(f"{script} {{model}}", (3, 8, 8))
    found = gauge(arch, parts_of(arch))
    assert (found.ms, found.parts, found.count) == (3.5, (), len(arch.placed))
    assert gauge.setting.device == "remote"
