"""The Python face: search with objects in hand, read a run, score any module."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

import netwright as nw
from netwright.cli import main
from netwright.config import read_toml
from netwright.errors import BudgetError, StoreError, UsageError
from netwright.events import Event, FinalsProgress, Stage
from netwright.face import Trials
from netwright.fakes import RandomDraws, TinySpace
from netwright.ledger import Progress
from netwright.nn.seeding import seeded
from netwright.records import Objective
from netwright.spaces.within import Within
from netwright.workers import Serial

pytestmark = pytest.mark.usefixtures("quick_finals")
SPACE = TinySpace()
Search = Callable[..., nw.Run]


@pytest.fixture
def search(photos: Path, tmp_path: Path) -> Search:
    def call(**options: object) -> nw.Run:
        settings = {
            "budget": nw.Budget(params=3000), "minutes": 0.02, "objective": "naswot",
            "executor": Serial(), "out": tmp_path / "run", **options,
        }  # fmt: skip
        return nw.search(SPACE, str(photos), **settings)  # type: ignore[arg-type]

    return call


def test_a_search_gives_a_run_that_can_be_read(search: Search) -> None:
    seen: list[Event] = []
    run = search(on_event=seen.append)
    assert nw.cost(run.best).params <= 3000
    assert run.result["best"]["arch_id"] == run.best.id
    trials = run.trials()
    assert trials and all(t.cost.params <= 3000 for t in trials)
    ends = [nw.cost(arch).macs for arch in run.front]
    assert ends == sorted(ends) and {a.id for a in run.front} <= {t.arch_id for t in trials}
    best = max((t for t in trials if t.ok), key=lambda t: t.outcome.metrics["naswot"])
    assert run.front[-1].id == best.arch_id
    kinds = [type(e) for e in seen]
    assert {Stage, Progress, FinalsProgress} == set(kinds) and kinds[0] is Stage
    settings = read_toml(run.folder.config)
    assert settings["space"] == "tiny" and settings["max_params"] == 3000
    assert "probe_steps" not in settings  # which say nothing where a proxy decides


def test_the_best_of_a_run_is_exported_with_its_weights(search: Search, tmp_path: Path) -> None:
    run = search()
    (weights,) = run.export("safetensors")
    assert weights.files == (str(run.folder.path / "export" / "weights.safetensors"),)
    (code, more) = run.export("code", out=tmp_path / "mine")
    assert code.max_relative_difference == 0 and more.format == "safetensors"
    with pytest.raises(UsageError, match="Did you mean 'onnx'"):
        run.export("onxn")
    largest = run.features().strides[0]
    features = run.features(strides=[largest])
    assert features.strides == (largest,) and not features.training


def test_one_seed_gives_one_search_and_a_run_goes_on(search: Search, tmp_path: Path) -> None:
    first = search().trials()
    again = search(resume=True, minutes=0.03).trials()
    assert list(again[: len(first)]) == list(first)
    other = search(out=tmp_path / "other").trials()
    common = min(len(other), len(first))
    assert [t.tokens for t in other[:common]] == [t.tokens for t in first[:common]]
    with pytest.raises(StoreError, match="already holds a search"):
        search()


def test_more_minutes_do_not_change_how_long_a_look_is(search: Search, tmp_path: Path) -> None:
    trials = search(objective="val_loss", minutes=0.01).trials()

    def stop(event: Event) -> None:
        if isinstance(event, Progress):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # and no StoreError for another length of training
        search(objective="val_loss", minutes=60.0, resume=True, on_event=stop)
    assert nw.Run(tmp_path / "run", SPACE).trials() == trials


def test_a_strategy_of_ones_own(search: Search) -> None:
    def start(within: Within, objective: Objective, seed: int) -> RandomDraws:
        return RandomDraws(within.space, seed=seed)

    run = search(strategy=start, budget=nw.Budget())
    draws = RandomDraws(SPACE, seed=0).ask(run.trials()[-1].number + 1)
    assert all(t.tokens == SPACE.canonical(draws[t.number]) for t in run.trials())
    assert "start" in run.result["strategy"]


def test_a_space_for_other_images_is_refused_with_what_to_write(photos: Path) -> None:
    with pytest.raises(UsageError, match=r"nw\.space\('tiny', classes=3, resolution=12"):
        nw.search(TinySpace(resolution=12, classes=5), str(photos), budget=nw.Budget())


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"budget": nw.Budget(params=10)}, BudgetError),
        ({"minutes": 0}, UsageError),
        ({"seed": -1}, UsageError),
        ({"device": "gpu"}, UsageError),
        ({"objective": "zicco"}, KeyError),
        ({"strategy": "evolutoin"}, KeyError),
    ],
)
def test_a_mistake_leaves_nothing(
    search: Search, tmp_path: Path, options: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        search(**options)
    assert not any(tmp_path.iterdir())


def test_another_search_does_not_overwrite_the_settings(search: Search, tmp_path: Path) -> None:
    search()
    before = (tmp_path / "run" / "run.toml").read_text()
    for options in ({}, {"resume": True, "seed": 5}):
        with pytest.raises(StoreError):
            search(**options)
    assert (tmp_path / "run" / "run.toml").read_text() == before


def test_any_module_is_scored_beside_the_controls(photos: Path) -> None:
    with seeded(0):
        module = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 3)
        )
    scores = nw.score(module, str(photos), proxies=["zico"], batch_size=8)
    assert set(scores) == {"params", "macs", "sum_log_n", "zico"}
    assert scores["params"].value == sum(p.numel() for p in module.parameters())
    arch = SPACE.decode((1, 1, 2, 0))
    found = nw.score(arch, str(photos), proxies=["naswot"], batch_size=8)
    assert (found["params"].value, found["macs"].value) == (
        nw.cost(arch).params,
        nw.cost(arch).macs,
    )
    with pytest.raises(UsageError, match="No device is called"):
        nw.score(arch, str(photos), device="gpu")


@pytest.mark.skipif(not importlib.util.find_spec("pandas"), reason="pandas is not installed")
def test_trials_become_a_table(search: Search) -> None:
    trials = search().trials()
    frame = trials.to_pandas()
    assert isinstance(trials, Trials) and len(frame) == len(trials)
    assert {"number", "tokens", "params", "macs", "naswot", "status"} <= set(frame.columns)


def test_scores_are_those_of_the_command_line(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arch = SPACE.decode((1, 1, 2, 0))
    path = tmp_path / "tiny.json"
    path.write_text(arch.to_json())
    capsys.readouterr()
    main(["score", str(photos), str(path), "--resolution", "8", "--json"])
    typed = json.loads(capsys.readouterr().out)["networks"][0]["scores"]
    called = nw.score(arch, str(photos))
    assert {name: row["value"] for name, row in typed.items()} == {
        name: score.value for name, score in called.items()
    }


def test_trials_end_a_search(search: Search) -> None:
    run = search(trials=1)
    assert len(run.trials()) == 1
    assert read_toml(run.folder.config)["trials"] == 1
