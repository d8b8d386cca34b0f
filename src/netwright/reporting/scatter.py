"""Points of two figures on logarithmic axes, as an SVG: measured over predicted, say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from netwright.errors import UsageError
from netwright.reporting.lines import COLOURS

_SIDE, _GAP = 300, 70
_LEFT, _TOP, _BOTTOM = 56, 28, 64
_NAME, _LINE = 240, 18  # room of a name in the legend
_TICKS = (1.0, 2.0, 5.0)


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point; both figures above 0."""

    x: float
    y: float
    group: int = 0
    """Which colour it gets."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One of the pictures side by side.

    Args:
        points: At least one.
        across: What is shown from left to right, with the unit.
        up: What is shown upwards, with the unit.
        band: Share of the diagonal's value that is marked on both sides of it; None draws none,
            and lets the two axes differ.
    """

    points: Sequence[Point]
    across: str
    up: str
    band: float | None = None


def scatter_svg(panels: Sequence[Panel], *, title: str, groups: Sequence[str] = ()) -> str:
    """Pictures of points, readable in a browser.

    Args:
        panels: From left to right.
        title: Above them, and read out to those who cannot see them.
        groups: What each colour stands for.

    Raises:
        UsageError: If there is nothing to draw, or a figure is not above 0 and finite.
    """
    figures = [v for p in panels for point in p.points for v in (point.x, point.y)]
    if not panels or not all(p.points for p in panels):
        raise UsageError("A scatter plot needs a panel, and a point in each.")
    if not all(0 < v < math.inf for v in figures):
        raise UsageError("A scatter plot on logarithmic axes needs figures above 0.")
    width = _LEFT + len(panels) * (_SIDE + _GAP)
    per_row = max(1, width // _NAME)
    top = _TOP + _LINE * math.ceil(len(groups) / per_row)
    height = top + _SIDE + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{escape(title)}</title>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="8" y="15" font-weight="bold">{escape(title)}</text>',
    ]
    for number, name in enumerate(groups):
        row, column = divmod(number, per_row)
        x, y = 12 + column * _NAME, 30 + row * _LINE
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{x + 8}" y="{y + 4}">{escape(name)}</text>')
    for number, panel in enumerate(panels):
        parts += _drawn(panel, _LEFT + number * (_SIDE + _GAP), top)
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Scale:
    """From figures of one axis to pixels."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        low, high = math.log10(min(values)), math.log10(max(values))
        room = max(0.05 * (high - low), 0.05)
        self.low, self.high = low - room, high + room
        self.first, self.last = first, last

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.first + share * (self.last - self.first)

    def ticks(self) -> Iterator[float]:
        """1, 2 and 5 times the powers of ten within the axis."""
        for power in range(math.floor(self.low), math.ceil(self.high) + 1):
            for digit in _TICKS:
                value = digit * 10.0**power
                if self.low <= math.log10(value) <= self.high:
                    yield value


def _drawn(panel: Panel, left: int, top: int) -> Iterator[str]:
    xs, ys = [p.x for p in panel.points], [p.y for p in panel.points]
    if panel.band is not None:  # one scale for both, so that the diagonal is one
        xs = ys = xs + ys
    right, bottom = left + _SIDE, top + _SIDE
    x, y = _Scale(xs, left, right), _Scale(ys, bottom, top)
    frame = f'x="{left}" y="{top}" width="{_SIDE}" height="{_SIDE}"'
    yield f'<rect {frame} fill="none" stroke="#888"/>'
    for value in x.ticks():
        yield _text(f'x="{x(value):.1f}" y="{bottom + 16}"', _short(value))
    for value in y.ticks():
        yield _text(f'x="{left - 6}" y="{y(value) + 4:.1f}"', _short(value), anchor="end")
    yield _text(f'x="{left + _SIDE / 2:.0f}" y="{bottom + 36}"', panel.across)
    turned = f'transform="translate({left - 40} {top + _SIDE / 2:.0f}) rotate(-90)"'
    yield _text(turned, panel.up)
    if panel.band is not None:
        yield from _band(x, y, panel.band)
    for point in panel.points:
        colour = COLOURS[point.group % len(COLOURS)]
        yield (
            f'<circle cx="{x(point.x):.1f}" cy="{y(point.y):.1f}" r="2.5" fill="{colour}" '
            'fill-opacity="0.7"/>'
        )


def _text(place: str, text: str, *, anchor: str = "middle") -> str:
    return f'<text {place} text-anchor="{anchor}">{escape(text)}</text>'


def _band(x: _Scale, y: _Scale, band: float) -> Iterator[str]:
    low, high = 10**x.low, 10**x.high
    for factor, dash in ((1.0, ""), (1 + band, ' stroke-dasharray="4 3"'),
                         (1 - band, ' stroke-dasharray="4 3"')):  # fmt: skip
        first, last = max(low, low / factor), min(high, high / factor)
        yield (
            f'<line x1="{x(first):.1f}" y1="{y(first * factor):.1f}" x2="{x(last):.1f}" '
            f'y2="{y(last * factor):.1f}" stroke="#888"{dash}/>'
        )


def _short(value: float) -> str:
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{suffix}"
    return f"{value:g}"
