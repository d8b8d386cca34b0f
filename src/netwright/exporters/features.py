"""Feature maps by stride: a network without its classifier, for detection and segmentation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from torch import Tensor, nn

from netwright.arch.graph import Architecture, Placed
from netwright.arch.ops import Activation, BatchNorm, Conv
from netwright.arch.window import pair
from netwright.errors import UsageError
from netwright.exporters.network import Network
from netwright.nn.build import assemble, needed


@dataclass(frozen=True, kw_only=True)
class Level:
    """The last map of one size.

    Args:
        block: Number of the placed block that gives it, from 1.
        node: Name of the node that gives it.
        stride: Pixels of the image per pixel of the map, along a side.
        channels: Of the map.
    """

    block: int
    node: str
    stride: int
    channels: int


def levels(arch: Architecture) -> tuple[Level, ...]:
    """The last map of every size, from the largest to the smallest.

    A 1x1 convolution in front of the classifier, which widens the map for it alone, is left out,
    as timm's ``features_only`` does.

    Raises:
        UsageError: If the network gives no feature map.
    """
    maps = [
        (number, place)
        for number, place in enumerate(arch.placed, start=1)
        if len(place.block.out_shape) == 3 and number != arch.aux
    ]
    if len(maps) > 1 and _widens(maps[-1][1]):
        maps.pop()
    last = {place.block.out_shape[1:]: (number, place) for number, place in maps}
    if not last:
        raise UsageError(f"{arch.name or arch.id} gives no feature map; its blocks give vectors.")
    height = arch.input_shape[1]
    found = []
    for number, place in sorted(last.values()):
        channels, rows, _ = place.block.out_shape
        name = place.block.nodes[-1].name
        node = f"{place.prefix}.{name}" if place.prefix else name
        stride = round(height / rows)
        found.append(Level(block=number, node=node, stride=stride, channels=channels))
    return tuple(found)


def _widens(place: Placed) -> bool:
    nodes = [node.op for node in place.block.nodes]
    plain = all(isinstance(op, Conv | BatchNorm | Activation) for op in nodes)
    convs = [op for op in nodes if isinstance(op, Conv)]
    return plain and len(convs) == 1 and pair(convs[0].kernel) == pair(convs[0].stride) == (1, 1)


class Features(nn.Module):
    """A network's feature maps, for images of any size; ``strides`` and ``channels`` tell which.

    Args:
        network: Its weights are shared, not copied.
        strides: Which maps to give; all where None.

    Raises:
        UsageError: If the network has no map of a stride.
    """

    def __init__(self, network: Network, *, strides: Collection[int] | None = None) -> None:
        super().__init__()
        found = levels(network.arch)
        known = [level.stride for level in found]
        missing = [stride for stride in strides or () if stride not in known]
        if missing:
            raise UsageError(
                f"{network.name} has no feature map of stride {missing[0]}; it has "
                f"{', '.join(map(str, known))}."
            )
        self.levels = tuple(v for v in found if strides is None or v.stride in strides)
        ends = [level.node for level in self.levels]
        arch = network.arch
        body = assemble(needed(arch, ends), ends, input_shape=arch.input_shape, name=arch.name)
        state = network.state
        body.load_state_dict({key: state[key] for key in body.state_dict()}, assign=True)
        self.body = body
        self.train(network.module.training)

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels of the image per pixel of each map, along a side."""
        return tuple(level.stride for level in self.levels)

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each map."""
        return tuple(level.channels for level in self.levels)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, C, H, W) to maps (B, channels, H / stride, W / stride), largest first."""
        maps: Tensor | tuple[Tensor, ...] = self.body(images)
        return [maps] if isinstance(maps, Tensor) else list(maps)
