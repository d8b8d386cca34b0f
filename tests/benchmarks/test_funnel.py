"""The benchmark of whole searches: it goes on where it was, and its variants are what they say."""

from __future__ import annotations

import json
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest

import funnel
from funnel import PROBES, VARIANTS, Bench, Lines, RandomFirst, against_plain, as_varied
from netwright import rehearsal
from netwright.arch.cost import cost
from netwright.effort import FIELDS
from netwright.fakes import FakeEvaluator, TinySpace
from netwright.records import Budget, Objective, Trial
from netwright.spaces.within import Within
from netwright.strategies.uniform import Uniform
from netwright.training.recipe import default_recipe
from netwright.training.reference import DataRef
from netwright.training.survey import peek_data
from netwright.workers import Serial

SPACE = TinySpace()
WITHIN = Within.of(SPACE, Budget(macs=200_000))


def serial(workers: int) -> Executor:
    return Serial()


def test_lines_survive_a_kill_in_the_middle_of_one(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    lines = Lines(path)
    lines.add("a", {"x": 1})
    lines.add("b", {"x": 2})
    path.write_text(path.read_text() + '{"key": "c", "x')
    assert set(Lines(path).rows) == {"a", "b"}


def test_random_probes_are_draws_and_then_the_predictor_takes_over() -> None:
    mixed = RandomFirst(WITHIN, Objective(metric="score"), 0)
    plain = Uniform(WITHIN, seed=0)
    number = 0
    while number < PROBES:
        asked = mixed.ask(4)
        assert list(asked) == list(plain.ask(4))
        trials = []
        for tokens in asked:
            arch = SPACE.decode(tokens)
            outcome = FakeEvaluator()(arch, seed=number)
            trials.append(Trial(number=number, tokens=tokens, arch_id=arch.id, cost=cost(arch),
                                outcome=outcome))  # fmt: skip
            number += 1
        mixed.tell(trials)
        plain.tell(trials)
    assert list(mixed.ask(4)) == list(mixed.learner.ask(4)) != list(plain.ask(4))


def test_without_halving_nobody_is_left_behind() -> None:
    with as_varied(VARIANTS["without halving"]):
        assert [f.rungs for f in vars(rehearsal)["FIELDS"]] == [()]
    with as_varied(VARIANTS["full"]):
        assert vars(rehearsal)["FIELDS"] == FIELDS


@pytest.mark.slow
def test_it_goes_on_where_it_was(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from command_line import draw_photos

    root = tmp_path / "split"
    for split, count in (("train", 12), ("test", 5)):
        draw_photos(root / split, dict.fromkeys(("red", "green", "blue"), count))
    facts = peek_data(str(root), resolution=8)
    monkeypatch.setattr(funnel, "Processes", serial)

    def found(self: Any, name: str, seed: int) -> Any:
        return SPACE.decode((seed, 1, 1, 0))

    monkeypatch.setattr(Bench, "winner", found)

    def bench() -> Bench:
        return Bench(
            data=DataRef(source=str(root), resolution=8), facts=facts, within=WITHIN, minutes=1,
            workers=1, recipe=default_recipe(facts, steps=3), lines=Lines(tmp_path / "lines"),
            folder=tmp_path / "runs",
        )  # fmt: skip

    first = against_plain(bench(), [0, 1])
    rows = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    assert len(rows) == len({row["key"] for row in rows}) > 8
    assert {row["status"] for row in rows} == {"ok"}
    assert against_plain(bench(), [0, 1]) == first  # nothing is trained again
    assert len((tmp_path / "lines").read_text().splitlines()) == len(rows)
    assert {"winner", "random, mean of 3", "most params", "mobilenet_v2"} <= set(first)
