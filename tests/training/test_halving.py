"""Successive halving: its arithmetic, its noise, and that results alone decide."""

from __future__ import annotations

import math
from itertools import permutations

import pytest

from netwright.rng import stream
from netwright.training.halving import (
    SEED_NOISE,
    Rung,
    Standing,
    going_on,
    ladder,
    next_parts,
    noise,
    open_alone,
    open_parts,
    shares,
    work,
)


def at(accuracy: float, loss: float | None = None) -> Standing:
    return Standing(accuracy=accuracy, loss=1 - accuracy if loss is None else loss)


def test_half_go_on_and_lengths_double() -> None:
    eight = ladder(8, first=0.125)
    assert [(r.share, r.keep, r.most) for r in eight] == [
        (0.125, 4, 5), (0.25, 2, 3), (0.5, 1, 2),
    ]  # fmt: skip
    assert shares(eight) == (0.125, 0.25, 0.5, 1.0)
    assert [(r.keep, r.most) for r in ladder(6, room=0)] == [(3, 3), (1, 1)]
    assert [(r.share, r.keep) for r in ladder(3, first=0.2, room=0)] == [(0.2, 2), (0.4, 1)]
    assert ladder(1) == () and shares(()) == (1.0,)


def test_work_is_counted_in_full_trainings() -> None:
    assert work(5, ()) == 5
    assert work(4, (Rung(share=0.25, keep=2, most=2), Rung(share=0.5, keep=1, most=1))) == (
        4 * 0.25 + 2 * 0.25 + 1 * 0.5
    )
    assert work(8, ladder(8)) < 0.6 * 8


def test_noise_is_that_of_two_proportions_and_two_seeds() -> None:
    n, p = 10_000, 0.6
    assert noise(p, n) == pytest.approx(math.sqrt(2 * (p * (1 - p) / n + SEED_NOISE**2)), rel=1e-3)
    drawn = stream(0, "noise").binomial(n, p, size=(2, 4000)) / n
    drawn += stream(0, "seeds").normal(0, SEED_NOISE, size=drawn.shape)
    assert noise(p, n) == pytest.approx(float((drawn[0] - drawn[1]).std()), rel=0.05)
    assert noise(1.0, 20) > 0 and noise(0.5, 100) > noise(0.5, 1000)


def test_a_difference_below_the_noise_is_no_reason_to_drop() -> None:
    rung = Rung(share=0.25, keep=1, most=2)
    close = {"a": at(0.500), "b": at(0.505), "c": at(0.30)}
    assert going_on(close, rung, images=1000) == ("a", "b")
    clear = {"a": at(0.40), "b": at(0.60), "c": at(0.30)}
    assert going_on(clear, rung, images=1000) == ("b",)
    crowd = {name: at(0.5) for name in "abcd"}
    assert going_on(crowd, rung, images=1000) == ("a", "b")  # the earlier of equals


def test_loss_orders_and_failures_never_go_on() -> None:
    rung = Rung(share=0.5, keep=1, most=1)
    assert going_on({"a": at(0.6, 1.0), "b": at(0.5, 0.9)}, rung, images=100) == ("b",)
    assert going_on({"a": None, "b": at(0.1)}, rung, images=100) == ("b",)
    assert going_on({"a": None, "b": at(0.5, math.nan)}, rung, images=100) == ()


def test_a_race_opens_one_rung_at_a_time() -> None:
    rungs = (Rung(share=0.25, keep=2, most=2), Rung(share=0.5, keep=1, most=1))
    known: dict[tuple[str, int], Standing | None] = {}

    def now() -> list[tuple[str, int]]:
        return open_parts("abc", rungs, known, images=100)

    assert now() == [("a", 0), ("b", 0), ("c", 0)]
    known |= {("b", 0): at(0.9), ("a", 0): at(0.2)}
    assert now() == [("c", 0)]
    known["c", 0] = at(0.5)
    assert now() == [("b", 1), ("c", 1)]
    known |= {("b", 1): None, ("c", 1): at(0.6)}
    assert now() == [("c", 2)]
    known["c", 2] = at(0.7)
    assert now() == []


def test_the_order_of_arrival_decides_nothing() -> None:
    rungs, truth = ladder(4), dict(zip("abcd", (0.3, 0.7, 0.5, 0.6), strict=True))
    ends = set()
    for order in permutations("abcd"):
        known: dict[tuple[str, int], Standing | None] = {}
        while todo := open_parts("abcd", rungs, known, images=50_000):
            name, part = min(todo, key=lambda t: order.index(t[0]))
            known[name, part] = at(truth[name] + 0.1 * part)
        ends.add(frozenset(known))
    (trained,) = ends
    assert ("b", 2) in trained and ("a", 1) not in trained


def test_a_race_whose_networks_all_fail_is_over() -> None:
    known: dict[tuple[str, int], Standing | None] = {("a", 0): None, ("b", 0): None}
    assert open_parts("ab", ladder(2), known, images=10) == []


def test_alone_each_goes_to_its_end() -> None:
    known: dict[tuple[str, int], Standing | None] = {("a", 0): at(0.1), ("b", 0): None}
    assert open_alone("abc", 2, known) == [("a", 1), ("c", 0)]
    known["a", 1] = at(0.2)
    assert open_alone("abc", 2, known) == [("c", 0)]


def test_who_has_most_time_to_go_comes_first() -> None:
    rungs = ladder(4)  # at a quarter and at a half
    pace = {"a": 1.0, "b": 3.0, "c": 2.0}
    none: dict[tuple[str, int], Standing | None] = {}
    first = next_parts((), "abc", rungs, none, images=100, pace=pace)
    assert first == [("b", 0), ("c", 0), ("a", 0)]
    left = {("b", part): Standing(accuracy=0.5, loss=1.0) for part in range(len(rungs))}
    later = next_parts((), "abc", rungs, left, images=100, pace=pace)
    assert later == [("c", 0), ("b", 2), ("a", 0)]  # 2, 1.5 and 1 to go
    assert next_parts("a", "bc", rungs, none, images=100, pace=pace)[0] == ("a", 0)  # the race
    assert [name for name, _ in next_parts((), "abc", rungs, none, images=100)] == ["a", "b", "c"]
