"""A whole search: its files, its clock, its one look at test data, workers, torch's own count."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from command_line import draw_photos
from netwright import catalog, pipeline
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.errors import StoreError, UsageError
from netwright.evaluators.training import SpeedEvaluator, TrainingEvaluator
from netwright.events import Stage
from netwright.fakes import FakeEvaluator, TinySpace
from netwright.judge import Judge
from netwright.loop import run_search
from netwright.nn.build import build
from netwright.nn.weights import load_weights
from netwright.pipeline import Clock, SearchResult
from netwright.records import Budget, Objective, Outcome, Trial
from netwright.rng import stream
from netwright.run_folder import RunFolder
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import fingerprint
from netwright.spaces.within import Within
from netwright.spending import STAGES
from netwright.store import RunKey, open_store, read_store
from netwright.training.evaluate import evaluate
from netwright.training.reference import DataRef
from netwright.training.survey import peek_data
from netwright.workers import Processes, Serial

pytestmark = pytest.mark.usefixtures("quick_finals")
SPACE = TinySpace()
SCORE = Objective(metric="score")
FAKE = Judge(evaluator=FakeEvaluator(), objective=SCORE, name="fake")
Search = Callable[..., SearchResult]


@pytest.fixture
def search(photos: Path, tmp_path: Path) -> Search:
    """A search of the tiny space on the photos, in this process unless told otherwise."""

    def call(*, source: Path = photos, minutes: float = 0.01, **options: Any) -> SearchResult:
        facts = peek_data(str(source), resolution=8)
        settings: dict[str, Any] = {
            "judge": FAKE, "strategy": "evolution", "start": catalog.strategy("evolution"),
            "folder": RunFolder(tmp_path / "run"), "seed": 0, "workers": 1, "executor": Serial(),
            **options,
        }  # fmt: skip
        clock = Clock(seconds=60 * minutes, started=time.monotonic())
        within = settings.pop("within", None) or Within.of(SPACE, Budget(params=3000))
        data = DataRef(source=str(source), resolution=8)
        return pipeline.search(within, data, facts, clock=clock, **settings)

    return call


def stored(run: RunFolder) -> list[Trial]:
    """The trials, but for the clock."""
    with read_store(run.trials) as store:
        return [replace(t, outcome=replace(t.outcome, seconds=0.0)) for t in store]


def test_the_folder_holds_what_was_found(search: Search, tmp_path: Path) -> None:
    result = search(settings="data = 'x'\n")
    run = RunFolder(tmp_path / "run")
    assert run.read_best() == result.best and run.config.read_text() == "data = 'x'\n"
    assert run.read_result() == json.loads(json.dumps(result.facts))
    best = max(result.finals, key=lambda f: f.accuracy or 0)
    assert best.accuracy == result.facts["best"]["val_accuracy"]
    assert result.facts["search"]["trials"] == len(stored(run))
    about = load_weights(build(result.best, seed=1), run.weights)
    assert about["arch"] == result.best.id and json.loads(about["classes"])[0] == "blue"


def test_seconds_are_accounted_for(search: Search) -> None:
    facts = search().facts
    seconds, spent = facts["seconds"], facts["spending"]
    assert spent["workers"] == 1 and spent["wall"] == pytest.approx(seconds["total"], abs=0.2)
    assert min(spent["train"], spent["measure"], spent["screen"]) > 0 and spent["probe"] == 0
    assert sum(spent[name] for name in (*STAGES, "idle")) == pytest.approx(spent["wall"], abs=0.1)
    parts = seconds["setup"] + seconds["search"] + seconds["finals"]
    assert parts == pytest.approx(seconds["total"], abs=0.1) and seconds["earlier sittings"] == 0


def test_the_seconds_of_earlier_sittings_are_summed(search: Search, tmp_path: Path) -> None:
    def stop(event: object) -> None:
        if isinstance(event, Stage) and event.text.startswith("Training"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(on_event=stop)
    killed = json.loads((tmp_path / "run" / "sittings.json").read_text())["seconds"]
    first = search(resume=True).facts["seconds"]
    assert len(killed) == 1 and first["earlier sittings"] == killed[0] > 0
    second = search(resume=True).facts["seconds"]
    assert second["earlier sittings"] == pytest.approx(killed[0] + first["total"], abs=0.5)
    assert second["earlier sittings"] > first["earlier sittings"]


def test_trials_end_a_search_and_more_of_them_go_on_with_it(
    search: Search, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    few = search(trials=1, minutes=0.05)
    assert few.facts["search"]["trials"] == 1
    assert few.facts["search"]["ended"] == "all 1 trials are done"
    before, plan = stored(run), (run.finals / "plan.json").read_text()
    more = search(trials=2, minutes=0.05, resume=True)
    assert more.facts["search"]["trials"] == 2 and stored(run)[:1] == before
    assert (run.finals / "plan.json").read_text() != plan


def test_test_images_are_looked_at_once_by_the_winner(
    search: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def watched(*args: Any, split: str = "val", **options: Any) -> Any:
        looks.append(split)
        return evaluate(*args, split=split, **options)

    for module in ("netwright.exam", "netwright.training.fit"):
        monkeypatch.setattr(f"{module}.evaluate", watched)
    for split, count in (("train", 12), ("test", 5)):
        draw_photos(tmp_path / "split" / split, dict.fromkeys(("red", "green", "blue"), count))
    test = search(source=tmp_path / "split").facts["test"]
    assert test["images"] == 15 and 0 <= test["low"] <= test["accuracy"] <= test["high"] <= 1
    assert looks.count("test") == 1 and looks[-1] == "test"
    with read_store(tmp_path / "run" / "trials.db") as store:
        assert not [m for t in store for m in t.outcome.metrics if m.startswith("test_")]
    again = search(source=tmp_path / "split", resume=True).facts
    assert again["test"] == test and looks.count("test") == 1


def test_an_interrupted_search_goes_on_to_the_same_plan(search: Search, tmp_path: Path) -> None:
    def stop(event: object) -> None:
        if isinstance(event, Stage) and event.text.startswith("Training"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(on_event=stop)
    run = RunFolder(tmp_path / "run")
    plan = (run.finals / "plan.json").read_text()
    before = stored(run)
    result = search(resume=True)
    assert (run.finals / "plan.json").read_text() == plan
    assert result.facts["recipe"] == json.loads(plan)["recipe"]
    assert stored(run)[: len(before)] == before


def test_a_folder_is_not_taken_twice_nor_by_another_search(search: Search, tmp_path: Path) -> None:
    search()
    with pytest.raises(StoreError, match="already holds a search"):
        search()
    for other in ({"seed": 1}, {"strategy": "mine"}, {"judge": replace(FAKE, name="another")}):
        with pytest.raises(StoreError, match="holds a search with"):
            search(resume=True, **other)


class Failing:
    """Nothing can be evaluated."""

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        return Outcome(status="failed", reason="loss became nan at step 4", device="cpu")


def test_a_search_without_a_candidate_says_why(search: Search) -> None:
    nothing = replace(FAKE, evaluator=Failing())
    with pytest.raises(UsageError, match="the first reason: loss became nan at step 4"):
        search(judge=nothing)


def test_finals_that_all_fail_say_why(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netwright.finals.TrainingEvaluator.__call__", Failing.__call__)
    with pytest.raises(UsageError, match="Every final training failed; the first: loss became"):
        search()


def test_a_missing_device_leaves_nothing(search: Search, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No device is called 'gpu'"):
        search(device="gpu")
    assert not any(tmp_path.iterdir())


def test_a_store_elsewhere_is_used(search: Search, tmp_path: Path) -> None:
    search(store=f"sqlite:///{tmp_path}/elsewhere.db")
    assert (tmp_path / "elsewhere.db").is_file()
    assert not (tmp_path / "run" / "trials.db").exists()


def judge_of(objective: str, data: DataRef) -> Judge:
    facts = peek_data(data.source, resolution=data.resolution)
    return catalog.judge(objective, data, facts, steps=3, device="cpu")


def trials_of(judge: Judge, place: Path, *, executor: Executor) -> list[Trial]:
    """A search of 12 candidates of the mobile space."""
    within = Within.of(MobileSpace(classes=3, resolution=8), Budget(macs=200_000))
    run = RunFolder(place)
    key = RunKey(
        space="mobile", fingerprint=fingerprint(within.space), seed=3, strategy="evolution",
        evaluator=judge.name, objective=judge.objective, budget=within.budget, batch=4,
    )  # fmt: skip
    with open_store(run.trials, run=key, resume=False) as store:
        run_search(
            within.space,
            catalog.strategy("evolution")(within, judge.objective, 3),
            evaluator=judge.evaluator,
            store=store,
            executor=executor,
            objective=judge.objective,
            budget=within.budget,
            seed=3,
            batch=4,
            trials=12,
        )
    return stored(run)


@pytest.mark.slow
def test_two_workers_make_the_trials_of_this_process(photos: Path, tmp_path: Path) -> None:
    """Tokens, ids, costs and metrics are equal to the last bit; test_loop has other numbers."""
    found: dict[str, list[list[Trial]]] = {}
    for crew in (Serial(), Processes(2)):
        with crew as executor:
            for objective in ("zico", "val_loss"):
                judge = judge_of(objective, DataRef(source=str(photos), resolution=8))
                place = tmp_path / f"{objective}-{len(found.get(objective, []))}"
                trials = trials_of(judge, place, executor=executor)
                found.setdefault(objective, []).append(trials)
    for here, two in found.values():
        assert here == two and len(here) == 12
        assert all(t.ok for t in here)


def test_what_is_called_feasible_is_feasible_by_torch(search: Search, tmp_path: Path) -> None:
    """To the last MAC and parameter, by numel and torch's counter on the meta device."""
    space = MobileSpace(classes=3, resolution=8)
    within = Within.of(space, Budget(macs=150_000, params=20_000))
    search(within=within)
    trials = [t for t in stored(RunFolder(tmp_path / "run")) if t.outcome.status != "rejected"]
    assert trials
    for trial in trials[:60]:
        arch = space.decode(trial.tokens)
        assert arch.id == trial.arch_id and cost(arch) == trial.cost
        module = build(arch, seed=0, device="meta").eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module(torch.empty(1, *arch.input_shape, device="meta"))
        params = sum(p.numel() for p in module.parameters())
        macs = counter.get_total_flops() // 2
        assert (params, macs) == (trial.cost.params, trial.cost.macs)
        assert params <= 20_000 and macs <= 150_000


