"""Compound scaling: grow or shrink any staged network by φ, by hand, or to a budget.

Tan & Le, "EfficientNet" (ICML 2019), section 3: depth α^φ, width β^φ and resolution γ^φ, with
α·β²·γ² ≈ 2, so that one φ doubles the MACs.  Channels are rounded as published (multiples of 8
that lose at most 10%), layers are rounded up, and the side of the image is rounded to a multiple
of 4, which all published sides are.  Under a target, what the rounding leaves is spent by single
steps (:mod:`netwright.resizing`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.arch.staged import Staged, read_staged
from netwright.errors import UsageError
from netwright.resizing import Sizes, filled, resized, scaled_sizes, steps_between
from netwright.spaces.efficientnet import PUBLISHED
from netwright.units import format_count

Dimension = Literal["depth", "width", "resolution"]
SIDE_MULTIPLE = 4  # pixels
PHI_RANGE = (-12, 24)  # from 1/4,000 of the MACs to more than ten million times as many
_PHI_PRECISION = 1e-6
_FILL = 2  # φ beyond which no single step leads


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What one φ multiplies: depth by alpha, width by beta, the image's side by gamma.

    The defaults are the published triple, found by a grid search at φ = 1.

    Raises:
        UsageError: If a coefficient is below 1, or all are 1.
    """

    alpha: float = 1.2
    beta: float = 1.1
    gamma: float = 1.15

    def __post_init__(self) -> None:
        if not min(self.alpha, self.beta, self.gamma) >= 1 or self.cost_factor == 1:
            raise UsageError(
                "Coefficients are at least 1 and not all 1; alpha, beta, gamma came as "
                f"{self.alpha}, {self.beta}, {self.gamma}."
            )

    @property
    def cost_factor(self) -> float:
        """How many times the MACs one φ takes: α·β²·γ²."""
        return self.alpha * self.beta**2 * self.gamma**2

    def only(self, dimension: Dimension) -> Rule:
        """The rule that scales one dimension alone, at the same MACs per φ."""
        factor = self.cost_factor
        if dimension == "depth":
            return Rule(alpha=factor, beta=1, gamma=1)
        if dimension == "width":
            return Rule(alpha=1, beta=math.sqrt(factor), gamma=1)
        if dimension == "resolution":
            return Rule(alpha=1, beta=1, gamma=math.sqrt(factor))
        raise UsageError(f"There is depth, width and resolution to scale; {dimension!r} came.")


COMPOUND = Rule()


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """How far a network is scaled: factors on depth and width, and the side in pixels."""

    depth: float
    width: float
    resolution: int


@dataclass(frozen=True, kw_only=True)
class ImpliedPhi:
    """The φ that each of three coefficients corresponds to."""

    depth: float
    width: float
    resolution: float


PUBLISHED_COEFFICIENTS: Mapping[str, Coefficients] = {
    name: Coefficients(
        depth=listing.scale.depth, width=listing.scale.width, resolution=listing.resolution
    )
    for name, listing in ((n, PUBLISHED[n]) for n in (f"efficientnet_b{i}" for i in range(8)))
}


def implied_phi(
    coefficients: Coefficients, *, base_resolution: int = 224, rule: Rule = COMPOUND
) -> ImpliedPhi:
    """Which φ published coefficients stand for; B1 to B7 were set by hand, so the three differ.

    Args:
        coefficients: Such as ``PUBLISHED_COEFFICIENTS["efficientnet_b3"]``.
        base_resolution: Side of the base network's image in pixels.
        rule: What one φ multiplies; its coefficients must all be above 1.
    """
    return ImpliedPhi(
        depth=math.log(coefficients.depth, rule.alpha),
        width=math.log(coefficients.width, rule.beta),
        resolution=math.log(coefficients.resolution / base_resolution, rule.gamma),
    )


