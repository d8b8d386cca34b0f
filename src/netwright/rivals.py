"""Published networks as rivals of a search: MobileNetV2 and EfficientNet-B0 at the same cost.

Both were designed for 224 px and halve the map five times, which would leave a single pixel of a
small image.  One rule makes them fair: strides are taken off, from the first, until the last map
is at least 4 px high; where no network of the kind would be within the limits so, 2 px, then 1.
They are then scaled, depth and width by one factor, the images as they are, to the largest network
within every limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from netwright.arch.cost import COST_NAMES, LATENCY, cost
from netwright.arch.graph import Architecture
from netwright.arch.ops import Shape
from netwright.arch.staged import Layer, Staged, parse_stage
from netwright.errors import UsageError
from netwright.records import Budget
from netwright.scaling import Rule, Target, scale_to
from netwright.spaces.efficientnet import B0, RELU6, SILU
from netwright.spaces.landmarks import HEAD_WIDTH, MOBILENET_V2, STEM_WIDTH
from netwright.spaces.within import Costing

LEAST_MAPS = (4, 2, 1)  # pixels, of the last map; the first that the limits allow
_STAGES = {"mobilenet_v2": (MOBILENET_V2, RELU6), "efficientnet_b0": (B0, SILU)}
_RULE = Rule(alpha=1.2, beta=1.2, gamma=1.0)  # one factor: a width of 8 channels is far down


@dataclass(frozen=True, kw_only=True)
class Rivals:
    """The rivals that there are, and why others are not.

    Args:
        networks: By name.
        left_out: Reasons, by name.
    """

    networks: Mapping[str, Architecture]
    left_out: Mapping[str, str]


def rivals(
    image: Shape, classes: int, *, budget: Budget, macs: float, costing: Costing = cost
) -> Rivals:
    """MobileNetV2 and EfficientNet-B0 for these images, scaled to the limits of a search.

    Args:
        image: (C, H, W).
        classes: Length of the logits.
        budget: All its limits hold for the rivals too.
        macs: What they are scaled to where the budget does not limit MACs.
        costing: What a network costs.
    """
    limits = {"macs": macs, **budget.limits()}
    networks: dict[str, Architecture] = {}
    left_out: dict[str, str] = {}
    for name in _STAGES:
        for least in LEAST_MAPS:
            try:
                staged = published_for(name, image, classes, least_map=least)
                networks[name] = _scaled(staged, limits, costing)
                break
            except UsageError as err:
                left_out[name] = str(err)
    left_out = {name: why for name, why in left_out.items() if name not in networks}
    return Rivals(networks=networks, left_out=left_out)


def published_for(name: str, image: Shape, classes: int, *, least_map: int = 4) -> Staged:
    """A published network at its published width, with strides that suit the images.

    Args:
        name: ``mobilenet_v2`` or ``efficientnet_b0``.
        image: (C, H, W).
        classes: Length of the logits.
        least_map: Height of the last map in pixels, at least.
    """
    texts, style = _STAGES[name]
    stem = Layer(kind="cn", out=STEM_WIDTH, stride=2, skip=False, style=style)
    head = Layer(kind="cn", out=HEAD_WIDTH, kernel=1, skip=False, style=style)
    parts = [(stem,), *(parse_stage(text, style) for text in texts)]
    (stem,), *stages = fewer_strides(parts, min(image[1:]), least_map=least_map)
    return Staged(
        input_shape=image, stem=stem, stages=tuple(stages), head=head, classes=classes, name=name
    )


def fewer_strides(
    parts: list[tuple[Layer, ...]], side: int, *, least_map: int
) -> list[tuple[Layer, ...]]:
    """Stem and stages with strides taken off, from the first, until the last map is large enough.

    Args:
        parts: In order; the first layer of each may stride.
        side: Of the image in pixels.
        least_map: Height of the last map in pixels, at least.
    """
    found = list(parts)
    for number, layers in enumerate(parts):
        if _last_map(found, side) >= least_map:
            break
        found[number] = (replace(layers[0], stride=1), *layers[1:])
    return found


def _last_map(parts: list[tuple[Layer, ...]], side: int) -> int:
    for layer in (layer for layers in parts for layer in layers):
        side = -(-side // layer.stride)
    return side


def _scaled(staged: Staged, limits: Mapping[str, float], costing: Costing) -> Architecture:
    """The largest network of the kind within every limit.

    Raises:
        UsageError: If a limit is out of its reach.
    """
    targets = [
        Target(name=name, measure=_measure(name, costing), limit=limit)
        for name, limit in limits.items()
        if name in (*COST_NAMES, LATENCY)
    ]
    return scale_to(staged.architecture(), *targets, rule=_RULE)


def _measure(name: str, costing: Costing) -> Callable[[Architecture], float]:
    return lambda arch: float(getattr(costing(arch), name))
