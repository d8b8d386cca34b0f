"""How long the short trainings of a search are: a convention, so that every machine agrees."""

from __future__ import annotations

from netwright.spaces.within import Within
from netwright.training.survey import DataFacts

SEARCH_SHARE = 0.35  # of the wall clock, for setting up and searching; the rest is for the finals
FEWEST_STEPS, MOST_EPOCHS = 80, 3
MOST_CHECK_EPOCHS = 20  # of a check's trainings: fewer networks, so each may take longer
_CANDIDATES = 32  # aimed at; of large networks fewer are seen, for the floor above
_MACS_PER_SECOND = 1.2e10  # of two laptop cores in training; a convention, not a measurement


def probe_steps(facts: DataFacts, within: Within, *, minutes: float, batch_size: int = 64) -> int:
    """How long the short trainings of a search are, in steps.

    A pure function of what the user asked for, not of the machine's speed or load: the same
    search has the same length of training everywhere, and can be resumed anywhere.

    Args:
        facts: Of the images.
        within: The space and the budget; their median or limit of MACs counts.
        minutes: Wall clock for everything.
        batch_size: Images per step.
    """
    macs = within.survey.ranges["macs"].median
    if within.budget.macs is not None:
        macs = min(macs, within.budget.macs)
    step_macs = 3 * batch_size * macs  # forward and backward
    search_seconds = 60 * minutes * SEARCH_SHARE
    steps = int(search_seconds * _MACS_PER_SECOND / (_CANDIDATES * step_macs))
    epoch = max(1, facts.count("train") // batch_size)
    return max(FEWEST_STEPS, min(steps, MOST_EPOCHS * epoch))
