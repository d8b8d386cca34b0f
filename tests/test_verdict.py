"""The sentence at the end says no more than the validation images allow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwright.arch.cost import Cost
from netwright.finals import Final
from netwright.records import Outcome
from netwright.verdict import verdict


def final(role: str, accuracy: float | None) -> Final:
    outcome = (
        Outcome(status="failed", reason="loss became nan at step 3")
        if accuracy is None
        else Outcome.of({"val_accuracy": accuracy}, seconds=1.0, device="cpu")
    )
    costs = Cost(params=1, macs=1, peak_activation_bytes=1)
    return Final(role=role, tokens=(0,), arch_id="a", cost=costs, outcome=outcome)


@pytest.mark.parametrize(
    ("ours", "random", "images", "words"),
    [
        (0.70, 0.60, 1500, "The search paid off"),
        (0.62, 0.60, 1500, "'random', does as well within the noise (2.0 points"),
        (0.60, 0.70, 1500, "The plain network 'random' is ahead"),
        (0.70, 0.60, 50, "within the noise"),
        (0.62, 0.60, 100_000, "The search paid off"),
    ],
)
def test_a_difference_must_exceed_its_noise(
    ours: float, random: float, images: int, words: str
) -> None:
    finals = [final("search 1", ours), final("search 2", 0.5), final("random", random)]
    assert words in verdict([*finals, final("most params", 0.4)], images=images)


def test_the_noise_is_two_standard_errors_of_the_difference() -> None:
    text = verdict([final("search 1", 0.5), final("random", 0.5)], images=10_000)
    assert "noise ±2.0" in text  # 2 * sqrt(2 * (0.25 / 10,000 + 0.005 ** 2))


def test_several_random_networks_count_as_their_mean() -> None:
    randoms = [final(role, a) for role, a in (("random", 0.5), ("random 2", 0.6))]
    text = verdict([final("search 1", 0.65), *randoms], images=10_000)
    assert "Against the mean of 2 random networks it has +10.0 points, ±10.1." in text
    alike = [final(role, 0.55) for role in ("random", "random 2", "random 3")]
    text = verdict([final("search 1", 0.65), *alike], images=10_000)
    assert "mean of 3 random networks it has +10.0 points, ±1.6." in text  # images and seeds


def test_who_was_left_behind_is_not_compared() -> None:
    behind = replace(final("search 2", 0.9), stopped=3)
    text = verdict([final("search 1", 0.5), behind, final("random", 0.7)], images=10_000)
    assert "'random' is ahead" in text


def test_failed_trainings_are_passed_over() -> None:
    finals = [final("search 1", None), final("search 2", 0.9), final("random", 0.5)]
    assert "paid off" in verdict(finals, images=1000)
    assert "No comparison" in verdict([final("search 1", 0.9), final("random", None)], images=9)
