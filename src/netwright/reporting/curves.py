"""Accuracy over MACs as an SVG: one curve per way of scaling, with the spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from netwright.errors import UsageError
from netwright.reporting.lines import COLOURS, round_step
from netwright.units import format_count

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 120, 24, 52


@dataclass(frozen=True, kw_only=True)
class Point:
    """One network of a curve.

    Args:
        macs: Multiply-adds for one image.
        accuracy: Mean over seeds, from 0 to 1.
        spread: Standard deviation over seeds; drawn as a bar both ways.
    """

    macs: float
    accuracy: float
    spread: float = 0.0


class _Plane:
    """From MACs (logarithmic) and accuracy to pixels."""

    def __init__(self, points: Sequence[Point]) -> None:
        macs = [math.log2(p.macs) for p in points]
        self.left, self.right = min(macs) - 0.15, max(macs) + 0.15
        low = min(p.accuracy - p.spread for p in points)
        high = max(p.accuracy + p.spread for p in points)
        room = max(0.1 * (high - low), 0.005)
        self.low, self.high = low - room, high + room

    def x(self, macs: float) -> float:
        share = (math.log2(macs) - self.left) / (self.right - self.left)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, accuracy: float) -> float:
        share = (accuracy - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def curves_svg(curves: Mapping[str, Sequence[Point]], *, title: str) -> str:
    """A picture of accuracy over MACs, readable in a browser and in Markdown.

    Args:
        curves: Points of each curve by its name, at least one in all.
        title: Above the picture, and read out to those who cannot see it.

    Raises:
        UsageError: If there is nothing to draw, or a point has no MACs.
    """
    points = [p for curve in curves.values() for p in curve]
    if not points or min(p.macs for p in points) <= 0:
        raise UsageError("A picture of accuracy over MACs needs networks that cost something.")
    plane = _Plane(points)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{escape(title)}</title>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="15" font-weight="bold">{escape(title)}</text>',
        *_axes(plane, sorted({p.macs for p in points})),
    ]
    labelled: list[float] = []
    for (name, curve), colour in zip(curves.items(), _cycle(len(curves)), strict=True):
        parts += _curve(plane, name, curve, colour, labelled)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _cycle(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def _axes(plane: _Plane, macs: Sequence[float]) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = [
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#444"/>',
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 10}" text-anchor="middle">MACs '
        "(logarithmic)</text>",
        f'<text transform="translate(16 {(_TOP + bottom) / 2}) rotate(-90)" '
        'text-anchor="middle">accuracy</text>',
    ]
    last = -math.inf
    for value in macs:
        x = plane.x(value)
        if x - last < 44:  # labels would touch
            continue
        last = x
        parts.append(f'<path d="M{x:.1f} {bottom}v5" stroke="#444"/>')
        label = format_count(value)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
    step = round_step(plane.high - plane.low)
    tick = math.ceil(plane.low / step) * step
    while tick <= plane.high:
        y = plane.y(tick)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{100 * tick:.1f}%</text>'
        )
        tick += step
    return parts


def _curve(
    plane: _Plane, name: str, curve: Sequence[Point], colour: str, labelled: list[float]
) -> list[str]:
    ordered = sorted(curve, key=lambda p: p.macs)
    if not ordered:
        return []
    places = [(plane.x(p.macs), plane.y(p.accuracy)) for p in ordered]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    parts = [f'<path d="M{line}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for point, (x, y) in zip(ordered, places, strict=True):
        top, bottom = (plane.y(point.accuracy + s * point.spread) for s in (1, -1))
        parts.append(f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="{colour}"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    x, y = places[-1]
    while any(abs(y - other) < 14 for other in labelled):  # two names on one line
        y += 14
    labelled.append(y)
    right = _WIDTH - _RIGHT + 10
    parts.append(f'<text x="{right}" y="{y + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    return parts
