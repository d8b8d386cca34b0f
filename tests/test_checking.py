"""The Python face of a check: what it gives, refuses and goes on with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import netwright as nw
from netwright.checked import Check
from netwright.errors import BudgetError, StoreError, UsageError
from netwright.evaluators.training import TrainingEvaluator
from netwright.fakes import TinySpace
from netwright.records import Outcome
from netwright.workers import Serial

pytestmark = pytest.mark.usefixtures("quick_finals")
Call = Callable[..., Check]


@pytest.fixture
def check(photos: Path, tmp_path: Path) -> Call:
    def call(**options: object) -> Check:
        settings = {
            "budget": nw.Budget(params=3000), "probes": 5, "steps": 2, "proxies": ["naswot"],
            "executor": Serial(), "out": tmp_path / "check", **options,
        }  # fmt: skip
        return nw.check(TinySpace(), str(photos), **settings)  # type: ignore[arg-type]

    return call


def test_it_gives_a_frozen_result_and_goes_on(check: Call) -> None:
    found = check()
    assert found.verdict and {row.name for row in found.scores} > {"params", "naswot"}
    assert check(resume=True).probes == found.probes
    with pytest.raises(AttributeError):
        found.steps = 3  # type: ignore[misc]
    with pytest.raises(UsageError, match="already holds a check; add --resume"):
        check()
    with pytest.raises(UsageError, match="holds a check with probes 5, not 6"):
        check(resume=True, probes=6)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"probes": 1}, UsageError, "ask for 5 or more"),
        ({"minutes": 0}, UsageError, "give a number above 0"),
        ({"steps": 0}, UsageError, "trains nothing"),
        ({"metric": "zico"}, UsageError, "val_loss or val_accuracy, not zico"),
        ({"proxies": ["zicco"]}, UsageError, "Did you mean 'zico'"),
        ({"budget": nw.Budget(params=3)}, BudgetError, "they range from"),
        ({"device": "gpu"}, UsageError, "No device is called"),
        ({"resume": True}, UsageError, "is not the folder of a check"),
    ],
)
def test_a_mistake_leaves_nothing(
    check: Call, tmp_path: Path, options: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        check(**options)
    assert not any(tmp_path.iterdir())


def test_a_space_for_other_images_is_refused(photos: Path) -> None:
    with pytest.raises(UsageError, match=r"nw\.space\('tiny', classes=3"):
        nw.check(TinySpace(classes=5), str(photos), budget=nw.Budget())


def test_a_folder_that_cannot_be_written_is_named(check: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        check(out=tmp_path / "file" / "x")


def test_a_search_begins_with_the_trainings_and_repeats_none(
    check: Call, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = check()
    done = {p.arch_id: p.outcome for p in found.probes}
    trained: list[str] = []
    original = TrainingEvaluator.__call__

    def counted(self: TrainingEvaluator, arch: Any, *, seed: int) -> Outcome:
        if self.folder is None:  # not the finals
            trained.append(arch.id)
        return original(self, arch, seed=seed)

    monkeypatch.setattr(TrainingEvaluator, "__call__", counted)

    def search(**options: Any) -> nw.Run:
        settings = {
            "budget": nw.Budget(params=2500), "minutes": 0.02, "executor": Serial(),
            "out": tmp_path / "run", "probes": tmp_path / "check", **options,
        }  # fmt: skip
        return nw.search(TinySpace(), str(photos), **settings)

    run = search()
    fitting = [p.arch_id for p in found.probes if p.cost.params <= 2500]
    trials = run.trials()
    head = {t.arch_id: t.outcome for t in trials[: len(fitting)]}
    assert 0 < len(fitting) < 5 and head == {name: done[name] for name in fitting}
    assert not set(trained) & set(fitting) and len(trained) == len(set(trained))
    assert run.result["probes"] == len(fitting)
    assert f"after {len(fitting)} probes" not in run.result["strategy"]
    again = search(resume=True, minutes=0.04).trials()
    assert list(again[: len(trials)]) == list(trials) and not set(trained) & set(fitting)
    with pytest.raises(StoreError, match="already holds a search"):
        search()
    for options, said in (
        ({"seed": 1}, "The check has trainings|The check has seed 0, this search 1"),
        ({"objective": "naswot"}, "this search proxy naswot"),
        ({"probes": tmp_path}, "is not the folder of a check"),
    ):
        with pytest.raises(UsageError, match=said):
            search(out=tmp_path / "other", **options)
        assert not (tmp_path / "other").exists()
