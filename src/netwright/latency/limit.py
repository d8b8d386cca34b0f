"""A latency budget: predicted inside the search, measured for whoever comes into its finals.

The predictor tells the latency of thousands of candidates for nothing.  What it says of the few
that are trained at the end is checked: a network that is measured above the limit is dropped, and
every measurement corrects the predictor, so that the next ones are chosen better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from netwright.arch.cost import Cost, cost
from netwright.arch.graph import Architecture
from netwright.latency.predictor import LatencyPredictor
from netwright.nn.measured import Latency, Setting

Meter = Callable[[Architecture], Latency]

_HOPELESS = 1.1  # times the limit, predicted after a correction: not worth a measurement


class LatencyLimit:
    """What a search knows of latencies.

    Args:
        predictor: Of the device.
        limit_ms: Most milliseconds of a pass; None where latency is weighed and not limited.
        meter: Measures a network on the device.
        setting: Under which conditions.
    """

    def __init__(
        self,
        predictor: LatencyPredictor,
        *,
        limit_ms: float | None,
        meter: Meter,
        setting: Setting,
    ) -> None:
        self.predictor, self.limit_ms = predictor, limit_ms
        self.setting = setting
        self._first = predictor
        self._meter = meter
        self.measured: dict[str, Latency] = {}
        self._predicted: dict[str, float] = {}

    def costing(self, arch: Architecture) -> Cost:
        """What a network costs, its latency as it is predicted by now."""
        return replace(cost(arch), latency_ms=self.predictor(arch).ms)

    def measure(self, arch: Architecture) -> Latency:
        """Its latency, measured once; the predictor learns from it."""
        if arch.id not in self.measured:
            self._learn({arch.id: self._meter(arch)}, {arch.id: self._first(arch).ms})
        return self.measured[arch.id]

    def meets(self, arch: Architecture) -> bool:
        """Whether it was measured within the limit, its noise counted in.

        One that the corrected predictor puts far above is not measured.
        """
        if self.limit_ms is None:
            self.measure(arch)
            return True
        known = arch.id in self.measured
        if not known and self.measured and self.predictor(arch).ms > _HOPELESS * self.limit_ms:
            return False
        found = self.measure(arch)
        return found.median_ms + found.noise_ms <= self.limit_ms

    def _learn(self, measured: dict[str, Latency], predicted: dict[str, float]) -> None:
        self.measured |= measured
        self._predicted |= predicted
        pairs = [(ms, self.measured[arch_id].median_ms) for arch_id, ms in self._predicted.items()]
        self.predictor = self._first.corrected(pairs)

    def recall(self, facts: dict[str, Any]) -> None:
        """Take over what an earlier sitting measured, as ``facts`` tells it."""
        found = {arch_id: Latency(**row) for arch_id, row in facts["measured"].items()}
        self._learn(found, facts["predicted"])

    def facts(self) -> dict[str, Any]:
        """Plain JSON types: the conditions, what was measured, how far the predictor was off."""
        return {
            "limit_ms": self.limit_ms,
            "setting": asdict(self.setting),
            "measured": {arch_id: asdict(found) for arch_id, found in self.measured.items()},
            "predicted": self._predicted,
            "correction": round(self.predictor.factor / self._first.factor, 4),
            "spread": round(self._first.spread, 4),
            "busy": self._first.table.busy,
        }