class Table:
    """A validation loss for every network, as a table would give it."""

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        loss = 3 - cost(arch).params / 3000 + 0.2 * stream(0, arch.id).random()
        return Outcome.of({"val_loss": loss}, seconds=0.0, device="cpu")


def as_if_trained(self: TrainingEvaluator, arch: Architecture, *, seed: int) -> Outcome:
    steps = self.until or self.recipe.steps
    drawn = stream(seed, arch.id, steps).random()
    metrics = {"val_accuracy": drawn, "val_loss": 1 - drawn, "train_seconds": 1.0}
    weights = self.path(arch.id, "weights")
    assert weights is not None
    weights.touch()
    return Outcome.of(metrics, seconds=0.0, device="cpu")


class Killed(Serial):
    """Notes what it was given, and ends the process at a given submission."""

    def __init__(self, at: int, given: list[str]) -> None:
        super().__init__()
        self.left, self.given = at, given

    def submit(self, fn: Any, /, *args: Any, **options: Any) -> Any:
        if not isinstance(args[0], SpeedEvaluator):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            until = getattr(args[0], "until", "")
            self.given.append(f"{type(args[0]).__name__} {args[1].id} {until}")
        return super().submit(fn, *args, **options)


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No training takes time, so the clock decides nothing."""

    def fast(self: SpeedEvaluator, arch: Architecture, *, seed: int) -> Outcome:
        return Outcome.of({"step_seconds": 1e-9}, seconds=0.0, device="cpu")

    monkeypatch.setattr(SpeedEvaluator, "__call__", fast)
    monkeypatch.setattr(TrainingEvaluator, "__call__", as_if_trained)
    monkeypatch.setattr(pipeline, "examine", lambda *args, **options: None)


@pytest.mark.usefixtures("untimed")
@pytest.mark.parametrize(
    "strategy", ["evolution", pytest.param("predictor", marks=pytest.mark.slow)]
)
def test_a_funnel_killed_at_every_stage_ends_as_it_would_have(
    search: Search, tmp_path: Path, strategy: str
) -> None:
    loss = Objective(metric="val_loss", direction="min")
    funnel: dict[str, Any] = {
        "judge": Judge(evaluator=Table(), objective=loss, name="table"), "strategy": strategy,
        "start": catalog.strategy(strategy), "batch": 4, "trials": 24, "minutes": 60.0,
    }  # fmt: skip
    given: list[str] = []
    whole = search(executor=Killed(10**9, given), folder=RunFolder(tmp_path / "whole"), **funnel)
    cut, again, kills = RunFolder(tmp_path / "cut"), list[str](), 0
    rng = stream(0, "kills")
    while True:
        executor = Killed(int(rng.integers(0, 5)), again)
        try:
            result = search(executor=executor, folder=cut, resume=cut.is_run(), **funnel)
            break
        except KeyboardInterrupt:
            kills += 1
    assert kills >= 20 and sorted(again) == sorted(given) and len(set(again)) == len(again)
    assert stored(cut) == stored(RunFolder(tmp_path / "whole"))
    for part in ("finals", "best", "verdict", "recipe", "left_out"):
        assert result.facts[part] == whole.facts[part]
    assert len({f.stopped for f in whole.finals}) > 1  # some were left behind on the way
