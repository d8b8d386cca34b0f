"""A network as its paper lists it: stages in timm's notation, and how far they are scaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from netwright.arch.blocks import PLAIN, Style
from netwright.arch.graph import Architecture
from netwright.arch.ops import Shape
from netwright.arch.rounding import Multipliers
from netwright.arch.staged import Layer, Staged, parse_stage
from netwright.errors import UnknownNameError, UsageError
from netwright.spaces.factorised import Plan

AS_IS = Multipliers()


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A published network of the MnasNet and EfficientNet families.

    Args:
        stages: Of the network that it is scaled from.
        plan: The space around that network; scaled alike, it holds this one.
        stem: Channels of the first convolution, before scaling.
        head: Channels of the last, before scaling.
        scale: How far it is widened and deepened.
        resolution: Height and width of the images it was published for.
        dropout: Rate before the classifier in the published training.
        drop_path: Rate of drop-connect at the end of the network in the published training.
        style: Activation, padding, batch norm.
    """

    stages: tuple[str, ...]
    plan: Plan
    stem: int = 32
    head: int = 1280
    scale: Multipliers = AS_IS
    resolution: int = 224
    dropout: float = 0.2
    drop_path: float = 0.0
    style: Style = PLAIN

    def staged(self, image: Shape, classes: int, *, name: str) -> Staged:
        """The network for images of shape ``(C, H, W)``, without dropout and drop-connect."""
        last = len(self.stages) - 1
        stages = []
        for i, text in enumerate(self.stages):
            layers = parse_stage(text, self.style)
            repeats = self.scale.repeats(len(layers), end=i in (0, last))
            out = self.scale.channels(layers[0].out)
            stages.append(_resized(layers, out, repeats))
        stem = Layer(
            kind="cn",
            out=self.scale.channels(self.stem, "stem"),
            stride=2,
            skip=False,
            style=self.style,
        )
        head = Layer(
            kind="cn",
            out=self.scale.channels(self.head, "head"),
            kernel=1,
            skip=False,
            style=self.style,
        )
        return Staged(
            input_shape=image,
            stem=stem,
            stages=tuple(stages),
            head=head,
            classes=classes,
            name=name,
        )


def _resized(layers: tuple[Layer, ...], out: int, repeats: int) -> tuple[Layer, ...]:
    first = replace(layers[0], out=out)
    return (first, *[replace(first, stride=1)] * (repeats - 1))


def listed(table: Mapping[str, Listing], name: str) -> Listing:
    """The entry of that name.

    Raises:
        UnknownNameError: If there is none.
    """
    if name not in table:
        raise UnknownNameError("architecture", name, table)
    return table[name]


def architecture(
    listing: Listing,
    *,
    name: str,
    classes: int = 1000,
    resolution: int | None = None,
    channels: int = 3,
    dropout: float | None = 0.0,
    drop_path: float | None = 0.0,
) -> Architecture:
    """The published network.

    Args:
        listing: Its entry.
        name: Its name.
        classes: Length of the logits.
        resolution: Height and width of the images; None: as published.
        channels: 3 for colour, 1 for grey.
        dropout: Rate before the classifier; None: as published.
        drop_path: Rate of drop-connect at the end of the network; None: as published.

    Raises:
        UsageError: If a size or a rate makes no sense.
    """
    side = listing.resolution if resolution is None else resolution
    drop = listing.dropout if dropout is None else dropout
    path = listing.drop_path if drop_path is None else drop_path
    for what, rate in (("dropout", drop), ("drop_path", path)):
        if not 0 <= rate < 1:
            raise UsageError(f"{what} is a rate from 0 up to 1; {rate} came.")
    if min(classes, side, channels) < 1:
        raise UsageError(
            f"{name} needs at least one class, pixel and channel; {classes} classes, "
            f"{side} pixels and {channels} channels came."
        )
    staged = listing.staged((channels, side, side), classes, name=name)
    return replace(staged, dropout=drop, drop_path=path).architecture()
