"""Peak activation memory by liveness: how much must be held at once to run one image.

The model is that of an inference runtime that runs the nodes in order, frees a tensor after its
last use, lets an elementwise operation (batch norm, activation, add, gate) write into an operand
that is used for the last time, and makes no copy for what is the identity at inference (dropout).
Weights and the scratch space of a kernel are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from netwright.arch.ops import Op


def peak_bytes(steps: Sequence[tuple[Op | None, tuple[int, ...]]], sizes: Sequence[int]) -> int:
    """The largest sum of live buffers, in the unit of ``sizes``.

    Args:
        steps: For each value in running order, the operation that makes it (None for a value that
            enters) and the numbers of the values it reads.  The last value is the output.
        sizes: Size of each value.
    """
    uses = [0] * len(steps)
    for _, inputs in steps:
        for i in inputs:
            uses[i] += 1
    uses[-1] += 1
    buffer: list[int] = []  # value → buffer that holds it
    held: list[int] = []  # buffer → reads still to come of the values in it
    size_of: list[int] = []
    live = peak = 0
    for value, (op, inputs) in enumerate(steps):
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
