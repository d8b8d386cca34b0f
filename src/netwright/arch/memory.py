"""Peak activation memory by liveness: how much must be held at once to run one image.

The model is that of an inference runtime that runs the nodes in order, frees a tensor after its
last use, lets an elementwise operation (batch norm, activation, add, gate) write into an operand
that is used for the last time, and makes no copy for what is the identity at inference (dropout).
Weights and the scratch space of a kernel are not counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from netwright.arch.operation import Step


def peak_elements(steps: Sequence[Step]) -> int:
    """The largest number of elements that live buffers hold together.

    Args:
        steps: Values in running order; the last one is the output.
    """
    sizes = [math.prod(shape) for _, _, shape in steps]
    uses = [0] * len(steps)
    for _, inputs, _ in steps:
        for i in inputs:
            uses[i] += 1
    uses[-1] += 1
    buffer: list[int] = []  # value → buffer that holds it
    held: list[int] = []  # buffer → reads still to come of the values in it
    size_of: list[int] = []
    live = peak = 0
    for value, (op, inputs, _) in enumerate(steps):
        target = None
        if op is not None and op.alias:
            target = buffer[inputs[0]]
        elif op is not None and op.elementwise:
            target = _reusable(inputs, buffer, held, size_of, sizes[value])
        if target is None:
            target = len(held)
            held.append(0)
            size_of.append(sizes[value])
            live += sizes[value]
            peak = max(peak, live)
        buffer.append(target)
        held[target] += uses[value]
        touched = {target, *(buffer[i] for i in inputs)}
        for i in inputs:
            held[buffer[i]] -= 1
        live -= sum(size_of[b] for b in touched if held[b] == 0)
    return peak


def _reusable(
    inputs: tuple[int, ...], buffer: list[int], held: list[int], size_of: list[int], size: int
) -> int | None:
    for i in inputs:
        reads_here = sum(buffer[j] == buffer[i] for j in inputs)
        if held[buffer[i]] == reads_here and size_of[buffer[i]] == size:
            return buffer[i]
    return None
