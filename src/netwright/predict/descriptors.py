"""Descriptors of a network: numbers read off its graph that tell how good it may become.

Size (parameters, MACs, memory), form (depth, widths, expansion, kernels, squeeze-and-excitation,
by how often the image was halved) and the ways through its cells (after GRAF, see
:mod:`netwright.predict.paths`).  They mean the same in every space, need neither torch nor data,
and what says nothing in a space is constant there.  Blocks are shared between networks, so each
is looked at once, and a network costs little more than a sum over its blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from netwright.arch.block import Block
from netwright.arch.graph import Architecture
from netwright.arch.operation import Step
from netwright.arch.ops import Conv, Linear, Multiply
from netwright.arch.window import pair
from netwright.predict.paths import CLASSES, Length, Ways, degrees, ways

Floats = npt.NDArray[np.float64]
LEVELS = 6  # 0: the size of the image; 5: halved five times or more

# What a block adds to a network's sums.
_SUMS = (
    "params", "macs", "activations", "log_weights", "layers", "log_width", "dense", "pointwise",
    "depthwise", "average", "maximum", "spatial", "kernel", "blocks", "expansion", "gates",
    "squeeze", "shortcuts", "joins", "joined", "longest", "shortest", "log_ways",
)  # fmt: skip
_AT = {name: i for i, name in enumerate(_SUMS)}
_LENGTHS = ("convs", "spatial", "pools", "reach")
_WAYS = (
    *(f"{what}_{how}" for what in _LENGTHS for how in ("least", "mean", "most")),
    "detour", "ways", "skipping", "convolving",
    *(f"{end}_{kind}" for end in ("first", "last") for kind in (*CLASSES, "skip")),
    *CLASSES, "joined",
)  # fmt: skip
_OF_LEVEL = (
    "layers", "params", "macs", "width", "expansion", "kernel", "gates", "dense", "shortcuts",
)  # fmt: skip
_OF_ALL = (
    "log_params", "log_macs", "log_activations", "log_peak", "macs_per_param", "sum_log_n",
    "layers", "depth", "shortest", "log_ways", "width", "expansion", "kernel", "gates", "squeeze",
    "shortcuts", "joined", "share_dense", "share_depthwise", "average", "maximum",
)  # fmt: skip

NAMES: tuple[str, ...] = (
    *_OF_ALL,
    *(f"level{level}_{what}" for level in range(LEVELS) for what in _OF_LEVEL),
    *(f"{kind}_{what}" for kind in ("cell", "reduction") for what in _WAYS),
)
"""The descriptors, in order."""


def describe(architecture: Architecture) -> dict[str, float]:
    """All descriptors of a network by name; the names are those of ``NAMES`` in any space."""
    return dict(zip(NAMES, describe_all([architecture])[0].tolist(), strict=True))


def describe_all(architectures: Sequence[Architecture]) -> Floats:
    """Descriptors of many networks at once, as a table (N, len(NAMES)) in the order of ``NAMES``.

    Quantities that span orders of magnitude are logarithms (natural; ``width`` and ``expansion``
    to base 2), the rest are counts and means.
    """
    if not architectures:
        return np.empty((0, len(NAMES)))
    sums, cells, sides = [], [], []
    for arch in architectures:
        for place in arch.placed:
            add, way, side = _block(place.block)
            sums.append(add)
            cells.append(way)
            sides.append(side)
    lengths = [len(a.placed) for a in architectures]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    image = np.repeat([max(a.input_shape[1:]) for a in architectures], lengths)
    before, after, counts = np.array(sides).T
    level = np.rint(np.log2(image / np.maximum(after, 1))).astype(int).clip(0, LEVELS - 1)
    slot = owner * LEVELS + level
    by_level = _grouped(np.array(sums), slot, len(lengths) * LEVELS)
    by_level = by_level.reshape(len(lengths), LEVELS, len(_SUMS))
    table = np.array(cells)
    kinds = ((after == before) & (counts > 0), (after < before) & (counts > 0))
    parts = [_whole(by_level.sum(axis=1), architectures), _levels(by_level)]
    for kind in kinds:
        total = _grouped(table[kind], owner[kind], len(lengths))
        number = np.bincount(owner[kind], minlength=len(lengths))
        parts.append(total / np.maximum(number, 1)[:, None])
    return np.hstack(parts)


def _grouped(rows: Floats, group: npt.NDArray[np.intp], count: int) -> Floats:
    """Sums (count, C) of the rows (N, C) by group."""
    columns = rows.shape[1]
    at = (group[:, None] * columns + np.arange(columns)).ravel()
    summed = np.bincount(at, weights=rows.ravel(), minlength=count * columns).astype(np.float64)
    return summed.reshape(count, columns)


def _mean(total: Floats, number: Floats) -> Floats:
    mean: Floats = total / np.maximum(number, 1)
    return mean


def _whole(total: Floats, architectures: Sequence[Architecture]) -> Floats:
    """The descriptors of whole networks, of ``_OF_ALL``."""
    columns = dict(zip(_SUMS, total.T, strict=True))
    layers, blocks = columns["layers"], columns["blocks"]
    peaks = [float(max(p.block.peak_elements for p in a.placed)) for a in architectures]
    for i, arch in enumerate(architectures):
        if not arch.is_chain:  # its paths run across blocks
            found = ways(arch.steps())
            columns["longest"][i], columns["shortest"][i] = found.convs.most, found.convs.least
            columns["log_ways"][i] = math.log1p(found.count)
    macs, params = np.log1p(columns["macs"]), np.log1p(columns["params"])
    return np.column_stack(
        [
            params, macs, np.log1p(columns["activations"]), np.log1p(peaks), macs - params,
            columns["log_weights"], layers, columns["longest"], columns["shortest"],
            columns["log_ways"], _mean(columns["log_width"], layers),
            _mean(columns["expansion"], blocks), _mean(columns["kernel"], columns["spatial"]),
            columns["gates"], _mean(columns["squeeze"], columns["gates"]), columns["shortcuts"],
            _mean(columns["joined"], columns["joins"]), _mean(columns["dense"], layers),
            _mean(columns["depthwise"], layers), columns["average"], columns["maximum"],
        ]
    )  # fmt: skip


def _levels(by_level: Floats) -> Floats:
    """The descriptors of every level, of ``_OF_LEVEL``: (N, LEVELS * len(_OF_LEVEL))."""
    columns = dict(zip(_SUMS, np.moveaxis(by_level, 2, 0), strict=True))
    layers, blocks = columns["layers"], columns["blocks"]
    stacked = np.stack(
        [
            layers, np.log1p(columns["params"]), np.log1p(columns["macs"]),
            _mean(columns["log_width"], layers), _mean(columns["expansion"], blocks),
            _mean(columns["kernel"], columns["spatial"]), _mean(columns["gates"], blocks),
            _mean(columns["dense"], layers), columns["shortcuts"],
        ],
        axis=2,
    )  # fmt: skip
    return stacked.reshape(len(by_level), -1)


@lru_cache(maxsize=65536)
def _block(block: Block) -> tuple[list[float], list[float], tuple[int, int, int]]:
    """What a block adds, how an image may pass it, and its sizes.

    The sizes are those of the map that enters, of the one that leaves (that enters, for a
    classifier) and the number of convolutions and pools on its paths, 0 for a classifier.
    """
    steps = [*(Step(None, (), shape) for shape in block.input_shapes), *block.steps]
    found = ways(steps)
    counts = {kind: float(found.classes.count(kind)) for kind in CLASSES}
    by_name = _sums(block, steps, found, counts)
    sums = [by_name[name] for name in _SUMS]
    first, last = degrees(steps, found)
    cells = [
        *(value for what in _LENGTHS for value in _three(getattr(found, what))),
        found.detour,
        math.log1p(found.count),
        math.log1p(found.skipping),
        math.log1p(found.convolving),
        *first.values(),
        *last.values(),
        *counts.values(),
        sums[_AT["joined"]],
    ]
    enters, leaves = block.input_shapes[0], block.out_shape
    vector = len(leaves) < 3
    before = max(enters[1:], default=1)
    after = before if vector else max(leaves[1:])
    return sums, cells, (before, after, 0 if vector else len(steps))


def _three(length: Length) -> tuple[float, float, float]:
    return length.least, length.mean, length.most


def _sums(
    block: Block, steps: Sequence[Step], found: Ways, counts: dict[str, float]
) -> dict[str, float]:
    """What the block adds to a network's sums, by name."""
    enters = block.input_shapes[0][0]
    passed = [s for s, kind in zip(steps, found.classes, strict=True) if kind is not None]
    layers = [s for s in passed if isinstance(s.op, Conv | Linear)]
    convs = [(s.shape[0], s.op.kernel) for s in layers if isinstance(s.op, Conv)]
    kernels = [sum(pair(kernel)) / 2 for _, kernel in convs if max(pair(kernel)) > 1]
    gates = [s for i, s in enumerate(steps) if found.on_path[i] and isinstance(s.op, Multiply)]
    joins = [
        sum(found.on_path[k] for k in s.inputs)
        for i, s in enumerate(steps)
        if found.on_path[i] and s.op is not None and s.op.arity is None
    ]
    joins = [n for n in joins if n > 1]
    return {
        "params": float(block.params),
        "macs": float(block.macs),
        "activations": float(sum(math.prod(s.shape) for s in layers)),
        "log_weights": sum(_log_weights(s, steps) for s in layers),
        "layers": float(len(layers)),
        "log_width": sum(math.log2(s.shape[0]) for s in layers),
        **counts,
        "spatial": float(len(kernels)),
        "kernel": sum(kernels),
        "blocks": float(bool(convs)),
        "expansion": math.log2(max((out for out, _ in convs), default=enters) / enters),
        "gates": float(len(gates)),
        "squeeze": sum(_squeeze(s, steps) for s in gates),
        "shortcuts": float(found.skipping > 0 and bool(layers)),
        "joins": float(len(joins)),
        "joined": float(sum(joins)),
        "longest": found.convs.most,
        "shortest": found.convs.least,
        "log_ways": math.log(found.count) if found.count else 0.0,
    }


def _log_weights(step: Step, steps: Sequence[Step]) -> float:
    tensors = step.op.parameters([steps[k].shape for k in step.inputs]) if step.op else {}
    return math.log(math.prod(tensors["weight"])) if tensors else 0.0


def _squeeze(gate: Step, steps: Sequence[Step]) -> float:
    """Log to base 2 of the narrowest map behind a gate; 0 where nothing is computed for it."""
    widths, at = [], gate.inputs[-1]
    while steps[at].op is not None and steps[at].shape[1:] == (1, 1):
        if isinstance(steps[at].op, Conv):
            widths.append(steps[at].shape[0])
        at = steps[at].inputs[0]
    return math.log2(min(widths)) if widths else 0.0
