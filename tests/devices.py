"""A made-up device: what parts and networks take on it is known, but for noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from netwright.arch.graph import Architecture
from netwright.contracts import Space
from netwright.latency.parts import FEATURES, Part, added
from netwright.latency.profile import profile
from netwright.latency.table import Table, TableFile, Timed
from netwright.nn.measured import Setting
from netwright.rng import stream

SETTING = Setting(
    runtime="torch", version="2", device="cpu", processor="made up", threads=1, batch=1,
    shape=(3, 32, 32), dtype="float32",
)  # fmt: skip
_NS = {  # nanoseconds per unit of each count
    "dense_macs_padded": 0.03, "depthwise_macs": 0.12, "weights": 0.2, "dense_written": 0.5,
    "depthwise_read": 0.4, "mapped": 0.3, "curved": 1.5, "pooled": 0.2, "operations": 4000.0,
}  # fmt: skip


def part_ms(features: Sequence[float]) -> float:
    """What a part takes: its work, and a little more where its tensors leave the cache."""
    counts = dict(zip(FEATURES, features, strict=True))
    plain = sum(rate * counts[name] for name, rate in _NS.items()) / 1e6
    return plain * (1 + 0.3 / (1 + math.exp(-(math.log1p(counts["dense_written"]) - 9))))


def network_ms(parts: Sequence[Part]) -> float:
    """What a network takes: nine tenths of its parts, and a cost for each and for all."""
    return 0.9 * sum(part_ms(p.features) for p in parts) + 0.01 * len(parts) + 0.05


class FakeGauge:
    """Measures on the made-up device.

    Args:
        noise: Deviation of the logarithm of every figure.
        by_part: Whether it can tell parts.
        slow: From the number of a network measured to how slow the machine was.
    """

    def __init__(
        self, *, noise: float = 0.01, by_part: bool = True, slow: Sequence[float] = ()
    ) -> None:
        self.setting = SETTING
        self.noise, self.by_part, self.slow = noise, by_part, slow
        self.rng = stream(0, "noise of the device")
        self.seen: list[str] = []

    def __call__(self, arch: Architecture, parts: tuple[Part, ...]) -> Timed:
        speed = self.slow[len(self.seen)] if self.slow else 1.0
        self.seen.append(arch.id)
        ms = self._near(network_ms(parts)) * speed
        each = tuple((p.key, self._near(part_ms(p.features)) * speed) for p in parts)
        return Timed(
            network=arch.id, ms=ms, low_ms=ms, reference_ms=2.0 * speed,
            features=added(p.features for p in parts), parts=each if self.by_part else (),
            count=len(parts),
        )  # fmt: skip

    def _near(self, ms: float) -> float:
        return ms * float(np.exp(self.noise * self.rng.normal()))


def profiled(space: Space, path: Path, *, networks: int, gauge: FakeGauge | None = None) -> Table:
    """A table of so many networks of a space on the made-up device."""
    gauge = gauge or FakeGauge()
    file = TableFile(path, gauge.setting, {"space": space.name})
    profile(space, file, gauge=gauge, seconds=1e9, most=networks)
    return file.table
