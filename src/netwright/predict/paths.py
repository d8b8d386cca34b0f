"""The ways through a block: which operations an image meets, at least, at most and on average.

After GRAF (Kadlecová et al., "Surprisingly Strong Performance Prediction with Neural Graph
Features", ICML 2024), whose features are counts of operations, lengths of paths that may use some
of them, and degrees by operation.  There they are defined on the edges of a cell; here on any
graph of primitive operations, where batch norms, activations and what is the identity at
inference are passed over, and a gate (squeeze-and-excitation) is passed along its value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from netwright.arch.operation import Op, Step
from netwright.arch.ops import Add, Concat, Conv, Linear, Multiply, Pool, Zero
from netwright.arch.window import pair

CLASSES = ("dense", "pointwise", "depthwise", "average", "maximum")
_JOINS = (Add, Concat)


def operation_class(op: Op | None, entering: int) -> str | None:
    """The class of an operation that counts on a path; None for the others.

    Args:
        op: The operation, or None for what enters a graph.
        entering: Channels that enter it.
    """
    if isinstance(op, Conv):
        if max(pair(op.kernel)) == 1:
            return "pointwise"
        return "depthwise" if op.groups == entering > 1 else "dense"
    if isinstance(op, Linear):
        return "pointwise"
    if isinstance(op, Pool):
        return "average" if op.mode == "avg" else "maximum"
    return None


@dataclass(frozen=True, kw_only=True)
class Length:
    """How many operations of some classes the paths through a graph meet."""

    least: float
    mean: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Ways:
    """What there is between the entrances and the output of a graph.

    Args:
        classes: For every step on a path its class, None for what is passed over or on no path.
        on_path: For every step whether a path leads over it.
        count: Number of paths.
        skipping: Number of paths that meet no operation that counts.
        convolving: Number of paths with a convolution and no pool.
        convs: Convolutions met.
        spatial: Convolutions that look at more than one pixel met.
        pools: Pools met.
        reach: Pixels by which the field of view grows, at stride 1.
        detour: Fewest convolutions on a path without a pool; one more than ``convs.most`` where
            there is none.
    """

    classes: tuple[str | None, ...]
    on_path: tuple[bool, ...]
    count: int
    skipping: int
    convolving: int
    convs: Length
    spatial: Length
    pools: Length
    reach: Length
    detour: float


def ways(steps: Sequence[Step]) -> Ways:
    """The ways through a graph.

    A zero ends a path, and so does being read by nothing.  A graph without paths has lengths 0.

    Args:
        steps: Values in running order; the last one is the output, those without an operation
            are the entrances.
    """
    reads = [_read(step) for step in steps]
    on_path = _on_path(steps, reads)
    classes = tuple(
        operation_class(step.op, steps[step.inputs[0]].shape[0]) if on and step.inputs else None
        for step, on in zip(steps, on_path, strict=True)
    )
    pool = [float(c in ("average", "maximum")) for c in classes]
    conv = [float(c is not None) - p for c, p in zip(classes, pool, strict=True)]
    spatial = [float(c in ("dense", "depthwise")) for c in classes]
    reach = [_reach(s.op) if c else 0.0 for s, c in zip(steps, classes, strict=True)]
    counts = _count(steps, reads, on_path, [False] * len(steps))
    total = counts[-1]
    plain = _count(steps, reads, on_path, [c is not None for c in classes])[-1]
    dry = _count(steps, reads, on_path, [p > 0 for p in pool])[-1]

    def length(weights: list[float]) -> Length:
        return _length(steps, reads, on_path, counts, weights)

    convs = length(conv)
    barred = [math.inf if p else c for c, p in zip(conv, pool, strict=True)]
    least = _extreme(steps, reads, on_path, barred)[0] if total else 0.0
    return Ways(
        classes=classes,
        on_path=tuple(on_path),
        count=total,
        skipping=plain,
        convolving=dry - plain,
        convs=convs,
        spatial=length(spatial),
        pools=length(pool),
        reach=length(reach),
        detour=least if math.isfinite(least) else convs.most + 1,
    )


def degrees(steps: Sequence[Step], found: Ways) -> tuple[dict[str, int], dict[str, int]]:
    """What reads the entrances of a graph and what brings its output, counted by class.

    Operations on no path are left out; ``skip`` counts joins (and the output) that read an
    entrance itself, and joins that the output reads with no operation in between.

    Args:
        steps: As for :func:`ways`.
        found: The ways through them.
    """
    names = (*CLASSES, "skip")
    first, last = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    origin = list(range(len(steps)))  # the value that each one is, but for what is passed over
    for i, step in enumerate(steps):
        reads = [k for k in _read(step) if found.on_path[k]]
        if not found.on_path[i] or not reads:
            continue
        kind = found.classes[i]
        if kind is None and not isinstance(step.op, _JOINS):
            origin[i] = origin[reads[0]]
            continue
        for k in reads:
            if steps[origin[k]].op is None:
                first[kind or "skip"] += 1
    end = origin[-1]
    if steps[end].op is None:
        first["skip"] += found.count > 0
    ends = [k for k in _read(steps[end]) if found.on_path[k]] if _joins(steps[end]) else [end]
    for k in ends if found.count else ():
        last[found.classes[origin[k]] or "skip"] += 1
    return first, last


def _joins(step: Step) -> bool:
    return isinstance(step.op, _JOINS)


def _read(step: Step) -> tuple[int, ...]:
    """What a path may come from."""
    if isinstance(step.op, Zero):
        return ()
    return step.inputs[:1] if isinstance(step.op, Multiply) else step.inputs


def _reach(op: Op | None) -> float:
    if isinstance(op, Conv):
        return op.dilation * (sum(pair(op.kernel)) / 2 - 1)
    return sum(pair(op.kernel)) / 2 - 1 if isinstance(op, Pool) else 0.0


def _on_path(steps: Sequence[Step], reads: Sequence[tuple[int, ...]]) -> list[bool]:
    fed = [False] * len(steps)
    for i, step in enumerate(steps):
        fed[i] = step.op is None or any(fed[k] for k in reads[i])
    wanted = [False] * len(steps)
    wanted[-1] = True
    for i in range(len(steps) - 1, -1, -1):
        if wanted[i]:
            for k in reads[i]:
                wanted[k] = True
    return [f and w for f, w in zip(fed, wanted, strict=True)]


def _count(
    steps: Sequence[Step],
    reads: Sequence[tuple[int, ...]],
    on_path: Sequence[bool],
    barred: Sequence[bool],
) -> list[int]:
    """Number of paths from the entrances to every value that avoid what is barred."""
    counts = [0] * len(steps)
    for i, step in enumerate(steps):
        if on_path[i] and not barred[i]:
            counts[i] = 1 if step.op is None else sum(counts[k] for k in reads[i])
    return counts


def _extreme(
    steps: Sequence[Step],
    reads: Sequence[tuple[int, ...]],
    on_path: Sequence[bool],
    weights: Sequence[float],
) -> tuple[float, float]:
    """Least and most weight of a path to the output."""
    least, most = [math.inf] * len(steps), [-math.inf] * len(steps)
    for i, step in enumerate(steps):
        if not on_path[i]:
            continue
        before = [k for k in reads[i] if on_path[k]]
        least[i] = weights[i] + (min(least[k] for k in before) if step.op else 0.0)
        most[i] = weights[i] + (max(most[k] for k in before) if step.op else 0.0)
    return least[-1], most[-1]


def _length(
    steps: Sequence[Step],
    reads: Sequence[tuple[int, ...]],
    on_path: Sequence[bool],
    counts: Sequence[int],
    weights: Sequence[float],
) -> Length:
    if not counts[-1]:
        return Length(least=0.0, mean=0.0, most=0.0)
    means = [0.0] * len(steps)  # over the paths to each value
    for i, step in enumerate(steps):
        if on_path[i]:
            before = sum(counts[k] * means[k] for k in reads[i]) if step.op else 0.0
            means[i] = weights[i] + before / counts[i]
    least, most = _extreme(steps, reads, on_path, weights)
    return Length(least=least, mean=means[-1], most=most)
