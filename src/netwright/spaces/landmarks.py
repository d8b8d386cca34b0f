"""Landmarks: published networks as candidates of a space, scaled to the budget of a search.

EfficientNet-B0 and MobileNetV2 have the seven stages of the ``mobile`` space.  A search that looks
at them first knows early what is to be beaten, and may go on from there.  Depth and width are
scaled by one factor, every choice takes the option that is nearest, and what the rounding leaves
of the budget is spent on the widths and depths that the factor would enlarge next.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from netwright.arch.staged import parse_stage
from netwright.contracts import Choice
from netwright.records import Tokens
from netwright.rng import stream
from netwright.spaces.efficientnet import B0
from netwright.spaces.within import Within

MOBILENET_V2 = (
    "ds_r1_k3_s1_c16", "ir_r2_k3_s2_e6_c24", "ir_r3_k3_s2_e6_c32", "ir_r4_k3_s2_e6_c64",
    "ir_r3_k3_s1_e6_c96", "ir_r3_k3_s2_e6_c160", "ir_r1_k3_s1_e6_c320",
)  # fmt: skip
"""Sandler et al., "MobileNetV2" (CVPR 2018), table 2, in timm's notation."""
STEM_WIDTH, HEAD_WIDTH = 32, 1280  # of both
_DESIGNS = ((B0, "silu"), (MOBILENET_V2, "relu"))  # ReLU6 where a space has no other
_FACTORS = tuple(2 ** (k / 16) for k in range(-96, 33))  # on depth and width: 1/64 to 4
_SCALED = ("depth", "width")
_ACTIVATION = "activation"
_REPAIRS = 16


def landmarks(within: Within) -> tuple[Tokens, ...]:
    """Published networks in this space, each as large as the budget allows.

    There are none where the choices of the space are not those of seven such stages.  Where even
    the smallest size exceeds the budget, it is repaired by as few steps as a few tries find.

    Args:
        within: The space and the budget.
    """
    found = []
    for texts, activation in _DESIGNS:
        wanted = _wanted(texts)
        if {c.name for c in within.space.choices} - {_ACTIVATION} == set(wanted):
            found.append(_as_large_as_fits({**wanted, _ACTIVATION: activation}, within))
    return tuple(dict.fromkeys(found))


def _wanted(texts: tuple[str, ...]) -> dict[str, float]:
    """The numbers that the published network chooses, by the names of the choices."""
    found = {"stem width": float(STEM_WIDTH), "head width": float(HEAD_WIDTH)}
    for i, text in enumerate(texts):
        layers = parse_stage(text)
        last = layers[-1]
        found |= {
            f"stage {i} depth": float(len(layers)),
            f"stage {i} kernel": float(last.kernel),
            f"stage {i} expansion": float(last.expand),
            f"stage {i} width": float(last.out),
            f"stage {i} SE": last.se_ratio,
        }
    return found


def _as_large_as_fits(wanted: Mapping[str, float | str], within: Within) -> Tokens:
    """The largest size within the budget, filled up; the smallest, repaired, where none is."""
    rows = list(dict.fromkeys(_scaled(wanted, factor, within) for factor in _FACTORS))
    fitting = [k for k, row in enumerate(rows) if within.fits(row)]
    if not fitting:
        rng = stream(0, "landmarks")
        mended = [within.repair(rows[0], rng=rng) for _ in range(_REPAIRS)]
        return min(mended, key=lambda row: np.abs(np.subtract(row, rows[0])).sum())
    best = rows[fitting[-1]]
    for larger in rows[fitting[-1] + 1 :]:
        for place, (token, more) in enumerate(zip(best, larger, strict=True)):
            row = within.space.canonical((*best[:place], max(token, more), *best[place + 1 :]))
            if row != best and within.fits(row):
                best = row
    return best


def _scaled(wanted: Mapping[str, float | str], factor: float, within: Within) -> Tokens:
    """The candidate whose options are nearest to the design times the factor."""
    row = []
    for choice in within.space.choices:
        value = wanted[choice.name]
        if isinstance(value, str):
            row.append(choice.options.index(value) if value in choice.options else 0)
            continue
        if choice.name.endswith(_SCALED):
            value *= factor
        if choice.name.endswith("depth"):
            value = float(math.ceil(value))  # as EfficientNet rounds repeats
        row.append(_nearest(choice, value))
    return within.space.canonical(tuple(row))


def _nearest(choice: Choice, value: float) -> int:
    """The option nearest to a value; of two as near, the smaller."""
    options = [float(option) for option in choice.options]
    return min(range(len(options)), key=lambda i: (abs(options[i] - value), options[i]))
