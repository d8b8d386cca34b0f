"""The picture of lines with bands: well-formed, complete, true to its numbers."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

import pytest

from netwright.errors import UsageError
from netwright.reporting.lines import Axis, Sample, apart, lines_svg, round_step

SVG = "{http://www.w3.org/2000/svg}"
LINES = {
    "uniform": [Sample(x=1, y=10, low=8, high=12), Sample(x=100, y=1, low=0.5, high=2)],
    "a < b & more": [Sample(x=1, y=10, low=9, high=11), Sample(x=100, y=0.1, low=0, high=0.2)],
}


def drawn(lines: dict[str, list[Sample]], *, log: bool = False) -> ElementTree.Element:
    text = lines_svg(
        lines,
        title="A <title>",
        across=Axis(label="networks", log=log),
        up=Axis(label="regret", log=log),
    )
    return ElementTree.fromstring(text)


def places(path: ElementTree.Element) -> list[tuple[float, float]]:
    words = path.attrib["d"].strip("MZ").split("L")
    return [(float(x), float(y)) for x, y in (w.split(" ") for w in words)]


@pytest.mark.parametrize("log", [False, True])
def test_every_line_has_its_band_and_its_name(log: bool) -> None:
    root = drawn(LINES, log=log)
    bands = [p for p in root.findall(f"{SVG}path") if "fill-opacity" in p.attrib]
    lines = [p for p in root.findall(f"{SVG}path") if p.attrib.get("stroke-width") == "2"]
    assert len(bands) == len(lines) == 2
    texts = [t.text or "" for t in root.findall(f"{SVG}text")]
    assert {*LINES, "A <title>"} <= set(texts)
    assert any(t.startswith("regret") for t in texts)
    for band, line in zip(bands, lines, strict=True):
        (x0, y0), (x1, y1) = places(line)
        corners = places(band)
        assert [x for x, _ in corners] == [x0, x1, x1, x0] and x1 > x0 and y1 > y0
        highs, lows = [y for _, y in corners[:2]], [y for _, y in corners[:1:-1]]
        assert highs[0] < y0 < lows[0] and highs[1] < y1 <= lows[1]
        assert all(0 <= x <= 640 and 0 <= y <= 400 for x, y in corners)


def test_equal_ratios_are_equally_far_apart_on_a_logarithmic_axis() -> None:
    line = [Sample(x=10.0**k, y=10.0**k, low=10.0**k, high=10.0**k) for k in range(4)]
    path = next(
        p for p in drawn({"one": line}, log=True).findall(f"{SVG}path")
        if p.attrib.get("stroke-width") == "2"
    )  # fmt: skip
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(places(path))]
    assert all(step == pytest.approx(steps[0], abs=0.2) for step in steps)


def test_labels_keep_apart_and_in_order() -> None:
    places = {"a": 100.0, "b": 100.0, "c": 50.0, "d": 395.0, "e": 399.0}
    found = apart(places, gap=14, low=0, high=400)
    ordered = sorted(found.values())
    assert all(b - a >= 14 - 1e-9 for a, b in itertools.pairwise(ordered))
    assert found["c"] == 50.0 and max(ordered) <= 400 and found["d"] < found["e"]


@pytest.mark.parametrize(("span", "step"), [(1.0, 0.2), (7.0, 2.0), (0.03, 0.01), (50.0, 10.0)])
def test_steps_are_round(span: float, step: float) -> None:
    assert round_step(span) == pytest.approx(step)


def test_one_place_alone_can_be_drawn() -> None:
    assert drawn({"one": [Sample(x=3, y=3, low=3, high=3)]}, log=True) is not None


def test_nothing_to_draw_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="at least one place"):
        drawn({"none": []})
    with pytest.raises(UsageError, match="needs values above 0"):
        drawn({"zero": [Sample(x=0, y=0, low=0, high=0)]}, log=True)
