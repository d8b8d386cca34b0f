"""The smallest space, evaluator and strategy keep the contracts."""

from __future__ import annotations

from pathlib import Path

from netwright.arch.graph import Architecture
from netwright.contracts import Evaluator, Space, Strategy
from netwright.fakes import ONE, FakeEvaluator, RandomDraws, TinySpace
from netwright.spaces.tokens import count
from netwright.testing import EvaluatorContract, SpaceContract, StrategyContract


class TestTinySpace(SpaceContract):
    def make(self) -> Space:
        return TinySpace()


class TestFakeEvaluator(EvaluatorContract):
    def make(self) -> Evaluator:
        return FakeEvaluator()

    def make_failing(self) -> tuple[Evaluator, Architecture]:
        return FakeEvaluator(failing=1.0), TinySpace().decode((0, 0, 0, 0))


class TestRandomDraws(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        return RandomDraws(space, seed=seed)


def test_sizes() -> None:
    assert count(TinySpace()) == 84
    assert count(ONE) == 1


def test_the_log_has_a_line_for_every_call(tmp_path: Path) -> None:
    evaluator, arch = FakeEvaluator(log=tmp_path / "log"), TinySpace().decode((1, 1, 1, 1))
    evaluator(arch, seed=0), evaluator(arch, seed=1)
    assert (tmp_path / "log").read_text().split() == [arch.id] * 2
