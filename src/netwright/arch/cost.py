"""What a network costs, read off its graph: parameters, MACs, peak activation bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from netwright.arch.graph import INPUT, Architecture
from netwright.arch.memory import peak_elements
from netwright.arch.ops import Conv, Linear, Zero
from netwright.units import format_bytes, format_count


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """The cost of one network for one image, exact but for its latency.

    Args:
        params: Trainable numbers.
        macs: Multiply-adds of convolutions and linear layers.
        peak_activation_bytes: Most activation memory live at once (:mod:`netwright.arch.memory`).
        latency_ms: Milliseconds of a pass, as :mod:`netwright.latency` predicts them for a device;
            None where nobody asked.
    """

    params: int
    macs: int
    peak_activation_bytes: int
    latency_ms: float | None = None

    def __str__(self) -> str:
        return (
            f"{format_count(self.params)} params, {format_count(self.macs)} MACs, "
            f"{format_bytes(self.peak_activation_bytes)} peak activations"
        )


COST_NAMES = ("params", "macs", "peak_activation_bytes")
LATENCY = "latency_ms"


def figure(cost: Cost, name: str) -> float | None:
    """A cost by its name; None where there is none of that name, or it is not known."""
    value = getattr(cost, name) if name in (*COST_NAMES, LATENCY) else None
    return None if value is None else float(value)


def cost(arch: Architecture, *, bytes_per_element: int = 4) -> Cost:
    """Parameters, MACs and peak activation bytes of a network, without torch.

    Args:
        arch: The network.
        bytes_per_element: 4 for float32, 2 for half precision, 1 for int8 activations.
    """
    params = macs = peak = 0
    for place in arch.placed:
        block = place.block
        params += block.params
        macs += block.macs
        if block.peak_elements > peak:
            peak = block.peak_elements
    if not arch.is_chain:
        peak = peak_elements(arch.steps())
    return Cost(params=params, macs=macs, peak_activation_bytes=peak * bytes_per_element)


def sum_log_n(arch: Architecture) -> float:
    """Σ log(number of weights) over the convolutions and linear layers that reach the logits.

    The control for ZiCo, whose ranking comes close to this count (its layer terms are bounded
    below by it for two batches); unitless, natural logarithm.  Layers whose result is dropped or
    multiplied away by a ``zero`` do not count.
    """
    alive = {arch.outputs[0]}
    shapes = {INPUT: arch.input_shape} | {node.name: node.shape for node in arch.nodes}
    total = 0.0
    for node in reversed(arch.nodes):
        if node.name not in alive or isinstance(node.op, Zero):
            continue
        alive.update(node.inputs)
        if isinstance(node.op, Conv | Linear):
            weight = node.op.parameters([shapes[i] for i in node.inputs])["weight"]
            total += math.log(math.prod(weight))
    return total
