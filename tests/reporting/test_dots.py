"""Dots with intervals: what is drawn, where, and what cannot be."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from netwright.errors import UsageError
from netwright.reporting.dots import Dot, dots_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_larger_is_further_right_and_hollow_is_the_other_figure() -> None:
    dots = [
        Dot(name="a & b", value=0.8, low=0.7, high=0.9, beside=0.75),
        Dot(name="c", value=-0.2, low=math.nan, high=math.nan, group=1),
    ]
    root = ElementTree.fromstring(dots_svg(dots, title="t", label="x", groups=("p", "q")))
    circles = root.findall(f"{SVG}circle")
    assert [c.get("fill") for c in circles].count("none") == 1 and len(circles) == 3
    places = [float(c.get("cx", "")) for c in circles]
    assert places[0] > places[1] > places[2]
    said = "".join(root.itertext())
    assert "a & b" in said and "hollow" in said and "q" in said


def test_one_value_is_enough() -> None:
    assert ElementTree.fromstring(
        dots_svg([Dot(name="a", value=0.0, low=0.0, high=0.0)], title="t", label="x")
    )


def test_nothing_to_draw() -> None:
    with pytest.raises(UsageError):
        dots_svg([], title="t", label="x")
    with pytest.raises(UsageError):
        dots_svg([Dot(name="a", value=math.nan, low=0, high=1)], title="t", label="x")
