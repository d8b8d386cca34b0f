"""A staged network at another size, and single steps that fill what is left under a limit.

Scaling multiplies all stages at once and rounds, so that between two networks on its path lie many
that it never makes.  ``filled`` walks towards the next of them by the smallest changes there are:
one layer more in one stage, 8 channels more in one stage, stem or head, or the smallest step of
the image's side that leaves another map behind the stem.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from netwright.arch.rounding import round_filters, round_repeats
from netwright.arch.staged import Layer, Staged
from netwright.errors import UsageError

CHANNEL_STEP = 8  # the divisor of round_filters
Part = tuple[Literal["depth", "width", "side"], int]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What scaling changes of a staged network.

    Args:
        depths: Layers of every stage.
        widths: Channels of the stem, of every stage by layers of the base network, of the head.
        sides: Height and width of the image in pixels.
        steps: Single steps that were added to coefficients.
    """

    depths: tuple[int, ...]
    widths: tuple[tuple[int, ...], ...]
    sides: tuple[int, int]
    steps: int = 0


def scaled_sizes(base: Staged, depth: float, width: float, sides: tuple[int, int]) -> Sizes:
    """The sizes under coefficients, rounded as published.

    Args:
        base: What is scaled.
        depth: Factor on the layers of every stage.
        width: Factor on the channels of stem, stages and head.
        sides: Height and width of the image in pixels.
    """
    parts = ((base.stem,), *base.stages, (base.head,))
    return Sizes(
        depths=tuple(round_repeats(len(layers), depth) for layers in base.stages),
        widths=tuple(tuple(round_filters(x.out, width) for x in layers) for layers in parts),
        sides=sides,
    )


def resized(base: Staged, sizes: Sizes, *, name: str) -> Staged:
    """The base network at other sizes.

    Layers are stretched or thinned evenly; the first of a stage stays the first, and alone may
    stride.

    Args:
        base: Stages to take layers from.
        sizes: As ``scaled_sizes`` makes them of the same base.
        name: What to call the result.

    Raises:
        UsageError: If a later layer of a stage halves the map.
    """
    (stem,), *stages, (head,) = sizes.widths
    return replace(
        base,
        input_shape=(base.input_shape[0], *sizes.sides),
        stem=replace(base.stem, out=stem),
        stages=tuple(map(_resized_stage, base.stages, sizes.depths, stages)),
        head=replace(base.head, out=head),
        name=name,
    )


def _resized_stage(
    layers: tuple[Layer, ...], count: int, widths: tuple[int, ...]
) -> tuple[Layer, ...]:
    if any(layer.stride != 1 for layer in layers[1:]):
        raise UsageError("A stage that halves the map after its first layer cannot be scaled.")
    chosen = [i * len(layers) // count for i in range(count)]
    first, *rest = [replace(layers[i], out=widths[i]) for i in chosen]
    return (first, *[replace(layer, stride=1) for layer in rest])


@dataclass(frozen=True, kw_only=True)
class Step:
    """One size of one part raised by the least there is.

    Args:
        due: The φ at which the exact product reaches the new size.
        part: Depth of a stage, width of stem, stage or head (counted in this order), or the side.
        to: Layers, channels of the part's last layer, or height in pixels.
    """

    due: float
    part: Part
    to: int


def steps_between(
    base: Staged, now: Sizes, top: Sizes, *, growth: tuple[float, float, float]
) -> list[Step]:
    """All single steps from some sizes to larger ones, that which is due first coming first.

    Args:
        base: What is scaled.
        now: Where to begin.
        top: What no size may exceed.
        growth: Depth, width and side per φ.
    """
    alpha, beta, gamma = growth
    found: list[Step] = []

    def add(part: Part, values: Iterator[int] | range, start: int, factor: float) -> None:
        found.extend(Step(due=math.log(to / start, factor), part=part, to=to) for to in values)

    if alpha > 1:
        for s, (low, high) in enumerate(zip(now.depths, top.depths, strict=True)):
            add(("depth", s), range(low + 1, high + 1), len(base.stages[s]), alpha)
    if beta > 1:
        parts = ((base.stem,), *base.stages, (base.head,))
        for p, (least, most) in enumerate(zip(now.widths, top.widths, strict=True)):
            values = range(_wider(least[-1]), most[-1] + 1, CHANNEL_STEP)
            add(("width", p), values, parts[p][-1].out, beta)
    if gamma > 1:
        stride, height = base.stem.stride, now.sides[0]
        values = range((height // stride + 1) * stride, top.sides[0] + 1, stride)
        add(("side", 0), values, base.input_shape[1], gamma)
    return sorted(found, key=lambda step: (step.due, step.part))


def _wider(channels: int) -> int:
    """The next multiple of ``CHANNEL_STEP``."""
    return (channels // CHANNEL_STEP + 1) * CHANNEL_STEP


def taken(sizes: Sizes, step: Step) -> Sizes:
    """The sizes after a step."""
    (what, number), more = step.part, sizes.steps + 1
    if what == "depth":
        depths = _with(sizes.depths, number, step.to)
        return replace(sizes, depths=depths, steps=more)
    if what == "width":
        wider = tuple(_wider(channels) for channels in sizes.widths[number])
        return replace(sizes, widths=_with(sizes.widths, number, wider), steps=more)
    height, width = sizes.sides
    across = max(1, round(width * step.to / height))
    return replace(sizes, sides=(step.to, across), steps=more)


def _with(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    return (*items[:index], item, *items[index + 1 :])


def filled(now: Sizes, steps: list[Step], share: Callable[[Sizes], float]) -> Sizes:
    """The sizes after every step, in order, that uses more of the limit and stays within it.

    A part whose step did not fit stays as it is.  Because the order is the same for every limit, a
    higher limit never ends in a cheaper network.

    Args:
        now: Sizes within the limit.
        steps: As ``steps_between`` orders them.
        share: How much of the limit a network of these sizes takes; 1 is all.
    """
    used, stuck = share(now), set[Part]()
    for step in steps:
        if step.part in stuck:
            continue
        larger = taken(now, step)
        more = share(larger)
        if used < more <= 1:
            now, used = larger, more
        else:
            stuck.add(step.part)
    return now
