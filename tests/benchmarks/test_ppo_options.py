"""The table of PPO's options: every name stands for settings that PPO has, and what is tested."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from netwright.records import Objective
from netwright.strategies.ppo import PPO
from ppo_options import OPTIONS, PAPERS, changed, differences
from strategies.policies import levers

DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(PPO).parameters.items()
    if parameter.default is not inspect.Parameter.empty
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_one_of_ppo_and_not_its_default(name: str) -> None:
    settings = OPTIONS[name]
    assert all(DEFAULTS[what] != value for what, value in settings.items())
    assert name in ("default", "as published") or 1 <= len(settings) <= 2
    strategy = changed(settings)(levers(2, 3), Objective(metric="score"), 0)
    assert isinstance(strategy, PPO) and len(strategy.ask(2)) == 2


def test_the_papers_settings_are_those_of_the_docstring() -> None:
    page = inspect.getdoc(inspect.getmodule(PPO)) or ""
    for text in (
        "3.5e-4",
        "entropy=1e-5",
        "entropy_half_life=None",
        'rewards="value"',
        "elites=0",
    ):
        assert text in page
    assert PAPERS["learning_rate"] == 3.5e-4 and PAPERS["rewards"] == "value"


def test_differences_are_to_the_default_seed_by_seed() -> None:
    default = np.array([[93.0 + i, 94.0 + i, 94.2 + i] for i in range(8)])
    facts = differences({"default": default, "better": default + 0.5})
    assert list(facts) == [f"better, {n} networks, less the default" for n in (100, 300, 500)]
    first = facts["better, 100 networks, less the default"]
    assert first == {"mean": pytest.approx(0.5), "p of more": 2**-8, "p of less": 1.0}
