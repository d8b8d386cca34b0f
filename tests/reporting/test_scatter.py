"""Scatter plots: where points land, what is written, what cannot be drawn."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from netwright.errors import UsageError
from netwright.reporting.scatter import Panel, Point, scatter_svg

POINTS = (Point(x=1, y=1), Point(x=10, y=11, group=1), Point(x=100, y=90))


def _circles(svg: str) -> list[tuple[float, float]]:
    found = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="2.5"', svg)
    return [(float(x), float(y)) for x, y in found]


def test_the_diagonal_is_one() -> None:
    panel = Panel(points=POINTS, across="predicted ms", up="measured ms", band=0.1)
    svg = scatter_svg([panel], title="A & B", groups=["torch", "onnxruntime"])
    ElementTree.fromstring(svg)
    assert "A &amp; B" in svg and "predicted ms" in svg and ">onnxruntime<" in svg
    assert svg.count("<line") == 3
    (x1, y1), (x2, _), (x3, _) = _circles(svg)
    assert x1 < x2 < x3 and x2 - x1 == pytest.approx(x3 - x2, abs=0.2)
    assert x1 - 56 == pytest.approx(28 + 2 * 18 + 300 - y1, abs=0.2)  # as far from left as below


def test_panels_stand_side_by_side_with_axes_of_their_own() -> None:
    one = Panel(points=POINTS, across="a", up="b", band=0.1)
    two = Panel(points=[Point(x=1e6, y=1), Point(x=1e9, y=100)], across="MACs", up="b")
    svg = scatter_svg([one, two], title="t")
    assert len(_circles(svg)) == 5 and ">10M<" in svg and ">1G<" in svg
    assert svg.count("<line") == 3
    assert min(x for x, _ in _circles(svg)[3:]) > max(x for x, _ in _circles(svg)[:3])


@pytest.mark.parametrize("points", [(), (Point(x=0, y=1),), (Point(x=1, y=float("inf")),)])
def test_what_cannot_be_drawn_is_refused(points: tuple[Point, ...]) -> None:
    with pytest.raises(UsageError, match="A scatter plot"):
        scatter_svg([Panel(points=points, across="a", up="b")], title="t")
    with pytest.raises(UsageError, match="A scatter plot"):
        scatter_svg([], title="t")