def scale(
    arch: Architecture,
    *,
    phi: float | None = None,
    to_macs: float | None = None,
    to_params: float | None = None,
    to: Sequence[Target] = (),
    depth: float | None = None,
    width: float | None = None,
    resolution: int | None = None,
    only: Dimension | None = None,
    alpha: float = 1.2,
    beta: float = 1.1,
    gamma: float = 1.15,
) -> Architecture:
    """A larger or smaller network of the same kind.

    Give ``phi``, or one or both targets, or coefficients of your own.

    Args:
        arch: A staged network (:mod:`netwright.arch.staged`).
        phi: Steps of about twice the MACs; a fraction or a negative number too.
        to_macs: The largest network with at most so many MACs.
        to_params: The largest network with at most so many parameters.
        to: Other targets, such as a latency.
        depth: Factor on the layers of every stage.
        width: Factor on the channels of every stage, stem and head.
        resolution: Height of the image in pixels.
        only: Scale this dimension alone, by as many MACs per φ as the compound rule.
        alpha: Depth per φ.
        beta: Width per φ.
        gamma: Resolution per φ.

    Raises:
        UsageError: If the network is not staged, the target is out of reach (with what is in
            reach), or the arguments are none or too many.
    """
    by_hand = any(value is not None for value in (depth, width, resolution))
    to_target = to_macs is not None or to_params is not None or bool(to)
    if (phi is not None) + to_target + by_hand != 1:
        raise UsageError(
            "Say how far to scale, in one way: phi=, or to_macs= and to_params=, or depth=, "
            "width= and resolution=."
        )
    if by_hand:
        if only is not None:
            raise UsageError("`only` goes with phi or a target; give that one coefficient alone.")
        return _by_hand(read_staged(arch), depth, width, resolution).architecture()
    rule = Rule(alpha=alpha, beta=beta, gamma=gamma)
    rule = rule if only is None else rule.only(only)
    if phi is not None:
        return scaled_by_phi(read_staged(arch), phi, rule).architecture()
    targets = [*to]
    if to_macs is not None:
        targets.append(Target(name="MACs", measure=lambda a: cost(a).macs, limit=to_macs))
    if to_params is not None:
        targets.append(
            Target(name="parameters", measure=lambda a: cost(a).params, limit=to_params)
        )
    return scale_to(arch, *targets, rule=rule)


def scaled_by_phi(staged: Staged, phi: float, rule: Rule = COMPOUND) -> Staged:
    """The stages scaled by φ.

    Raises:
        UsageError: If φ is out of ``PHI_RANGE``.
    """
    if not PHI_RANGE[0] <= phi <= PHI_RANGE[1]:
        raise UsageError(f"phi is from {PHI_RANGE[0]} to {PHI_RANGE[1]}; {phi} came.")
    return _resize(staged, rule.alpha**phi, rule.beta**phi, _sides(staged, rule.gamma**phi))


def _by_hand(
    staged: Staged, depth: float | None, width: float | None, resolution: int | None
) -> Staged:
    _, high, wide = staged.input_shape
    if resolution is not None and resolution < 1:
        raise UsageError(f"A resolution is a number of pixels; {resolution} came.")
    sides = (high, wide)
    if resolution is not None:
        sides = (resolution, max(1, round(wide * resolution / high)))
    return _resize(staged, 1.0 if depth is None else depth, 1.0 if width is None else width, sides)


def _sides(staged: Staged, factor: float) -> tuple[int, int]:
    _, high, wide = staged.input_shape
    if factor == 1:
        return high, wide
    step = SIDE_MULTIPLE
    return max(step, round(high * factor / step) * step), max(
        step, round(wide * factor / step) * step
    )


def _resize(staged: Staged, depth: float, width: float, sides: tuple[int, int]) -> Staged:
    if depth == 1 and width == 1 and sides == staged.input_shape[1:]:
        return staged
    sizes = scaled_sizes(staged, depth, width, sides)
    return resized(staged, sizes, name=_name(staged, depth, width, sizes))


