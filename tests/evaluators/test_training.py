"""Evaluation by training keeps the contract; parts of a training add up to the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from netwright.arch.graph import Architecture
from netwright.contracts import Evaluator
from netwright.evaluators.training import SpeedEvaluator, TrainingEvaluator
from netwright.nn.build import build
from netwright.nn.weights import load_weights
from netwright.testing import EvaluatorContract
from netwright.training.evaluate import evaluate
from netwright.training.recipe import default_recipe
from netwright.training.reference import DataRef


class TestTrainingEvaluator(EvaluatorContract):
    @pytest.fixture(autouse=True)
    def images(self, photos: Path) -> None:
        self.data = DataRef(source=str(photos), resolution=8)

    def make(self, steps: int = 6) -> TrainingEvaluator:
        return TrainingEvaluator(
            data=self.data, recipe=default_recipe(self.data.open(), steps=steps)
        )

    def make_failing(self) -> tuple[Evaluator, Architecture]:
        made = self.make(steps=12)
        recipe = replace(made.recipe, lr=1000.0, clip_norm=0.0, optimizer="sgd", warmup_steps=0)
        return replace(made, recipe=recipe), self.architectures()[0]

    def test_a_diverged_training_says_where(self) -> None:
        evaluator, arch = self.make_failing()
        outcome = evaluator(arch, seed=0)
        assert "became" in outcome.reason and not outcome.metrics

    def test_no_metric_depends_on_the_clock(self) -> None:
        outcome = self.make()(self.architectures()[0], seed=0)
        assert set(outcome.metrics) == {"steps", "val_accuracy", "val_loss"}

    def test_parts_are_the_whole(self, tmp_path: Path) -> None:
        arch = self.architectures()[0]
        whole = self.make()(arch, seed=3)
        cut = replace(self.make(), folder=str(tmp_path))
        for until in (2, 3, 6):
            part = replace(cut, until=until)(arch, seed=3)
            assert part.metrics["steps"] == until
            weights = cut.path(arch.id, "weights")
            assert weights is not None and weights.is_file() == (until == 6)
        same = {k: v for k, v in part.metrics.items() if k != "train_seconds"}
        assert same == whole.metrics
        again = replace(cut, until=2)(arch, seed=3)  # asked for less than there is
        assert again.metrics["val_loss"] == whole.metrics["val_loss"]

    def test_the_weights_that_are_kept_are_those_that_were_measured(self, tmp_path: Path) -> None:
        arch = self.architectures()[0]
        evaluator = replace(self.make(), folder=str(tmp_path))
        outcome = evaluator(arch, seed=1)
        path = evaluator.path(arch.id, "weights")
        assert path is not None
        module = build(arch, seed=9)
        assert load_weights(module, path)["arch"] == arch.id
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            found = evaluate(module, self.data.open())
        finally:
            torch.set_num_threads(threads)
        assert found.accuracy == outcome.metrics["val_accuracy"]
        assert found.loss == pytest.approx(outcome.metrics["val_loss"], rel=1e-5)


def test_the_speed_of_a_network_is_a_positive_time(photos: Path) -> None:
    data = DataRef(source=str(photos), resolution=8)
    evaluator = SpeedEvaluator(data=data, recipe=default_recipe(data.open(), steps=9))
    (arch, *_) = EvaluatorContract().architectures()
    outcome = evaluator(arch, seed=0)
    assert outcome.status == "ok" and outcome.metrics["step_seconds"] > 0
