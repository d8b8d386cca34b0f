"""How the time of a search is spent: a convention, so that every machine plans the same search.

A third of the wall clock is for setting up and searching, the rest for the finals.  Measured on
CIFAR-10, one epoch is too few to judge networks by (its ranks agree with those after five epochs
at .36, after four at .77), so what more time buys first is longer short trainings, up to four
epochs, and only then more of them.  Where not even a handful would fit, the search goes by a
training-free score instead, and says so.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from textwrap import wrap
from typing import Any

from netwright.spaces.within import Within
from netwright.training.halving import Rung, ladder, work
from netwright.training.recipe import default_recipe, steps_per_epoch
from netwright.training.survey import DataFacts
from netwright.units import format_seconds

SEARCH_SHARE = 0.35  # of the wall clock, for setting up and searching
SLOW_SHARE = 0.5  # of it at most, where a slow machine has not trained FEWEST networks by then
RESERVE_SHARE = 0.05  # for what comes after the last training
FEWEST_STEPS = 80  # of a short training
AIMED, FEWEST = 16, 8  # short trainings
HANDFUL = 8  # with fewer the search goes by a training-free score
LONG_ENOUGH, MOST_EPOCHS = 4.0, 30.0  # of a short training: up to the first they only get longer
MOST_FINAL_EPOCHS = 200
MOST_CHECK_EPOCHS = 20  # of a check's trainings: fewer networks, so each may take longer
RIVALS = 2
AUTO = "auto"
_CONSENSUS_MINUTES = 2.0  # below, scoring its reference sample would take too much of the time
_MACS_PER_SECOND = 6e9  # of one laptop core in training; a convention, not a measurement
_STEP_OVERHEAD = 0.008  # seconds of a step, however small the network: the same
_CORES = 2


@dataclass(frozen=True, kw_only=True)
class Field:
    """Who is let into the finals, and where the candidates are compared on the way.

    Args:
        racers: Candidates of the search.
        randoms: Random networks.
        rungs: Of the race.
        epochs: That everybody must be able to train for, or fewer are let in.
        plain: Whether the one of most parameters and the published networks are in.
    """

    racers: int
    randoms: int
    rungs: tuple[Rung, ...]
    epochs: float
    plain: bool = True

    @property
    def work(self) -> float:
        """Full trainings that it is worth, with the one of most parameters and the rivals."""
        plain = 1 + RIVALS if self.plain else 0
        return work(self.racers, self.rungs) + self.randoms + plain


FIELDS = (
    Field(racers=8, randoms=3, rungs=ladder(8), epochs=60),
    Field(racers=6, randoms=3, rungs=ladder(6), epochs=30),
    Field(racers=4, randoms=1, rungs=ladder(4, room=0), epochs=15),
    Field(racers=3, randoms=1, rungs=ladder(3, first=0.15, room=0), epochs=0),
    Field(racers=1, randoms=1, rungs=(), epochs=0),  # where looks would cost more than training
    Field(racers=1, randoms=1, rungs=(), epochs=0, plain=False),  # where one step is too long
)
"""The largest for which there is time is taken, so that the winner does not pay for others."""


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """How a search is going to spend its time.

    Args:
        minutes: Wall clock for everything.
        workers: Networks that are looked at a time.
        objective: What candidates are judged by.
        strategy: What proposes them.
        probe_steps: Length of a short training; None where there are none.
        probe_epochs: The same in passes over the images.
        trainings: How many short trainings are expected.
        search_seconds: Wall clock for setting up, screening and short trainings.
        finals_seconds: Wall clock for the race and the final trainings.
        racers: Candidates in the race.
        randoms: Random networks beside them.
        final_epochs: Of the final recipe.
        step_seconds: Of a middling network in training, on one worker.
        measured: Whether that was measured; else it is a convention.
        too_short: Whether there is no time for short trainings, which would be better.
    """

    minutes: float
    workers: int
    objective: str
    strategy: str
    probe_steps: int | None
    probe_epochs: float | None
    trainings: int
    search_seconds: float
    finals_seconds: float
    racers: int
    randoms: int
    final_epochs: float
    step_seconds: float
    measured: bool
    too_short: bool = False

    @property
    def by_training(self) -> bool:
        """Whether candidates are judged by short trainings."""
        return by_training(self.objective)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The plan as people read it: a line a stage, folded at 79 columns."""
        how = "measured" if self.measured else "assumed until they are measured"
        search = format_seconds(self.search_seconds)
        if self.by_training:
            first = (
                f"search  {search}: about {self.trainings} short trainings of "
                f"{self.probe_epochs:.2g} epochs, chosen by {self.strategy}, judged by "
                f"{self.objective}"
            )
        else:
            why = ", as there is no time" if self.too_short else ""
            first = (
                f"search  {search}: no training{why}; candidates chosen by {self.strategy}, "
                f"judged by {self.objective}"
            )
        crowd = "1 random network" if self.randoms == 1 else f"{self.randoms} random networks"
        race = "1 candidate" if self.racers == 1 else f"{self.racers} candidates race"
        found = [
            f"Plan for {format_seconds(60 * self.minutes)} on {self.workers} workers; speeds are "
            f"{how}:",
            f"  {first}",
            f"  finals  {format_seconds(self.finals_seconds)}: {race}, beside {crowd}, the one "
            f"with most params, MobileNetV2 and EfficientNet-B0; {self.final_epochs:.3g} epochs",
            f"  rest    {format_seconds(60 * self.minutes * RESERVE_SHARE)}: test data, files",
        ]
        return [line for text in found for line in wrap(text, 79, subsequent_indent=" " * 10)]


