"""One figure a name, each with its interval, as an SVG: a row of dots to compare at a glance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from netwright.errors import UsageError
from netwright.reporting.lines import COLOURS, round_step

_WIDTH, _ROW = 640, 18
_LEFT, _RIGHT, _TOP, _BOTTOM = 150, 24, 34, 44


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One row of the picture."""

    name: str
    value: float
    low: float
    """Lower end of its interval; nan draws none."""
    high: float
    group: int = 0
    """Which colour it gets."""
    beside: float | None = None
    """Another figure for the same thing, drawn hollow."""


def dots_svg(dots: Sequence[Dot], *, title: str, label: str, groups: Sequence[str] = ()) -> str:
    """A picture of figures with intervals, in the order given, readable in a browser.

    Args:
        dots: From top to bottom, at least one.
        title: Above the picture, and read out to those who cannot see it.
        label: What the axis shows, with the unit.
        groups: What each colour stands for.

    Raises:
        UsageError: If there is nothing to draw, or a value is not finite.
    """
    if not dots or not all(math.isfinite(d.value) for d in dots):
        raise UsageError("A picture of dots needs at least one, and finite values.")
    drawn = [v for d in dots for v in (d.value, d.low, d.high, d.beside, 0.0) if v is not None]
    ends = [v for v in drawn if math.isfinite(v)]
    low, high = min(ends), max(ends)
    high = high if high > low else low + 1
    height = _TOP + _ROW * len(dots) + _BOTTOM

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{escape(title)}</title>',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="8" y="15" font-weight="bold">{escape(title)}</text>',
    ]
    step = round_step(high - low)
    bottom = height - _BOTTOM
    for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        place = x(n * step)
        line = f'<path d="M{place:.1f} {_TOP - 6}V{bottom}" stroke="{"#888" if n == 0 else "#ddd"}'
        parts.append(line + '"/>')
        tick = (
            f'<text x="{place:.1f}" y="{bottom + 15}" text-anchor="middle">{n * step:.4g}</text>'
        )
        parts.append(tick)
    for i, dot in enumerate(dots):
        parts += _row(dot, _TOP + _ROW * i + _ROW / 2, x)
    parts.append(_legend(label, groups, height, any(d.beside is not None for d in dots)))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(dot: Dot, y: float, x: Callable[[float], float]) -> list[str]:
    colour = COLOURS[dot.group % len(COLOURS)]
    name = escape(dot.name)
    parts = [f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{name}</text>']
    if math.isfinite(dot.low) and math.isfinite(dot.high):
        ends = f"M{x(dot.low):.1f} {y:.1f}H{x(dot.high):.1f}"
        parts.append(f'<path d="{ends}" stroke="{colour}" stroke-width="2"/>')
    parts.append(f'<circle cx="{x(dot.value):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    if dot.beside is not None and math.isfinite(dot.beside):
        place = f'cx="{x(dot.beside):.1f}" cy="{y:.1f}"'
        parts.append(f'<circle {place} r="4" fill="none" stroke="{colour}"/>')
    return parts


def _legend(label: str, groups: Sequence[str], height: int, hollow: bool) -> str:
    words = [
        f'<tspan fill="{COLOURS[i % len(COLOURS)]}">{escape(group)}</tspan>'
        for i, group in enumerate(groups)
    ]
    words += ["hollow: published"] if hollow else []
    text = "; ".join([escape(label), *words])
    return f'<text x="{_LEFT}" y="{height - 10}">{text}</text>'
