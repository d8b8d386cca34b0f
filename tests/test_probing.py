"""A check as it runs: which probes, how long they train, and what an interruption costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netwright.arch.cost import cost
from netwright.catalog import PROXIES, TOGETHER
from netwright.check_folder import CheckFolder, known
from netwright.checked import Check
from netwright.errors import StoreError, UsageError
from netwright.evaluators.training import SpeedEvaluator, TrainingEvaluator
from netwright.events import Event, Stage
from netwright.fakes import TinySpace
from netwright.judge import Judge
from netwright.ledger import Progress
from netwright.pipeline import Clock
from netwright.predict.descriptors import describe_all
from netwright.predict.probes import standardised
from netwright.probing import Prober, choose_probes, makespan
from netwright.records import Budget, Outcome
from netwright.rng import derive, stream
from netwright.run_folder import RunFolder
from netwright.spaces.within import Within
from netwright.store import read_store
from netwright.training.reference import DataRef
from netwright.training.survey import peek_data
from netwright.workers import Serial, evaluate

pytestmark = pytest.mark.usefixtures("quick_finals")
WITHIN = Within.of(TinySpace(), Budget(params=4000))
Run = Callable[..., Check]


@pytest.fixture
def prober(photos: Path, tmp_path: Path) -> Callable[..., Prober]:
    """A check of the tiny space on the photos, in this process."""

    def make(**options: Any) -> Prober:
        settings: dict[str, Any] = {
            "within": WITHIN, "data": DataRef(source=str(photos), resolution=8),
            "facts": peek_data(str(photos), resolution=8),
            "proxies": tuple(PROXIES[n] for n in ("naswot", "jacob_cov", "az_trainability")),
            "ensembles": tuple(TOGETHER.values()), "metric": "val_loss",
            "folder": CheckFolder(tmp_path), "seed": 0, "workers": 1, "executor": Serial(),
            "clock": Clock(seconds=60, started=time.monotonic()), **options,
        }  # fmt: skip
        return Prober(**settings)

    return make


def test_probes_fit_and_are_farther_apart_than_random_ones() -> None:
    rows = choose_probes(WITHIN, 8, seed=0)
    assert len({WITHIN.space.decode(r).id for r in rows}) == 8
    assert all(cost(WITHIN.space.decode(r)).params <= 4000 for r in rows)
    assert choose_probes(WITHIN, 8, seed=0) == rows
    rng = stream(0, "other")
    others = [WITHIN.sample(rng=rng) for _ in range(8)]
    table = standardised(describe_all([WITHIN.space.decode(r) for r in (*rows, *others)]))

    def nearest(part: Any) -> float:
        gaps = ((part[:, None] - part[None]) ** 2).sum(-1)
        return float(min(gaps[i, j] for i in range(8) for j in range(i)))

    assert nearest(table[:8]) > nearest(table[8:])


def test_a_small_space_has_fewer_probes() -> None:
    one = Within.of(TinySpace(widths=(4,), depths=(0,)), Budget())
    assert len(choose_probes(one, 50, seed=0)) < 50


def test_tasks_go_to_whoever_is_free() -> None:
    assert makespan([5, 3, 2, 2], workers=2) == 7 and makespan([4, 1], workers=1) == 5
    assert makespan([], workers=3) == 0


def test_it_weighs_all_and_writes_it_down(prober: Any, tmp_path: Path) -> None:
    seen: list[Event] = []
    check = prober(on_event=seen.append).run(6, steps=4)
    assert check.steps == 4 and len(check.probes) == check.weighed.networks == 6
    names = {row.name: row for row in check.scores}
    assert set(names) == {
        "params", "macs", "sum_log_n", "naswot", "jacob_cov", "az_trainability", "consensus"
    }  # fmt: skip
    assert names["consensus"].kind == "ensemble" and names["params"].kind == "control"
    assert (names["naswot"].ms or 0) > 0
    assert check.noise is not None and check.noise > 0
    assert sum(p.again is not None for p in check.probes) == 2
    folder = CheckFolder(tmp_path)
    assert folder.result.is_file() and folder.table.read_text().count("\n") == 8
    assert [type(e) for e in seen].count(Stage) == 5 and any(isinstance(e, Progress) for e in seen)
    assert check.facts["budget"] == {"params": 4000}


def test_the_trainings_are_those_of_a_search(prober: Any, photos: Path, tmp_path: Path) -> None:
    """Same seed, same recipe, same weights: what a search would have found for the network."""
    check = prober(proxies=()).run(2, steps=3)
    settings = {"data": str(photos), "space": "tiny", "seed": 0, "resolution": 8, "budget": {}}
    RunFolder(tmp_path).write_json(CheckFolder(tmp_path).settings, settings)
    data, facts = DataRef(source=str(photos), resolution=8), peek_data(str(photos), resolution=8)
    judge = Judge.by_training("val_loss", data, facts, steps=3, device="cpu")
    for probe in check.probes:
        arch = WITHIN.space.decode(probe.tokens)
        found = evaluate(judge.evaluator, arch, derive(0, "evaluate", arch.id))
        assert probe.outcome is not None
        assert found.metrics["val_loss"] == probe.outcome.metrics["val_loss"]
    assert known(tmp_path).evaluator == judge.name and known(tmp_path).steps == 3


def test_a_killed_check_trains_nothing_twice(
    prober: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []
    original = TrainingEvaluator.__call__

    def counted(self: TrainingEvaluator, arch: Any, *, seed: int) -> Outcome:
        trained.append(arch.id)
        if len(trained) == 4:
            raise KeyboardInterrupt
        return original(self, arch, seed=seed)

    monkeypatch.setattr(TrainingEvaluator, "__call__", counted)
    monkeypatch.setattr("netwright.workers.Serial.submit", _straight)
    with pytest.raises(KeyboardInterrupt):
        prober().run(5, steps=3)
    plan = CheckFolder(tmp_path).read_plan()
    with read_store(CheckFolder(tmp_path).store("trainings")) as store:
        assert len(store) == 3
    monkeypatch.setattr("netwright.probing.choose_probes", None)  # not chosen again
    monkeypatch.setattr("netwright.probing.SpeedEvaluator", None)  # nor measured
    monkeypatch.setattr("netwright.evaluators.proxies.score", None)  # nor scored
    check = prober().run(5)
    assert CheckFolder(tmp_path).read_plan() == plan and check.steps == 3
    assert len(trained) == 4 + 2 + 2 and check.weighed.networks == 5
    again = prober().run(5)
    assert len(trained) == 8 and again.scores == check.scores
    with pytest.raises(StoreError, match="holds a search with evaluator"):
        prober(proxies=(PROXIES["naswot"],)).run(5)


def _straight(self: Serial, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
    """A future whose exceptions, Ctrl-C too, come at once."""
    from concurrent.futures import Future

    future: Future[Any] = Future()
    future.set_result(fn(*args, **kwargs))
    return future


def test_trainings_are_as_long_as_the_time_allows(prober: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(
        SpeedEvaluator, "__call__",
        lambda self, arch, *, seed: Outcome.of({"step_seconds": 0.1}, seconds=0.0, device="cpu"),
    )  # fmt: skip
    clock = Clock(seconds=20, started=time.monotonic())
    asked = prober(clock=clock, proxies=(), workers=2)
    rows = choose_probes(WITHIN, 6, seed=0)
    plan = asked._plan(rows, None)
    # 20 s less 6% and 4 starts of half a second; three rounds and one; two looks at one batch.
    assert plan.steps == pytest.approx((20 * 0.94 - 2) / (0.1 * 4) - 2 / 3, abs=3)
    long = prober(clock=replace(clock, seconds=36000))._plan(rows, None)
    assert long.steps == 20 * (30 // 8)  # epochs of batches
    assert prober(clock=replace(clock, seconds=0.1))._plan(rows, None).steps == 1


def test_what_there_was_no_time_for_is_left_out(prober: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("netwright.probing._LEAST_SECONDS", 1e-9)
    check = prober(clock=Clock(seconds=1e-3, started=time.monotonic())).run(6, steps=4)
    assert check.weighed.networks == 1 == len(check.probes)
    assert "1 networks were trained" in check.verdict


def test_a_probe_that_was_not_trained_in_time_is_said_to_be_so(
    prober: Any, monkeypatch: Any
) -> None:
    clock = Clock(seconds=60, started=time.monotonic())
    then = _after(Judge.by_training, lambda: _late(monkeypatch))
    monkeypatch.setattr(Judge, "by_training", then)
    check = prober(clock=clock).run(4, steps=3)
    assert check.weighed.networks == 1 and check.noise is None
    assert [p.to_dict()["status"] for p in check.probes].count("not trained") == 3


def _after(call: Any, then: Callable[[], None]) -> Any:
    def both(*args: Any, **options: Any) -> Any:
        then()
        return call(*args, **options)

    return both


def _late(monkeypatch: Any) -> None:
    """From now on the time is up."""
    monkeypatch.setattr("netwright.probing._LEAST_SECONDS", 1e-9)
    monkeypatch.setattr(Clock, "used", lambda self: 60.0)


def test_probes_that_cannot_be_trained_say_why(prober: Any, monkeypatch: Any) -> None:
    failed = Outcome(status="failed", reason="out of memory")
    monkeypatch.setattr(SpeedEvaluator, "__call__", lambda self, arch, *, seed: failed)
    with pytest.raises(UsageError, match="No probe can be trained: out of memory"):
        prober(proxies=()).run(3)


def test_failed_trainings_are_data(prober: Any, monkeypatch: Any) -> None:
    original = TrainingEvaluator.__call__

    def sometimes(self: TrainingEvaluator, arch: Any, *, seed: int) -> Outcome:
        if cost(arch).params > 2000:
            return Outcome(status="failed", reason="loss became nan at step 2")
        return original(self, arch, seed=seed)

    monkeypatch.setattr(TrainingEvaluator, "__call__", sometimes)
    check = prober(proxies=()).run(6, steps=3)
    status = [p.to_dict()["status"] for p in check.probes]
    assert "failed" in status and "ok" in status and check.weighed.networks == 6
