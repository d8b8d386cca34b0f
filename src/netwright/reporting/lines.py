"""Lines over a number, with bands around them, as an SVG: regret over networks, say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from netwright.errors import UsageError

# Okabe and Ito's colours, which colour-blind people can tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 120, 24, 52
_LABEL_HEIGHT = 14
_LEAST_SHARE = 1e-4  # of the largest value: what a logarithmic axis shows instead of 0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One place of a line.

    Args:
        x: Along the axis.
        y: Such as a mean.
        low: Lower end of the band.
        high: Upper end of the band.
    """

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis of the picture.

    Args:
        label: What it shows, with the unit.
        log: Whether equal ratios are equally far apart.
    """

    label: str
    log: bool = False


class _Scale:
    """From values of one axis to pixels."""

    def __init__(self, values: Sequence[float], *, log: bool, first: float, last: float) -> None:
        self.log, self.first, self.last = log, first, last
        self.least = max(values) * _LEAST_SHARE if log else -math.inf
        if log:
            self.least = max(self.least, min(v for v in values if v > 0))
        ends = self._place(min(values)), self._place(max(values))
        room = 0.0 if ends[1] > ends[0] else 0.5  # a single value stands in the middle
        self.low, self.high = ends[0] - room, ends[1] + room

    def _place(self, value: float) -> float:
        return math.log10(max(value, self.least)) if self.log else value

    def __call__(self, value: float) -> float:
        share = (self._place(value) - self.low) / (self.high - self.low)
        return self.first + share * (self.last - self.first)

    def ticks(self) -> list[float]:
        """Round values, four to ten of them where the axis is long enough."""
        if not self.log:
            step = round_step(self.high - self.low)
            first = math.ceil(self.low / step - 1e-9)
            last = math.floor(self.high / step + 1e-9)
            return [n * step for n in range(first, last + 1)]
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        every = [m * 10.0**d for d in decades for m in (1, 2, 5)]
        return [t for t in every if self.low - 1e-9 <= math.log10(t) <= self.high + 1e-9]


def lines_svg(lines: Mapping[str, Sequence[Sample]], *, title: str, across: Axis, up: Axis) -> str:
    """A picture of lines and their bands, readable in a browser and in Markdown.

    Args:
        lines: Samples of each line by its name, in the order of x, at least one in all.
        title: Above the picture, and read out to those who cannot see it.
        across: The horizontal axis.
        up: The vertical axis.

    Raises:
        UsageError: If there is nothing to draw, or nothing above 0 for a logarithmic axis.
    """
    samples = [s for line in lines.values() for s in line]
    if not samples:
        raise UsageError("A picture of lines needs at least one place of one line.")
    xs, ys = [s.x for s in samples], [v for s in samples for v in (s.y, s.low, s.high)]
    for axis, values in ((across, xs), (up, ys)):
        if axis.log and max(values) <= 0:
            raise UsageError(f"A logarithmic axis needs values above 0; {axis.label} has none.")
    x = _Scale(xs, log=across.log, first=_LEFT, last=_WIDTH - _RIGHT)
    y = _Scale(ys, log=up.log, first=_HEIGHT - _BOTTOM, last=_TOP + 4)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{escape(title)}</title>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="15" font-weight="bold">{escape(title)}</text>',
        *_frame(x, y, across=across, up=up),
    ]
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(lines)}
    drawn = {name: line for name, line in lines.items() if line}
    for name, line in drawn.items():
        parts.append(_band(line, x, y, colours[name]))
    for name, line in drawn.items():
        path = "L".join(f"{x(s.x):.1f} {y(s.y):.1f}" for s in line)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colours[name]}" stroke-width="2"/>')
    ends = {name: y(line[-1].y) for name, line in drawn.items()}
    for name, place in apart(ends, gap=_LABEL_HEIGHT, low=_TOP, high=_HEIGHT - _BOTTOM).items():
        left = _WIDTH - _RIGHT + 10
        text = f'<text x="{left}" y="{place + 4:.1f}" fill="{colours[name]}">{escape(name)}</text>'
        parts.append(text)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _band(line: Sequence[Sample], x: _Scale, y: _Scale, colour: str) -> str:
    there = [f"{x(s.x):.1f} {y(s.high):.1f}" for s in line]
    back = [f"{x(s.x):.1f} {y(s.low):.1f}" for s in reversed(line)]
    path = "L".join([*there, *back])
    return f'<path d="M{path}Z" fill="{colour}" fill-opacity="0.15"/>'


def _frame(x: _Scale, y: _Scale, *, across: Axis, up: Axis) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = [
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#444"/>',
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 10}" text-anchor="middle">'
        f"{escape(_named(across))}</text>",
        f'<text transform="translate(16 {(_TOP + bottom) / 2}) rotate(-90)" '
        f'text-anchor="middle">{escape(_named(up))}</text>',
    ]
    last = -math.inf
    for tick in x.ticks():
        place = x(tick)
        if place - last < 30:  # labels would touch
            continue
        last = place
        parts.append(f'<path d="M{place:.1f} {bottom}v5" stroke="#444"/>')
        parts.append(
            f'<text x="{place:.1f}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>'
        )
    for tick in y.ticks():
        place = y(tick)
        parts.append(f'<path d="M{_LEFT} {place:.1f}H{right}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{_LEFT - 6}" y="{place + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    return parts


def _named(axis: Axis) -> str:
    return f"{axis.label} (logarithmic)" if axis.log else axis.label


def round_step(span: float) -> float:
    """A round distance between lines, such that four to ten fit into the span."""
    rough = span / 5
    power = 10 ** math.floor(math.log10(rough))
    return float(next(m for m in (1, 2, 5, 10) if m * power >= rough) * power)


def apart(places: Mapping[str, float], *, gap: float, low: float, high: float) -> dict[str, float]:
    """Places of labels moved as little as need be, so that none covers another.

    Args:
        places: Where each would like to be.
        gap: The least distance between two.
        low: The first place there is.
        high: The last.

    Returns:
        The new places, in the order of the old.
    """
    ordered = sorted(places, key=lambda name: places[name])
    found: dict[str, float] = {}
    least = low
    for name in ordered:
        found[name] = max(places[name], least)
        least = found[name] + gap
    most = high
    for name in reversed(ordered):
        found[name] = min(found[name], most)
        most = found[name] - gap
    return found
