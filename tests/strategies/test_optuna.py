"""Samplers of Optuna behind the contract of a strategy."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from netwright.contracts import Space, Strategy
from netwright.errors import UsageError
from netwright.fakes import TinySpace
from netwright.records import Budget, Objective
from netwright.spaces.within import Within
from netwright.strategies.optuna import Optuna
from netwright.testing import StrategyContract

SCORE = Objective(metric="score")
MISSING = importlib.util.find_spec("optuna") is None
needs_optuna = pytest.mark.skipif(MISSING, reason="needs optuna (the extra netwright[optuna])")


@needs_optuna
class TestOptuna(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        return Optuna(Within.of(space, Budget()), objective=SCORE, seed=seed)


@needs_optuna
class TestUnderABudget(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        within = Within.of(space, Budget(params=5000))
        return Optuna(within, objective=SCORE, seed=seed, sampler="RandomSampler")


@needs_optuna
def test_a_sampler_that_is_not_there() -> None:
    within = Within.of(TinySpace(), Budget())
    with pytest.raises(UsageError, match="no sampler 'TPE'"):
        Optuna(within, objective=SCORE, seed=0, sampler="TPE")


def test_without_optuna_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    within = Within.of(TinySpace(), Budget())
    with pytest.raises(UsageError, match=r"pip install 'netwright\[optuna\]'"):
        Optuna(within, objective=SCORE, seed=0)