def _name(staged: Staged, depth: float, width: float, sizes: Sizes) -> str:
    extra = f"+{sizes.steps}" if sizes.steps else ""
    return f"{staged.name}_d{depth:.3g}_w{width:.3g}_r{sizes.sides[0]}{extra}"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A limit on what can be measured of a network.

    Args:
        name: What is measured, as a person says it.
        measure: From a network to a number above 0 that grows with the network.
        limit: What the number must not exceed.
        text: How to print the number.

    Raises:
        UsageError: If the limit is not above 0.
    """

    name: str
    measure: Callable[[Architecture], float]
    limit: float
    text: Callable[[float], str] = format_count

    def __post_init__(self) -> None:
        if not self.limit > 0 or math.isinf(self.limit):
            raise UsageError(f"A target of {self.limit} {self.name} makes no sense.")


def scale_to(arch: Architecture, *targets: Target, rule: Rule = COMPOUND) -> Architecture:
    """The largest network on the path of φ that exceeds no target.

    φ is bisected.  The path has jumps, most of all where depth is rounded up; what a jump leaves
    is spent by single steps in the dimensions that the rule scales: one layer or 8 channels more
    in one part, or a slightly larger image, that which the exact product reaches first coming
    first, a step that does not fit being passed over, and nothing growing beyond two more φ (nor,
    where φ is below 0, beyond the base network).  A higher target never ends in a network that
    measures less.  Nothing far past the targets is measured, and nothing twice, so a measure may
    be as slow as a latency.

    Args:
        arch: A staged network.
        targets: One or more; all must hold.
        rule: What one φ multiplies.

    Raises:
        UsageError: If the network is not staged, or a target is out of reach, with what is in
            reach.
    """
    path = _Path(read_staged(arch), targets, rule)
    low, high = path.bracket()
    while high - low > _PHI_PRECISION:
        middle = (low + high) / 2
        if path.excess(middle) <= 1:
            low = middle
        else:
            high = middle
    return path.filled(low).architecture()


class _Path:
    """The networks along φ, each measured once."""

    def __init__(self, base: Staged, targets: tuple[Target, ...], rule: Rule) -> None:
        if not targets:
            raise UsageError("Scaling to a target needs a target.")
        self.base, self.targets, self.rule = base, targets, rule
        self._known: dict[Staged, tuple[float, ...]] = {}

    def measured(self, staged: Staged) -> tuple[float, ...]:
        """What each target measures of a network."""
        key = replace(staged, name="")
        if key not in self._known:
            arch = staged.architecture()
            self._known[key] = tuple(float(t.measure(arch)) for t in self.targets)
        return self._known[key]

    def worst(self, staged: Staged) -> float:
        """The largest ratio of a measure to its limit."""
        values = self.measured(staged)
        return max(v / t.limit for v, t in zip(values, self.targets, strict=True))

    def excess(self, phi: float) -> float:
        """``worst`` of the network at φ."""
        return self.worst(scaled_by_phi(self.base, phi, self.rule))

    def bracket(self) -> tuple[float, float]:
        """A φ whose network fits and one, at most a step further, whose network does not."""
        phi, step = 0, 1 if self.excess(0) <= 1 else -1
        while PHI_RANGE[0] <= phi + step <= PHI_RANGE[1]:
            phi += step
            if (self.excess(phi) <= 1) != (step == 1):
                return (phi - 1, phi) if step == 1 else (phi, phi + 1)
        raise UsageError(self._out_of_reach(phi))

    def _out_of_reach(self, phi: int) -> str:
        ends = sorted((phi, 0))
        least, most = (self.measured(scaled_by_phi(self.base, p, self.rule)) for p in ends)
        name = self.base.name or "the network"
        reach = ", ".join(
            f"{target.text(low)} to {target.text(high)} {target.name} "
            f"(wanted: {target.text(target.limit)})"
            for target, low, high in zip(self.targets, least, most, strict=True)
        )
        return f"Scaling {name} from phi {ends[0]} to {ends[1]} reaches {reach}."

    def filled(self, phi: float) -> Staged:
        """The network at φ with single steps for what it leaves of the targets."""
        base, rule = self.base, self.rule
        now = self._sizes(phi)
        top = self._sizes(phi + _FILL if phi >= 0 else min(phi + _FILL, 0))
        steps = steps_between(base, now, top, growth=(rule.alpha, rule.beta, rule.gamma))
        best = filled(now, steps, lambda sizes: self.worst(self._network(phi, sizes)))
        return self._network(phi, best)

    def _sizes(self, phi: float) -> Sizes:
        rule, sides = self.rule, _sides(self.base, self.rule.gamma**phi)
        return scaled_sizes(self.base, rule.alpha**phi, rule.beta**phi, sides)

    def _network(self, phi: float, sizes: Sizes) -> Staged:
        if not sizes.steps:
            return scaled_by_phi(self.base, phi, self.rule)
        depth, width = self.rule.alpha**phi, self.rule.beta**phi
        return resized(self.base, sizes, name=_name(self.base, depth, width, sizes))
