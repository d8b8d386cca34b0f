"""The narrow end of the funnel: its plan is kept, and tells the same finals to whoever resumes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devices import SETTING, profiled
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.events import Event, Stage
from netwright.fakes import TinySpace
from netwright.finals import Final
from netwright.funnel import Closing, best_of
from netwright.latency.limit import LatencyLimit
from netwright.latency.predictor import LatencyPredictor
from netwright.nn.measured import Latency
from netwright.records import Budget, Objective, Outcome, Tokens, Trial
from netwright.run_folder import RunFolder
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.within import Within
from netwright.training.reference import DataRef
from netwright.training.survey import peek_data
from netwright.workers import Serial

pytestmark = pytest.mark.usefixtures("quick_finals")
SPACE = TinySpace()
SCORE = Objective(metric="score")


class Kept(list[Trial]):
    """A store for those who only read."""


def trials(*rows: Tokens) -> Any:
    found = Kept()
    for number, row in enumerate(rows):
        arch = SPACE.decode(row)
        outcome = Outcome.of({"score": float(number)}, seconds=0.0, device="cpu")
        found.append(
            Trial(number=number, tokens=row, arch_id=arch.id, cost=cost(arch), outcome=outcome)
        )
    return found


@pytest.fixture
def closing(photos: Path, tmp_path: Path) -> Closing:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    return Closing(
        within=Within.of(SPACE, Budget(macs=200_000)),
        data=DataRef(source=str(photos), resolution=8),
        facts=peek_data(str(photos), resolution=8),
        folder=folder, seconds=60.0, trials=None, executor=Serial(), workers=1, seed=0,
        device="cpu", on_event=lambda event: None,
    )  # fmt: skip


def test_a_plan_is_read_back_as_it_was_made(closing: Closing) -> None:
    assert closing.planned() is None
    plan = closing.plan(trials((0, 0, 0, 0), (1, 1, 1, 0), (2, 1, 0, 1)), SCORE, seconds=1.0)
    assert plan.finalists[0].tokens == (2, 1, 0, 1)
    assert [f.role for f in plan.finalists[-2:]] == ["mobilenet_v2", "efficientnet_b0"]
    assert closing.planned() == plan and closing.left_out() == {}
    more = [replace(closing, seconds=61.0), replace(closing, trials=5)]
    assert [other.planned() for other in more] == [None, None]


def test_who_could_not_be_scaled_is_named(closing: Closing) -> None:
    tight = replace(closing, within=Within.of(SPACE, Budget(params=3000)))
    plan = tight.plan(trials((0, 0, 0, 0)), SCORE, seconds=1.0)
    assert plan.finalists[-1].role == "most params"
    assert list(tight.left_out()) == ["mobilenet_v2", "efficientnet_b0"]


def test_what_is_about_to_happen_is_said(closing: Closing) -> None:
    told: list[Event] = []
    loud = replace(closing, on_event=told.append)
    finals = loud.train(loud.plan(trials((0, 0, 0, 0)), SCORE, seconds=0.1))
    texts = [event.text for event in told if isinstance(event, Stage)]
    assert texts[0].startswith("Measuring") and texts[1].startswith("Training 1 candidates and 4")
    assert best_of(finals).accuracy == max(f.accuracy or 0 for f in finals)


def test_without_a_candidate_there_are_no_finals(closing: Closing) -> None:
    with pytest.raises(UsageError, match="None of 0 candidates could be evaluated; give it more"):
        closing.plan(trials(), SCORE, seconds=1.0)


def test_the_best_was_trained_to_the_end() -> None:
    def final(role: str, accuracy: float, **parts: Any) -> Final:
        outcome = Outcome.of({"val_accuracy": accuracy}, seconds=0.0, device="cpu")
        arch = SPACE.decode((0, 0, 0, 0))
        return Final(role=role, tokens=(), arch_id="a", cost=cost(arch), outcome=outcome, **parts)

    behind = final("search 2", 0.9, stopped=3)
    assert best_of([final("search 1", 0.5), behind, final("random", 0.6)]).role == "random"
    with pytest.raises(UsageError, match="Every final training failed"):
        best_of([behind])


def test_what_was_measured_is_kept_with_the_plan(closing: Closing, tmp_path: Path) -> None:
    table = profiled(MobileSpace(classes=10, resolution=8), tmp_path / "t.json", networks=6)
    looked: list[str] = []

    def meter(arch: Architecture) -> Latency:
        looked.append(arch.id)
        ms = 2.0 if len(looked) == 1 else 0.5  # the first one is too slow
        return Latency(median_ms=ms, low_ms=ms, high_ms=ms, samples=30)

    def limited() -> Closing:
        limit = LatencyLimit(
            LatencyPredictor.of(table), limit_ms=1.0, meter=meter, setting=SETTING
        )
        return replace(closing, latency=limit)

    rows = [(0, 0, 0, 0), (1, 1, 1, 0), (2, 1, 0, 1)]
    plan = limited().plan(trials(*rows), SCORE, seconds=1.0)
    slow = SPACE.decode(rows[2]).id
    assert looked[0] == slow and slow not in [f.arch.id for f in plan.finalists]
    again, before = limited(), len(looked)
    assert again.planned() == plan and again.latency is not None
    assert {f.arch.id for f in plan.finalists} <= again.latency.measured.keys()
    assert all(again.latency.meets(f.arch) for f in plan.finalists) and len(looked) == before
