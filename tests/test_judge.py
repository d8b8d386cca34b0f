"""What a search goes by: the metric's direction, the evaluator, a name of its own."""

from __future__ import annotations

import pytest

from netwright.evaluators.proxies import ProxyEvaluator
from netwright.evaluators.training import TrainingEvaluator
from netwright.judge import Judge
from netwright.proxies.listing import ALL
from netwright.training.reference import DataRef
from netwright.training.survey import peek_data

DATA = DataRef(source="digits", resolution=8)
FACTS = peek_data("digits")


@pytest.mark.parametrize("proxy", ALL, ids=lambda p: p.name)
def test_a_proxy_keeps_its_direction(proxy: object) -> None:
    found = next(p for p in ALL if p is proxy)
    judge = Judge.by_proxy(found, DATA, FACTS, device="cpu")
    assert isinstance(judge.evaluator, ProxyEvaluator)
    assert judge.objective.metric == found.name
    assert (judge.objective.direction == "max") == found.higher_is_better
    assert found.name in judge.name


def test_a_loss_is_made_small_and_an_accuracy_large() -> None:
    loss = Judge.by_training("val_loss", DATA, FACTS, steps=9, device="cpu")
    accuracy = Judge.by_training("val_accuracy", DATA, FACTS, steps=9, device="cpu")
    assert (loss.objective.direction, accuracy.objective.direction) == ("min", "max")
    assert isinstance(loss.evaluator, TrainingEvaluator)
    assert loss.evaluator.recipe.steps == 9
    assert loss.evaluator.folder is None


def test_lengths_are_told_apart_by_name() -> None:
    names = {
        Judge.by_training("val_loss", DATA, FACTS, steps=n, device="cpu").name for n in (8, 9)
    }
    assert len(names) == 2
