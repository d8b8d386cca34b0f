"""Kinship: which stages of one network take after which of another, by the cheapest alignment.

Two networks of one family differ in a few stages, widths and depths.  Stages are aligned in order,
as words of two texts are: a pair costs what sets it apart, and a stage may stay alone on either
side.  A network is its own nearest kin, stage by stage, at a cost of 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from netwright.arch.staged import Layer

_ALONE = 1.5  # a stage that takes after none, or that none takes after
_KIND = 4.0  # a depthwise-separable stage has no expansion that an inverted residual could take
_STRIDE = 0.5  # the same network on smaller images halves the map less often
_KERNEL = 0.1  # per two pixels

Stage = tuple[Layer, ...]


def distance(stage: Stage, other: Stage) -> float:
    """How unlike two stages are: widths by octave, then kind, stride and kernel of the last layer.

    Args:
        stage: Layers of one stage; the last stands for all but the stride.
        other: Layers of the other.
    """
    one, two = stage[-1], other[-1]
    return (
        abs(math.log2(one.out / two.out))
        + _KIND * (one.kind != two.kind)
        + _STRIDE * (stage[0].stride != other[0].stride)
        + _KERNEL * abs(one.kernel - two.kernel) / 2
    )


def align(stages: Sequence[Stage], others: Sequence[Stage]) -> tuple[int | None, ...]:
    """For every stage, the number of the other network's stage that it takes after, or None.

    Pairs keep their order, and no stage is in two (Needleman and Wunsch, J. Mol. Biol. 1970).

    Args:
        stages: Of the network that takes.
        others: Of the network that gives.
    """
    rows, columns = len(stages), len(others)
    least = [[_ALONE * (i + j) for j in range(columns + 1)] for i in range(rows + 1)]
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            least[i][j] = min(
                least[i - 1][j - 1] + distance(stages[i - 1], others[j - 1]),
                least[i - 1][j] + _ALONE,
                least[i][j - 1] + _ALONE,
            )
    found: list[int | None] = [None] * rows
    i, j = rows, columns
    while i and j:
        pair = least[i - 1][j - 1] + distance(stages[i - 1], others[j - 1])
        if least[i][j] == pair:
            i, j = i - 1, j - 1
            found[i] = j
        elif least[i][j] == least[i - 1][j] + _ALONE:
            i -= 1
        else:
            j -= 1
    return tuple(found)
