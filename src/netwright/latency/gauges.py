"""Gauges: what measures a network for the table, in a runtime of this machine or by a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from netwright.arch.graph import Architecture
from netwright.contracts import Space
from netwright.latency.parts import Part, added
from netwright.latency.table import Timed
from netwright.nn.command import command_setting, time_by_command
from netwright.nn.measured import Latency, Setting
from netwright.nn.runtimes import Ready, Where, ready
from netwright.nn.timing import measure, stopwatch, torch_threads

PASSES = 9  # of each part, and samples of each network at least
_MOST_PASSES, _PASSES_SECONDS = 60, 0.1  # of the parts of a network that is quicker
_QUANTILE = 0.25  # of the passes: other work on the machine disturbs it less than the median
SECONDS = 0.15  # of samples of each network, at least
_WARMUP_SECONDS = 0.3


class Gauge(Protocol):
    """Measures a network with its parts."""

    @property
    def setting(self) -> Setting:
        """The conditions."""
        ...

    def __call__(self, arch: Architecture, parts: tuple[Part, ...]) -> Timed:
        """What it took."""
        ...


class RuntimeGauge:
    """Measures in a runtime of this machine, in turn with a reference network.

    Args:
        where: The runtime.
        reference: A small network that tells how fast the machine is at the moment.
        seconds: Samples of each network, at least.
        prepare: Makes a network ready; in the runtime without it.
    """

    def __init__(
        self,
        where: Where,
        reference: Architecture,
        *,
        seconds: float = SECONDS,
        prepare: Callable[[Architecture, tuple[Part, ...]], Ready] | None = None,
    ) -> None:
        self.where, self.seconds = where, seconds
        self._prepare = prepare or self._in_runtime
        self._beside = self._prepare(reference, ())

    @property
    def setting(self) -> Setting:
        """The conditions."""
        return self._beside.setting

    def _in_runtime(self, arch: Architecture, parts: tuple[Part, ...]) -> Ready:
        return ready(arch, self.where, parts=[part.names for part in parts])

    def __call__(self, arch: Architecture, parts: tuple[Part, ...]) -> Timed:
        """What it took."""
        with torch_threads(self.where.threads):
            made = self._prepare(arch, parts)
            found = measure(
                {"network": made.run, "reference": self._beside.run},
                clock=stopwatch(self.where.device), least_samples=PASSES, seconds=self.seconds,
                warmup_seconds=_WARMUP_SECONDS,
            )  # fmt: skip
            each: tuple[tuple[str, float], ...] = ()
            if made.parts is not None:
                passes = round(1000 * _PASSES_SECONDS / found["network"].low_ms)
                taken = made.parts(min(max(PASSES, passes), _MOST_PASSES))
                low = 1000 * np.quantile(taken, _QUANTILE, axis=0)
                each = tuple((p.key, float(ms)) for p, ms in zip(parts, low, strict=True))
        return _timed(arch, parts, found["network"], each, found["reference"].low_ms)


class CommandGauge:
    """Measures by a user's command; whole networks alone.

    Args:
        command: With ``{model}`` where the path of the ONNX file belongs.
        shape: Channels, height and width of the images.
    """

    def __init__(self, command: str, shape: tuple[int, int, int]) -> None:
        self.command = command
        self.setting = command_setting(command, shape)

    def __call__(self, arch: Architecture, parts: tuple[Part, ...]) -> Timed:
        """What it took."""
        return _timed(arch, parts, time_by_command(arch, self.command), (), 0.0)


def reference(space: Space) -> Architecture:
    """The network that takes its turn with all others: rather small, yet not the smallest."""
    return space.decode(space.canonical(tuple(len(c.options) // 3 for c in space.choices)))


def _timed(
    arch: Architecture,
    parts: tuple[Part, ...],
    whole: Latency,
    each: tuple[tuple[str, float], ...],
    reference_ms: float,
) -> Timed:
    return Timed(
        network=arch.id, ms=whole.median_ms, low_ms=whole.low_ms, noise_ms=whole.noise_ms,
        reference_ms=reference_ms, features=added(p.features for p in parts), parts=each,
        count=len(parts),
    )  # fmt: skip
