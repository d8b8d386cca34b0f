"""The parts of a network whose times add up: its blocks, described so that equal ones are known.

A part is the unit that the table measures: a whole layer of a stage (an inverted residual with its
norms, activations, gate and sum), the stem, the head, the classifier.  Runtimes fuse and overlap
single operations within a layer, so operations are too small; between layers they hand over one
tensor.  Where more than one tensor is handed over (cells that read two), blocks are taken together
until only one is.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from netwright.arch.block import Block
from netwright.arch.graph import Architecture
from netwright.arch.operation import Shape, Step
from netwright.arch.ops import (
    Activation,
    BatchNorm,
    Conv,
    GlobalPool,
    Linear,
    Pool,
)

FEATURES = (
    "dense_macs", "dense_macs_padded", "depthwise_macs", "weights", "dense_read",
    "dense_written", "depthwise_read", "depthwise_written", "mapped", "curved", "pooled",
    "operations",
)  # fmt: skip
"""What is counted of a part; every count of a network is the sum over its parts."""

_LANES = 16  # channels that a vector unit takes at once; others are filled up with nothing
_CURVED = ("silu", "gelu", "tanh", "sigmoid", "hard_swish", "hard_sigmoid")
_SKIP = re.compile("_(no|pool)?skip$")  # may be on where it cannot fit; the operations tell
_AT = {name: i for i, name in enumerate(FEATURES)}


@dataclass(frozen=True, kw_only=True)
class Part:
    """What the table knows a part by.

    Args:
        key: Equal for parts that do the same work: the label, the shape that enters, and a digest
            of the operations.
        features: Counts for one image, in the order of ``FEATURES``.
        names: Of its nodes in its network.
    """

    key: str
    features: tuple[float, ...]
    names: tuple[str, ...] = ()


def parts_of(arch: Architecture, *, named: bool = True) -> tuple[Part, ...]:
    """The parts of a network, in the order in which they run.

    Args:
        arch: Any network; what only its auxiliary classifier needs is left out.
        named: Whether the names of the nodes are asked for; without them it is a look-up.
    """
    if arch.is_chain and not named:
        return tuple([_unnamed(place.block) for place in arch.placed])
    found: list[Part] = []
    for places in _together(arch):
        names: list[str] = []
        for number in places:
            prefix, block, _ = arch.placed[number]
            names += [f"{prefix}.{n.name}" if prefix else n.name for n in block.nodes]
        blocks = [arch.placed[number].block for number in places]
        if len(blocks) == 1:
            key, features = _described(blocks[0])
        else:
            key, features = _described_together(arch, places, blocks)
        found.append(Part(key=key, features=features, names=tuple(names)))
    return tuple(found)


def added(features: Iterable[Sequence[float]]) -> tuple[float, ...]:
    """The counts of several parts together."""
    return tuple(map(float, map(sum, zip(*features, strict=True))))


def _together(arch: Architecture) -> list[list[int]]:
    """Numbers of the blocks of each part: cut wherever a single tensor is handed over."""
    count = len(arch.placed)
    if arch.is_chain:
        return [[k] for k in range(count)]
    alive, last_read = {count}, [0] * (count + 1)  # tensors that reach the logits, and where to
    for number in reversed(range(count)):
        if number + 1 in alive:
            alive.update(arch.placed[number].inputs)
            for i in arch.placed[number].inputs:
                last_read[i] = max(last_read[i], number)
    found: list[list[int]] = []
    now: list[int] = []
    for number in range(count):
        if number + 1 in alive:
            now.append(number)
        # from here on nothing but the tensor of this block, which is number + 1, may be read
        if now and now[-1] == number and max(last_read[: number + 1]) <= number:
            found.append(now)
            now = []
    return found


@lru_cache(maxsize=65536)
def _unnamed(block: Block) -> Part:
    key, features = _described(block)
    return Part(key=key, features=features)


@lru_cache(maxsize=65536)
def _described(block: Block) -> tuple[str, tuple[float, ...]]:
    steps = (*(Step(None, (), shape) for shape in block.input_shapes), *block.steps)
    return _key(block.label, block.input_shapes[0], steps), _counted(steps)


def _described_together(
    arch: Architecture, places: Sequence[int], blocks: Sequence[Block]
) -> tuple[str, tuple[float, ...]]:
    each = [_described(block) for block in blocks]
    own = {number + 1: k for k, number in enumerate(places)}
    wiring = [[own.get(i, -1) for i in arch.placed[n].inputs] for n in places]
    inner = hashlib.blake2b(
        json.dumps([[key for key, _ in each], wiring]).encode(), digest_size=6
    ).hexdigest()
    shape = "x".join(map(str, blocks[0].input_shapes[0]))
    return f"{len(blocks)}_blocks@{shape}#{inner}", added(f for _, f in each)


def _key(label: str, shape: Shape, steps: Sequence[Step]) -> str:
    """The label is for people; the digest leaves out what costs no time."""
    number: list[int] = []  # step → the step whose tensor it gives
    terms = []
    for k, (op, inputs, out) in enumerate(steps):
        reads = [number[i] for i in inputs]
        if op is not None and op.alias:
            number.append(reads[0])
            continue
        number.append(k)
        what = "image" if op is None else op.kind if isinstance(op, BatchNorm) else op.key
        terms.append(f"{what}:{[number.index(r) for r in reads]}:{out}")
    digest = hashlib.blake2b("|".join(terms).encode(), digest_size=6).hexdigest()
    return f"{_SKIP.sub('', label)}@{'x'.join(map(str, shape))}#{digest}"


def _counted(steps: Sequence[Step]) -> tuple[float, ...]:
    counts = [0.0] * len(FEATURES)

    def count(name: str, value: float) -> None:
        counts[_AT[name]] += value

    for op, inputs, out in steps:
        if op is None or op.alias:
            continue
        shapes = [steps[i].shape for i in inputs]
        read, written = sum(map(math.prod, shapes)), math.prod(out)
        count("operations", 1)
        if isinstance(op, Conv | Linear):
            weights = sum(map(math.prod, op.parameters(shapes).values()))
            count("weights", weights)
            deep = isinstance(op, Conv) and op.groups > 1
            if deep:
                count("depthwise_macs", op.macs(shapes))
                count("depthwise_read", read)
                count("depthwise_written", written)
                continue
            macs = op.macs(shapes)
            padding = _padded(out[0]) / out[0] * _padded(shapes[0][0]) / shapes[0][0]
            count("dense_macs", macs)
            count("dense_macs_padded", macs * padding)
            count("dense_read", read)
            count("dense_written", written)
        elif isinstance(op, Pool | GlobalPool):
            count("pooled", read if isinstance(op, GlobalPool) else written)
        else:
            count("mapped", written)
            if isinstance(op, Activation) and op.name in _CURVED:
                count("curved", written)
    return tuple(counts)


def _padded(channels: int) -> int:
    return math.ceil(channels / _LANES) * _LANES
