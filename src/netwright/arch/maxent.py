"""Maximum entropy of a network's widths, kernels and depth: MadNAS and DeepMAD in closed form.

Both see a network as stages, one per size of map, and read nothing but counts.  Layers whose map
has one position (squeeze-and-excitation, the classifier) add nothing.

Both are those of TinyNAS (alibaba/lightweight-neural-architecture-search): MadNAS is MAE-DET's
(Sun et al., ICML 2022, arXiv 2111.13336); DeepMAD is Shen et al., CVPR 2023, arXiv 2303.02165.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from netwright.arch.graph import INPUT, Architecture
from netwright.arch.ops import Conv, Linear, Zero

MADNAS_WEIGHTS = (0.0, 0.0, 1.0, 1.0, 6.0)
DEEPMAD_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 8.0)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A convolution, or a linear layer at every position, that the output depends on."""

    name: str
    inputs: int
    """Channels that enter, all groups together."""
    groups: int
    kernel: int
    """Pixels of its window: 9 for 3x3."""
    channels: int
    positions: int
    """Pixels of its output."""
    before: tuple[str, ...]
    """The layers whose outputs it is made of, with no layer between."""


def madnas(layers: Sequence[Layer], *, weights: Sequence[float] = MADNAS_WEIGHTS) -> float:
    """Weighted sum over stages of ``log C + sum of log sqrt(C_in k^2 / g)`` up to its end.

    The sum runs over the longest path, by that sum, from the image to the stage's end; C is the
    channels of the stage's last layer.  The last weight is the last stage's; a network of more
    stages than weights gives its first ones none.

    Args:
        layers: In the order in which they run.
        weights: Of stages; the detection networks' of the paper.

    Raises:
        ValueError: Without a layer on a map.
    """
    terms = {
        layer.name: math.log(layer.inputs * layer.kernel / layer.groups) / 2 for layer in layers
    }
    stages = _stages(layers, _sums(layers, terms))
    return _weighted([math.log(last.channels) + entropy for last, entropy in stages], weights)


def deepmad(
    layers: Sequence[Layer],
    *,
    channel_power: float = 1.0,
    kernel_power: float = 1.0,
    weights: Sequence[float] = DEEPMAD_WEIGHTS,
) -> float:
    """Weighted sum over stages of ``(log C + log HW)`` times the sum that leads to its end.

    A layer adds ``log sqrt((C_in / g)^a1 k^(2 a2))``.  The paper's search also bounds how deep a
    network may be for its width, and punishes stages of uneven depth; these are limits of a
    search, not parts of the score.

    Args:
        layers: In the order in which they run.
        channel_power: a1; 1 in the published settings for ResNet-50's budget and 50M parameters.
        kernel_power: a2; 1 there too.
        weights: Of stages; the last is the last stage's.

    Raises:
        ValueError: Without a layer on a map.
    """
    terms = {
        layer.name: channel_power * math.log(layer.inputs / layer.groups) / 2
        + kernel_power * math.log(layer.kernel) / 2
        for layer in layers
    }
    stages = _stages(layers, _sums(layers, terms))
    scores = [(math.log(last.channels) + math.log(last.positions)) * e for last, e in stages]
    return _weighted(scores, weights)


def layers_of(arch: Architecture) -> list[Layer]:
    """The layers on maps of a graph, in the order in which they run, dead ones left out."""
    shapes = {INPUT: arch.input_shape} | {node.name: node.shape for node in arch.nodes}
    alive = {arch.outputs[0]}
    for node in reversed(arch.nodes):
        if node.name in alive and not isinstance(node.op, Zero):
            alive.update(node.inputs)
    made_of: dict[str, tuple[str, ...]] = {INPUT: ()}
    found: list[Layer] = []
    for node in arch.nodes:
        before = tuple(dict.fromkeys(name for i in node.inputs for name in made_of[i]))
        made_of[node.name] = before
        positions = math.prod(node.shape[1:])
        if node.name not in alive or positions == 1 or not isinstance(node.op, Conv | Linear):
            continue
        weight = node.op.parameters([shapes[i] for i in node.inputs])["weight"]
        groups = node.op.groups if isinstance(node.op, Conv) else 1
        layer = Layer(
            name=node.name,
            inputs=shapes[node.inputs[0]][0],
            groups=groups,
            kernel=math.prod(weight[2:]),
            channels=node.shape[0],
            positions=positions,
            before=before,
        )
        found.append(layer)
        made_of[node.name] = (layer.name,)
    return found


def _sums(layers: Sequence[Layer], terms: dict[str, float]) -> dict[str, float]:
    """The largest sum of terms on a path from the image through each layer."""
    sums: dict[str, float] = {}
    for layer in layers:
        below = max((sums[name] for name in layer.before), default=0.0)
        sums[layer.name] = below + terms[layer.name]
    return sums


def _stages(layers: Sequence[Layer], sums: dict[str, float]) -> list[tuple[Layer, float]]:
    """Of every size of map, in order of first use: its last layer, and the largest sum in it."""
    if not layers:
        raise ValueError("no convolution of a map with more than one position")
    stages: dict[int, tuple[Layer, float]] = {}
    for layer in layers:
        so_far = stages[layer.positions][1] if layer.positions in stages else -math.inf
        stages[layer.positions] = layer, max(so_far, sums[layer.name])
    return list(stages.values())


def _weighted(scores: Sequence[float], weights: Sequence[float]) -> float:
    pairs = zip(reversed(scores), reversed(weights), strict=False)
    return math.fsum(score * weight for score, weight in pairs)
