"""How EfficientNet rounds: channels to a multiple of 8, repeats up.

Tan & Le, "EfficientNet" (ICML 2019), as in the authors' code; MnasNet's width variants and
EfficientNetV2 round by the same rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from netwright.errors import UsageError


def round_filters(channels: int, width: float, *, divisor: int = 8, floor: float = 0.9) -> int:
    """Channels times ``width``, to the nearest multiple of ``divisor`` that loses at most 10%.

    Args:
        channels: Channels of the base network.
        width: Coefficient; 1 leaves the channels as they are, multiple or not.
        divisor: What the result is a multiple of, and its minimum.
        floor: Share of the exact product that the result must reach; EfficientNetV2-B0 to B3 are
            published with 0, plain rounding.

    Raises:
        UsageError: If the coefficient is not above 0.
    """
    if not width > 0:
        raise UsageError(f"A width coefficient must be above 0; {width} came.")
    if width == 1:
        return channels
    exact = channels * width
    rounded = max(divisor, int(exact + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < floor * exact else rounded


def round_repeats(repeats: int, depth: float) -> int:
    """Repeats times ``depth``, rounded up.

    Raises:
        UsageError: If the coefficient is not above 0.
    """
    if not depth > 0:
        raise UsageError(f"A depth coefficient must be above 0; {depth} came.")
    return math.ceil(depth * repeats)


@dataclass(frozen=True, kw_only=True)
class Multipliers:
    """How far a staged network is widened and deepened, and by which rounding.

    Args:
        width: Factor on channels.
        depth: Factor on the layers of every stage.
        floor: See ``round_filters``.
        fixed: What stays as it is: ``stem`` and ``head`` keep their channels, ``ends`` keeps the
            depth of the first and last stage (EfficientNet-Lite fixes all three).
    """

    width: float = 1.0
    depth: float = 1.0
    floor: float = 0.9
    fixed: tuple[Literal["stem", "head", "ends"], ...] = ()

    def channels(self, channels: int, part: Literal["stem", "head", "stage"] = "stage") -> int:
        """Channels of the stem, the head or a stage after scaling."""
        if part in self.fixed:
            return channels
        return round_filters(channels, self.width, floor=self.floor)

    def repeats(self, repeats: int, *, end: bool) -> int:
        """Layers of a stage after scaling; ``end``: it is the first or the last stage."""
        if end and "ends" in self.fixed:
            return repeats
        return round_repeats(repeats, self.depth)
