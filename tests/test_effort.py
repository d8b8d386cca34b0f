"""The length of short trainings depends on what was asked for, and on nothing else."""

from __future__ import annotations

from netwright.effort import FEWEST_STEPS, MOST_EPOCHS, probe_steps
from netwright.records import Budget
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.within import Within
from netwright.training.survey import DataFacts


def facts(count: int) -> DataFacts:
    return DataFacts(
        source="x", name="x", classes=("a", "b"), channels=3, resolution=32, stored=32, flip=True,
        counts={"train": (count // 2, count // 2), "val": (10, 10)}, origins={},
    )  # fmt: skip


SPACE = MobileSpace(2, 32)
SMALL = Within.of(SPACE, Budget(macs=5e6))
LARGE = Within.of(SPACE, Budget(macs=50e6))


def test_more_time_gives_longer_trainings_up_to_three_epochs() -> None:
    steps = [probe_steps(facts(10_000), SMALL, minutes=m) for m in (0.1, 10, 30, 10_000)]
    assert steps == sorted(steps)
    assert steps[0] == FEWEST_STEPS
    assert steps[-1] == MOST_EPOCHS * (10_000 // 64)


def test_larger_networks_get_shorter_ones() -> None:
    small = probe_steps(facts(10**6), SMALL, minutes=60)
    assert probe_steps(facts(10**6), LARGE, minutes=60) < small


def test_few_images_still_train_for_a_while() -> None:
    assert probe_steps(facts(40), SMALL, minutes=60) == FEWEST_STEPS
