"""``efficientnet``: the space around EfficientNet-B0, and every published network of the family.

Tan & Le, "EfficientNet" (ICML 2019) searched MnasNet's space for accuracy × (FLOPs/400M)^-0.07
and found B0; B1 to L2 are B0 scaled.  Lite (no SE, ReLU6, ends not scaled) is its authors' version
for integer hardware.  "EfficientNetV2" (ICML 2021) adds fused blocks and searched anew.  ``tf_``
names pad as TensorFlow does and have its batch norm, as timm's do; the plain names are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from netwright.arch.blocks import Style
from netwright.arch.graph import Architecture
from netwright.arch.ops import ActivationName
from netwright.arch.rounding import Multipliers
from netwright.contracts import Choice
from netwright.records import Factor, Tokens
from netwright.spaces import factorised
from netwright.spaces.factorised import Plan
from netwright.spaces.published import Listing, architecture, listed
from netwright.spaces.tokens import check

SILU = Style(activation="silu")
RELU6 = Style(activation="relu6")
DROP_CONNECT = 0.2
B0 = (
    "ds_r1_k3_s1_c16_se0.25",
    "ir_r2_k3_s2_e6_c24_se0.25",
    "ir_r2_k5_s2_e6_c40_se0.25",
    "ir_r3_k3_s2_e6_c80_se0.25",
    "ir_r3_k5_s1_e6_c112_se0.25",
    "ir_r4_k5_s2_e6_c192_se0.25",
    "ir_r1_k3_s1_e6_c320_se0.25",
)
LITE0 = tuple(stage.removesuffix("_se0.25") for stage in B0)
V2_B0 = (
    "cn_r1_k3_s1_c16_skip",
    "er_r2_k3_s2_e4_c32",
    "er_r2_k3_s2_e4_c48",
    "ir_r3_k3_s2_e4_c96_se0.25",
    "ir_r5_k3_s1_e6_c112_se0.25",
    "ir_r8_k3_s2_e6_c192_se0.25",
)
V2_S = (
    "cn_r2_k3_s1_c24_skip",
    "er_r4_k3_s2_e4_c48",
    "er_r4_k3_s2_e4_c64",
    "ir_r6_k3_s2_e4_c128_se0.25",
    "ir_r9_k3_s1_e6_c160_se0.25",
    "ir_r15_k3_s2_e6_c256_se0.25",
)
V2_M = (
    "cn_r3_k3_s1_c24_skip",
    "er_r5_k3_s2_e4_c48",
    "er_r5_k3_s2_e4_c80",
    "ir_r7_k3_s2_e4_c160_se0.25",
    "ir_r14_k3_s1_e6_c176_se0.25",
    "ir_r18_k3_s2_e6_c304_se0.25",
    "ir_r5_k3_s1_e6_c512_se0.25",
)
V2_L = (
    "cn_r4_k3_s1_c32_skip",
    "er_r7_k3_s2_e4_c64",
    "er_r7_k3_s2_e4_c96",
    "ir_r10_k3_s2_e4_c192_se0.25",
    "ir_r19_k3_s1_e6_c224_se0.25",
    "ir_r25_k3_s2_e6_c384_se0.25",
    "ir_r7_k3_s1_e6_c640_se0.25",
)
V2_XL = (
    "cn_r4_k3_s1_c32_skip",
    "er_r8_k3_s2_e4_c64",
    "er_r8_k3_s2_e4_c96",
    "ir_r16_k3_s2_e4_c192_se0.25",
    "ir_r24_k3_s1_e6_c256_se0.25",
    "ir_r32_k3_s2_e6_c512_se0.25",
    "ir_r8_k3_s1_e6_c640_se0.25",
)
V1_OPS = ("dconv", "mbconv3", "mbconv6", "conv")
V2_OPS = ("mbconv1", "mbconv4", "mbconv6", "conv", "fused4", "fused6")


def _plan(stages: tuple[str, ...], style: Style = SILU, stem: int = 32) -> Plan:
    v2 = stages[0].startswith("cn")
    return factorised.around(
        stages,
        stem=stem,
        head=1280,
        ops=V2_OPS if v2 else V1_OPS,
        skips=("none", "identity") if v2 else ("none", "identity", "pool"),
        style=style,
    )


PLAN = _plan(B0)
FACTORS = (Factor(cost="macs", target=400e6),)  # accuracy × (MACs/400M)^-0.07, which found B0
_COMPOUND = {  # width, depth, resolution, dropout
    "b0": (1.0, 1.0, 224, 0.2),
    "b1": (1.0, 1.1, 240, 0.2),
    "b2": (1.1, 1.2, 260, 0.3),
    "b3": (1.2, 1.4, 300, 0.3),
    "b4": (1.4, 1.8, 380, 0.4),
    "b5": (1.6, 2.2, 456, 0.4),
    "b6": (1.8, 2.6, 528, 0.5),
    "b7": (2.0, 3.1, 600, 0.5),
    "b8": (2.2, 3.6, 672, 0.5),
    "l2": (4.3, 5.3, 800, 0.5),
}
_LITE = {
    "lite0": (1.0, 1.0, 224, 0.2),
    "lite1": (1.0, 1.1, 240, 0.2),
    "lite2": (1.1, 1.2, 260, 0.3),
    "lite3": (1.2, 1.4, 280, 0.3),
    "lite4": (1.4, 1.8, 300, 0.3),
}
_V2 = {  # stages, stem, resolution it is judged at, dropout
    "s": (V2_S, 24, 384, 0.2),
    "m": (V2_M, 24, 480, 0.3),
    "l": (V2_L, 32, 480, 0.4),
    "xl": (V2_XL, 32, 512, 0.4),
}


def _listings() -> dict[str, Listing]:
    made: dict[str, Listing] = {}
    common = Listing(stages=B0, plan=PLAN, drop_path=DROP_CONNECT, style=SILU)
    for name, (width, depth, side, dropout) in _COMPOUND.items():
        sized = replace(common, resolution=side, dropout=dropout)
        scale = Multipliers(width=width, depth=depth)
        made[f"efficientnet_{name}"] = replace(sized, scale=scale)
        if name in ("b0", "b1", "b2", "b3"):
            plain = replace(scale, floor=0.0)
            made[f"efficientnetv2_{name}"] = replace(
                sized, stages=V2_B0, plan=_plan(V2_B0), scale=plain
            )
    lite = replace(common, stages=LITE0, plan=_plan(LITE0, RELU6), style=RELU6)
    for name, (width, depth, side, dropout) in _LITE.items():
        scale = Multipliers(width=width, depth=depth, fixed=("stem", "head", "ends"))
        made[f"efficientnet_{name}"] = replace(lite, scale=scale, resolution=side, dropout=dropout)
    for name, (stages, stem, side, dropout) in _V2.items():
        made[f"efficientnetv2_{name}"] = replace(
            common,
            stages=stages,
            plan=_plan(stages, stem=stem),
            stem=stem,
            resolution=side,
            dropout=dropout,
        )
    return made | {f"tf_{name}": _tensorflow(listing) for name, listing in made.items()}


def _tensorflow(listing: Listing) -> Listing:
    style = replace(listing.style, padding="same", bn_eps=1e-3)
    return replace(listing, style=style, plan=replace(listing.plan, style=style))


PUBLISHED: Mapping[str, Listing] = _listings()


@dataclass(frozen=True, kw_only=True)
class EfficientNetSpace:
    """MnasNet's decisions with widths and depths around B0, SiLU throughout.

    Strides follow the resolution as in ``MnasNetSpace``.  B0 and B1 are members, each at its own
    resolution; ``home`` gives the scaled or fused space of any other published network.

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
        return "efficientnet"

    def with_activation(self, name: ActivationName) -> EfficientNetSpace:
        """The same space with another activation throughout."""
        style = replace(self.plan.style, activation=name, se_activation=None)
        return replace(self, plan=replace(self.plan, style=style))

    @cached_property
    def _strides(self) -> tuple[int, ...]:
        return factorised.fitted_strides(self.plan, self.resolution)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Six decisions for every block of the plan."""
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
    """A published network, with timm's names and state-dict keys.

    A rate or resolution of None is the published one.  Strides are always the published ones; for
    small images, decode the network's tokens in a space of that resolution instead.

    Raises:
        UnknownNameError: If there is no network of that name in ``PUBLISHED``.
    """
    return architecture(
        listed(PUBLISHED, name),
        name=name,
        classes=classes,
        resolution=resolution,
        channels=channels,
        dropout=dropout,
        drop_path=drop_path,
    )


def home(
    name: str, *, classes: int = 1000, resolution: int | None = None, channels: int = 3
) -> EfficientNetSpace:
    """The space that a published network is a member of, its lists scaled as the network is.

    Raises:
        UnknownNameError: If there is no network of that name in ``PUBLISHED``.
    """
    listing = listed(PUBLISHED, name)
    return EfficientNetSpace(
        classes=classes,
        resolution=listing.resolution if resolution is None else resolution,
        channels=channels,
        plan=listing.plan.scaled(listing.scale),
    )
