"""The picture of a network: a summary by stage."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from netwright.arch.graph import Architecture, Placed
from netwright.arch.ops import Shape


@dataclass(frozen=True, kw_only=True)
class StageLine:
    """A run of blocks of one stage.

    Args:
        name: Where it stands: ``stem``, ``blocks.2``, ``head`` or the block's prefix.
        blocks: Labels of its blocks in timm's notation, repeats counted: ``3x ir_k3_s1_e6_c24``.
        out_shape: Shape of its output, without the batch.
        params: Trainable numbers in it.
        macs: Multiply-adds in it.
        peak_elements: Most activation elements live at once inside one of its blocks.
    """

    name: str
    blocks: str
    out_shape: Shape
    params: int
    macs: int
    peak_elements: int


def stages(arch: Architecture) -> tuple[StageLine, ...]:
    """The network stage by stage, in running order."""
    lines = []
    for name, places in _grouped(arch):
        labels = itertools.groupby(p.block.label for p in places)
        counted = [(label, len(list(run))) for label, run in labels]
        lines.append(
            StageLine(
                name=name,
                blocks=", ".join(f"{n}x {label}" if n > 1 else label for label, n in counted),
                out_shape=places[-1].block.out_shape,
                params=sum(p.block.params for p in places),
                macs=sum(p.block.macs for p in places),
                peak_elements=max(p.block.peak_elements for p in places),
            )
        )
    return tuple(lines)


def _grouped(arch: Architecture) -> Iterator[tuple[str, list[Placed]]]:
    def stage(place: Placed) -> str:
        return place.prefix.rpartition(".")[0] or place.prefix

    for name, run in itertools.groupby(arch.placed, key=stage):
        places = list(run)
        if name:
            yield name, places
        elif places[0] is arch.placed[0]:
            yield "stem", places
        else:
            yield from ((_top_name(p), [p]) for p in places)


def _top_name(place: Placed) -> str:
    return "classifier" if len(place.block.out_shape) == 1 else "head"
