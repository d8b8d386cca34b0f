"""Where the seconds went: they add up to all that there were."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from netwright.fakes import RandomDraws, TinySpace
from netwright.spending import STAGES, Spending, Timed, in_words

SPENT = Spending(workers=2, wall=100.0, busy={"probe": 60.0, "train": 120.0, "screen": 0.4})


def test_what_is_not_accounted_for_is_idle() -> None:
    found = SPENT.to_dict()
    assert json.loads(json.dumps(found)) == found
    assert sum(found[name] for name in (*STAGES, "idle")) == pytest.approx(200.0)
    assert found["idle"] == pytest.approx(19.6) and found["idle_share"] == pytest.approx(0.098)
    assert Spending(workers=1, wall=1.0, busy={"train": 2.0}).idle == 0.0
    assert Spending(workers=1, wall=0.0, busy={}).to_dict()["idle_share"] == 0.0


def test_in_words_without_what_took_nothing() -> None:
    said = in_words(SPENT.to_dict())
    assert said == "Of 2 workers' time: probe 30%, train 60%, idle 10%."
    assert in_words(Spending(workers=1, wall=5.0, busy={}).to_dict()) == (
        "Of 1 worker's time: idle 100%."
    )


def test_a_timed_strategy_asks_the_same() -> None:
    ticks: Iterator[float] = iter(range(100))
    plain = RandomDraws(TinySpace(), seed=0)
    timed = Timed(RandomDraws(TinySpace(), seed=0), clock=lambda: next(ticks))
    assert timed.ask(3) == plain.ask(3)
    timed.tell([])
    assert timed.seconds == 2.0
