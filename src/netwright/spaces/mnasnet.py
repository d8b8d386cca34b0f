"""``mnasnet``: the factorised hierarchical space of MnasNet, and the networks found in it.

Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile" (CVPR 2019).  Seven
blocks, 432 choices each.  The paper draws widths as 0.75, 1 or 1.25 times MobileNetV2's, but the
networks it found are off that grid (A1 has 112 channels, B1 192), so the width and depth lists
here are explicit ones that hold A1, B1 and EfficientNet-B0's plan.  What the paper leaves open:
``pool`` adds the 3×3 mean of a layer's input wherever the channels agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from netwright.arch.blocks import PLAIN
from netwright.arch.graph import Architecture
from netwright.arch.ops import ActivationName
from netwright.arch.rounding import Multipliers
from netwright.contracts import Choice
from netwright.errors import UsageError
from netwright.records import Tokens
from netwright.spaces import factorised
from netwright.spaces.factorised import Plan
from netwright.spaces.published import Listing, architecture, listed
from netwright.spaces.tokens import check

PLAN = Plan(
    widths=(
        (8, 16, 24),
        (16, 24, 32),
        (24, 32, 40),
        (48, 64, 80),
        (80, 96, 112),
        (120, 160, 192),
        (240, 320, 400),
    ),
    depths=((1, 2, 3), (1, 2, 3), (2, 3, 4), (3, 4, 5), (2, 3, 4), (2, 3, 4), (1, 2, 3)),
)
A1 = (
    "ds_r1_k3_s1_c16_noskip",
    "ir_r2_k3_s2_e6_c24",
    "ir_r3_k5_s2_e3_c40_se0.25",
    "ir_r4_k3_s2_e6_c80",
    "ir_r2_k3_s1_e6_c112_se0.25",
    "ir_r3_k5_s2_e6_c160_se0.25",
    "ir_r1_k3_s1_e6_c320",
)
B1 = (
    "ds_r1_k3_s1_c16_noskip",
    "ir_r3_k3_s2_e3_c24",
    "ir_r3_k5_s2_e3_c40",
    "ir_r3_k5_s2_e6_c80",
    "ir_r2_k3_s1_e6_c96",
    "ir_r4_k5_s2_e6_c192",
    "ir_r1_k3_s1_e6_c320_noskip",
)
SMALL = (
    "ds_r1_k3_s1_c8",
    "ir_r1_k3_s2_e3_c16",
    "ir_r2_k3_s2_e6_c16",
    "ir_r4_k5_s2_e6_c32_se0.25",
    "ir_r3_k3_s1_e6_c32_se0.25",
    "ir_r3_k5_s2_e6_c88_se0.25",
    "ir_r1_k3_s1_e6_c144",
)
SMALL_PLAN = factorised.around(
    SMALL, stem=8, head=1280, ops=PLAN.ops, skips=PLAN.skips, style=PLAIN
)


def _width(stages: tuple[str, ...], width: float) -> Listing:
    return Listing(stages=stages, plan=PLAN, scale=Multipliers(width=width, fixed=("head",)))


PUBLISHED: Mapping[str, Listing] = {
    "mnasnet_a1": _width(A1, 1.0),
    "mnasnet_b1": _width(B1, 1.0),
    "mnasnet_small": Listing(stages=SMALL, plan=SMALL_PLAN, stem=8),
    **{f"semnasnet_{n:03d}": _width(A1, n / 100) for n in (50, 75, 100, 140)},
    **{f"mnasnet_{n:03d}": _width(B1, n / 100) for n in (50, 75, 100, 140)},
}
NEVER_RELEASED: Mapping[str, str] = {
    "mnasnet_a2": "4.8M parameters, 340M MACs, 75.6% top-1",
    "mnasnet_a3": "5.2M parameters, 403M MACs, 76.7% top-1",
}


@dataclass(frozen=True, kw_only=True)
class MnasNetSpace:
    """Seven blocks of identical layers: operation, kernel, SE, skip, width and depth of each.

    The strides are the published ones from 128 px up; for smaller images the first of them become
    1 (``factorised.fitted_strides``), so one row of tokens is a sensible network at any size.

    Args:
        classes: Length of the logits.
        resolution: Height and width of the images.
        channels: 3 for colour, 1 for grey.
        plan: The lists to choose from.

    Raises:
        UsageError: If there are no images, channels or classes.
    """

    classes: int = 1000
    resolution: int = 224
    channels: int = 3
    plan: Plan = PLAN

    def __post_init__(self) -> None:
        factorised.check_sizes(self.name, self.classes, self.resolution, self.channels)

    @property
    def name(self) -> str:
        """Its name in the catalogue."""
        return "mnasnet"

    def with_activation(self, name: ActivationName) -> MnasNetSpace:
        """The same space with another activation throughout."""
        style = replace(self.plan.style, activation=name, se_activation=None)
        return replace(self, plan=replace(self.plan, style=style))

    @cached_property
    def _strides(self) -> tuple[int, ...]:
        return factorised.fitted_strides(self.plan, self.resolution)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """42 decisions, six a block."""
        return factorised.choices(self.plan)

    @cached_property
    def size(self) -> int:
        """Number of canonical candidates."""
        return factorised.size(self.plan, self._strides)

    def canonical(self, tokens: Tokens) -> Tokens:
        """Skips that no layer of their block can have, set to 0.

        Raises:
            TokenError: If the tokens are no candidate of this space.
        """
        return factorised.canonical(self.plan, self._strides, check(self, tokens))

    def decode(self, tokens: Tokens) -> Architecture:
        """The network that the tokens describe, its nodes named as timm names them.

        Raises:
            TokenError: If the tokens are no candidate of this space.
        """
        image = (self.channels, self.resolution, self.resolution)
        return factorised.decode(
            self.plan,
            self._strides,
            check(self, tokens),
            image=image,
            classes=self.classes,
            name=self.name,
        )

    def encode(self, arch: Architecture) -> Tokens:
        """The tokens of a network.

        Raises:
            TokenError: If it is no member of this space.
        """
        return factorised.encode(self, self.plan, arch)


def published(
    name: str,
    *,
    classes: int = 1000,
    resolution: int | None = None,
    channels: int = 3,
    dropout: float | None = 0.0,
    drop_path: float | None = 0.0,
) -> Architecture:
    """A network that the paper or its code gives, with timm's names and state-dict keys.

    A rate or resolution of None is the published one.  Strides are always the published ones; for
    small images, decode the network's tokens in a space of that resolution instead.

    Raises:
        UnknownNameError: If there is no network of that name in ``PUBLISHED``.
        UsageError: For A2 and A3, whose blocks were never released.
    """
    return architecture(
        _listing(name),
        name=name,
        classes=classes,
        resolution=resolution,
        channels=channels,
        dropout=dropout,
        drop_path=drop_path,
    )


def home(
    name: str, *, classes: int = 1000, resolution: int | None = None, channels: int = 3
) -> MnasNetSpace:
    """The space that a published network is a member of; the width variants have scaled lists.

    Raises:
        UnknownNameError: If there is no network of that name in ``PUBLISHED``.
        UsageError: For A2 and A3, whose blocks were never released.
    """
    listing = _listing(name)
    return MnasNetSpace(
        classes=classes,
        resolution=listing.resolution if resolution is None else resolution,
        channels=channels,
        plan=listing.plan.scaled(listing.scale),
    )


def _listing(name: str) -> Listing:
    if name in NEVER_RELEASED:
        raise UsageError(
            f"The blocks of {name} ({NEVER_RELEASED[name]}) were never released, so it cannot be "
            "built. Take mnasnet_a1, or scale it: netwright scale mnasnet_a1 --to-macs 340M."
        )
    return listed(PUBLISHED, name)
