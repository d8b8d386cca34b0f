"""Every built-in name leads somewhere, a wrong one is answered with the nearest."""

from __future__ import annotations

import types
from functools import partial
from pathlib import Path

import pytest

from netwright import catalog
from netwright.contracts import Space, Strategy
from netwright.errors import UnknownNameError, UsageError
from netwright.evaluators.ensembles import EnsembleEvaluator
from netwright.fakes import TinySpace
from netwright.judge import Judge
from netwright.proxies.listing import ALL
from netwright.proxies.scoring import resolve
from netwright.records import Budget, Objective
from netwright.spaces.within import Within
from netwright.training.reference import DataRef
from netwright.training.survey import peek_data


@pytest.mark.parametrize("name", catalog.SPACES)
def test_spaces_are_made_for_the_images(name: str) -> None:
    space: Space = catalog.space(name, classes=5, resolution=32, channels=1)
    arch = space.decode(space.canonical(tuple(0 for _ in space.choices)))
    assert space.name == name
    assert arch.input_shape == (1, 32, 32) and arch.classes == 5


@pytest.mark.parametrize("name", catalog.STRATEGIES)
def test_strategies_are_started_alike(name: str) -> None:
    within = Within.of(TinySpace(), Budget(params=5000))
    start = catalog.strategy(name)
    strategy: Strategy = start(within, Objective(metric="score"), 0)
    asked = strategy.ask(4)
    assert len(asked) == 4 and all(within.fits(tokens) for tokens in asked)
    again = start(within, Objective(metric="score"), 0)
    assert list(again.ask(4)) == list(asked)


@pytest.mark.parametrize("name", catalog.PROXIES)
def test_proxies_lead_to_functions(name: str) -> None:
    assert callable(resolve(catalog.proxy(name))) and catalog.proxy(name).name == name


def test_names_of_two_kinds_do_not_collide() -> None:
    assert not set(catalog.TRAINED) & set(catalog.PROXIES)
    assert not set(catalog.TOGETHER) & {*catalog.TRAINED, *catalog.PROXIES}
    assert len(catalog.PROXIES) == len(ALL)


def test_an_objective_is_a_proxy_or_a_training() -> None:
    assert catalog.objective("val_loss") is None
    assert catalog.objective("zico") is catalog.proxy("zico")
    data, facts = DataRef(source="digits"), peek_data("digits")
    for name in ("val_loss", "val_accuracy", "naswot"):
        judge = catalog.judge(name, data, facts, steps=5, device="cpu")
        assert isinstance(judge, Judge) and judge.objective.metric == name


def test_an_ensemble_ranks_in_a_sample_of_the_space(photos: Path) -> None:
    data = DataRef(source=str(photos), resolution=8)
    facts = peek_data(data.source, resolution=8)
    within = Within.of(TinySpace(), Budget(), seed=0)
    look = partial(catalog.judge, "consensus", data, facts, steps=5, device="cpu")
    judge, again = look(within=within, seed=3), look(within=within, seed=3)
    assert judge == again and judge.objective.metric == "consensus"
    assert isinstance(judge.evaluator, EnsembleEvaluator)
    assert judge.evaluator != look(within=within, seed=4).evaluator
    assert judge.objective.direction == "max"
    with pytest.raises(UsageError, match="within="):
        look()


@pytest.mark.parametrize(
    ("kind", "look", "name", "near"),
    [
        ("space", catalog.space, "nasnett", "nasnet"),
        ("strategy", catalog.strategy, "evolutoin", "evolution"),
        ("proxy", catalog.proxy, "zicco", "zico"),
        ("objective", catalog.objective, "val_los", "val_loss"),
        ("architecture, file or run", catalog.architecture, "mnasnet_a", "mnasnet_a1"),
    ],
)
def test_a_miss_suggests_the_nearest(
    kind: str, look: types.FunctionType, name: str, near: str
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        look(name)
    assert str(caught.value) == f"No {kind} is called {name!r}. Did you mean {near!r}?"


def test_a_network_of_two_modules_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = (*catalog.PUBLISHED_IN, catalog.PUBLISHED_IN[0])
    monkeypatch.setattr(catalog, "PUBLISHED_IN", twice)
    with pytest.raises(ValueError, match="Two networks are called"):
        catalog.published()


def test_a_network_from_its_name_its_file_or_its_run(tmp_path: Path) -> None:
    named = catalog.architecture("mnasnet_small", classes=3, resolution=32)
    assert named.classes == 3 and named.input_shape == (3, 32, 32)
    (tmp_path / "run.toml").touch()
    (tmp_path / "best.json").write_text(named.to_json())
    for place in (tmp_path, tmp_path / "best.json"):
        assert catalog.architecture(str(place), classes=9, resolution=64) == named
    with pytest.raises(UsageError, match="There is no architecture file"):
        catalog.architecture(str(tmp_path / "none.json"))


def test_only_a_strategy_with_several_goals_keeps_costs_small() -> None:
    found = {name: catalog.costs(name) for name in (*catalog.STRATEGIES, "of my own")}
    assert found.pop("nsga2") == found.pop("ppo-pareto") == ("macs",)
    assert set(found.values()) == {()}