def by_training(objective: str) -> bool:
    """Whether an objective is a metric of the validation split, which takes a training."""
    return objective.startswith("val_")


def plan_search(
    facts: DataFacts,
    within: Within,
    *,
    minutes: float,
    workers: int,
    objective: str = AUTO,
    strategy: str = AUTO,
    steps: int | None = None,
    step_seconds: float | None = None,
) -> SearchPlan:
    """The plan of a search: what is left open is chosen by what was asked for.

    Args:
        facts: Of the images.
        within: The space and the budget.
        minutes: Wall clock for everything.
        workers: Networks that are looked at a time; changes what is expected, not what is chosen.
        objective: ``auto``: the validation loss of short trainings, or a training-free score
            where the time is too short for a handful of them and their length is not known.
        strategy: ``auto``: ``predictor`` for short trainings, else ``evolution``.
        steps: Length of the short trainings, if it is known.
        step_seconds: Of a middling network in training on one worker, where it was measured.
    """
    epoch = steps_per_epoch(facts.count("train"), _batch_size(facts))
    possible = capacity(facts, within, minutes=minutes) * epoch / FEWEST_STEPS
    too_short = objective == AUTO and steps is None and possible < HANDFUL
    if objective == AUTO:
        free = "consensus" if minutes >= _CONSENSUS_MINUTES else "params"
        objective = free if too_short else "val_loss"
    trained = by_training(objective)
    if strategy == AUTO:
        strategy = "predictor" if trained else "evolution"
    if trained and steps is None:
        steps = probe_steps(facts, within, minutes=minutes)
    taken = step_seconds or _step_seconds(facts, within)
    seconds = 60 * minutes * SEARCH_SHARE
    finals = 60 * minutes * (1 - SEARCH_SHARE - RESERVE_SHARE)
    field = next(f for f in FIELDS if finals * workers / (taken * epoch * f.work) >= f.epochs)
    return SearchPlan(
        minutes=minutes,
        workers=workers,
        objective=objective,
        strategy=strategy,
        probe_steps=steps if trained else None,
        probe_epochs=steps / epoch if trained and steps else None,
        trainings=max(1, int(seconds * workers / (taken * steps))) if trained and steps else 0,
        search_seconds=seconds,
        finals_seconds=finals,
        racers=field.racers,
        randoms=field.randoms,
        final_epochs=min(MOST_FINAL_EPOCHS, finals * workers / (taken * epoch * field.work)),
        step_seconds=taken,
        measured=step_seconds is not None,
        too_short=too_short,
    )


def probe_steps(facts: DataFacts, within: Within, *, minutes: float) -> int:
    """How long the short trainings of a search are, in steps.

    A pure function of what the user asked for, not of the machine's speed or load: the same
    search has the same length of training everywhere, and can be resumed anywhere.  The time for
    ``AIMED`` trainings makes them longer up to ``LONG_ENOUGH`` epochs; from there on both their
    length and their number grow as its square root.

    Args:
        facts: Of the images.
        within: The space and the budget; their median or limit of MACs counts.
        minutes: Wall clock for everything.
    """
    each = capacity(facts, within, minutes=minutes) / AIMED
    if each > LONG_ENOUGH:
        each = min(MOST_EPOCHS, math.sqrt(LONG_ENOUGH * each))
    epoch = steps_per_epoch(facts.count("train"), _batch_size(facts))
    return max(FEWEST_STEPS, int(each * epoch))


def capacity(facts: DataFacts, within: Within, *, minutes: float) -> float:
    """Epochs that two cores train middling networks for in the search's share, by convention."""
    epoch = steps_per_epoch(facts.count("train"), _batch_size(facts))
    return 60 * minutes * SEARCH_SHARE * _CORES / (_step_seconds(facts, within) * epoch)


def _step_seconds(facts: DataFacts, within: Within) -> float:
    """Of a middling network of the budget on one core: forward and backward, by convention."""
    macs = within.survey.ranges["macs"].median
    if within.budget.macs is not None:
        macs = min(macs, within.budget.macs)
    return 3 * _batch_size(facts) * macs / _MACS_PER_SECOND + _STEP_OVERHEAD


def _batch_size(facts: DataFacts) -> int:
    return default_recipe(facts, steps=1).batch_size
