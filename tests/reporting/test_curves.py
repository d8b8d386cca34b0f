"""The picture of accuracy over MACs: well-formed, complete, true to its numbers."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from netwright.errors import UsageError
from netwright.reporting.curves import Point, curves_svg

SVG = "{http://www.w3.org/2000/svg}"
CURVES = {
    "compound": [Point(macs=2e6, accuracy=0.5, spread=0.01), Point(macs=8e6, accuracy=0.6)],
    "depth < width & more": [Point(macs=2e6, accuracy=0.5), Point(macs=8e6, accuracy=0.601)],
}


def drawn(curves: dict[str, list[Point]]) -> ElementTree.Element:
    return ElementTree.fromstring(curves_svg(curves, title="A <title>"))


def test_every_network_is_a_dot_and_every_curve_is_named() -> None:
    root = drawn(CURVES)
    assert len(root.findall(f"{SVG}circle")) == 4
    texts = [t.text for t in root.findall(f"{SVG}text")]
    assert {"compound", "depth < width & more", "A <title>"} <= set(texts)
    assert {"2.00M", "8.00M"} <= set(texts)


def test_better_is_higher_and_costlier_is_further_right() -> None:
    dots = drawn({"one": CURVES["compound"]}).findall(f"{SVG}circle")
    (x0, y0), (x1, y1) = [(float(d.attrib["cx"]), float(d.attrib["cy"])) for d in dots]
    assert x1 > x0 and y1 < y0


def test_names_at_one_height_do_not_cover_each_other() -> None:
    names = [t for t in drawn(CURVES).findall(f"{SVG}text") if t.text in CURVES]
    first, second = [float(t.attrib["y"]) for t in names]
    assert abs(first - second) >= 14


def test_one_network_alone_can_be_drawn() -> None:
    assert len(drawn({"one": [Point(macs=1e6, accuracy=0.9)]}).findall(f"{SVG}circle")) == 1


def test_nothing_to_draw_is_one_sentence() -> None:
    nothing: list[dict[str, list[Point]]] = [
        {},
        {"none": []},
        {"free": [Point(macs=0, accuracy=0.5)]},
    ]
    for curves in nothing:
        with pytest.raises(UsageError, match="needs networks that cost something"):
            curves_svg(curves, title="x")
