"""The folder of a check: what was asked, its plan, its trials, its result; and what it knows.

settings.json         what was asked
plan.json             the probes, slowest first, and how they are trained
scores.db             the training-free scores (SQLite)
trainings.db          the short trainings
again.db              those with a second seed
trainings/, again/    checkpoints, so that a training goes on in its middle
check.json, check.csv the result
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netwright.errors import UsageError
from netwright.records import Trial
from netwright.run_folder import RunFolder
from netwright.spaces.tokens import fingerprint
from netwright.spaces.within import Within
from netwright.store import read_store

_IN_SETTINGS = ("data", "space", "seed", "resolution", "budget")
_IN_PLAN = ("chosen", "tokens", "again", "steps")


@dataclass(frozen=True)
class CheckFolder:
    """The paths of one check.

    Args:
        path: The folder.
    """

    path: Path

    @property
    def settings(self) -> Path:
        """``settings.json``."""
        return self.path / "settings.json"

    @property
    def plan(self) -> Path:
        """``plan.json``."""
        return self.path / "plan.json"

    @property
    def result(self) -> Path:
        """``check.json``."""
        return self.path / "check.json"

    @property
    def table(self) -> Path:
        """``check.csv``."""
        return self.path / "check.csv"

    def store(self, name: str) -> Path:
        """Where the trials called ``scores``, ``trainings`` or ``again`` are."""
        return self.path / f"{name}.db"

    def is_check(self) -> bool:
        """Whether a check was started in it."""
        return self.settings.is_file()

    def read_settings(self) -> dict[str, Any]:
        """What was asked.

        Raises:
            UsageError: If it is not the folder of a check, or damaged.
        """
        if not self.is_check():
            raise UsageError(f"{self.path} is not the folder of a check: it has no settings.json.")
        return RunFolder(self.path).read_json(self.settings, _IN_SETTINGS)

    def read_plan(self) -> dict[str, Any] | None:
        """How the probes are trained, once that is known."""
        if not self.plan.is_file():
            return None
        return RunFolder(self.path).read_json(self.plan, _IN_PLAN)


@dataclass(frozen=True, kw_only=True)
class Known:
    """The short trainings of a check, for a search that begins with them.

    Args:
        settings: What the check was asked.
        steps: Length of the trainings.
        fingerprint: Of the space.
        evaluator: What the trainings are called.
        seed: Of the weights.
        trials: Those that ended, failed ones included.
    """

    settings: Mapping[str, Any]
    steps: int
    fingerprint: str
    evaluator: str
    seed: int
    trials: tuple[Trial, ...]


def known(path: Path) -> Known:
    """What a check has trained so far.

    Raises:
        UsageError: If it is no check, or has trained nothing yet.
    """
    folder = CheckFolder(path)
    settings, plan = folder.read_settings(), folder.read_plan()
    if plan is None or not folder.store("trainings").is_file():
        raise UsageError(
            f"{path} has trained nothing yet; go on with `netwright check --resume --out {path}`."
        )
    with read_store(folder.store("trainings")) as store:
        return Known(
            settings=settings,
            steps=plan["steps"],
            fingerprint=store.run.fingerprint,
            evaluator=store.run.evaluator,
            seed=store.run.seed,
            trials=tuple(store),
        )


def begin_with(
    folder: RunFolder,
    probes: Known | None,
    *,
    within: Within,
    evaluator: str,
    seed: int,
    resume: bool,
) -> tuple[Trial, ...]:
    """The trainings of a check that a search begins with, kept in its folder to be resumed by.

    Args:
        folder: Of the search; what an earlier sitting kept there counts.
        probes: Of the check; None where there is none.
        within: What is searched; probes above its budget are left out.
        evaluator: What the search calls its looks at networks.
        seed: Of the search.
        resume: Whether there is an earlier sitting.

    Raises:
        UsageError: If the search would train otherwise, or other networks.
    """
    if resume and folder.probes.is_file():
        rows = folder.read_json(folder.probes, ("trials",))["trials"]
        return tuple(Trial.from_dict(row) for row in rows)
    if probes is None:
        return ()
    if probes.fingerprint != fingerprint(within.space):
        raise UsageError(
            f"The check was of space {probes.settings['space']!r} on its images; this search is "
            f"of {within.space.name!r}, or on images of other size or classes."
        )
    for name, theirs, ours in (
        ("trainings", probes.evaluator, evaluator), ("seed", probes.seed, seed),
    ):  # fmt: skip
        if theirs != ours:
            raise UsageError(
                f"The check has {name} {theirs}, this search {ours}; search with the settings of "
                "the check, or without its probes."
            )
    trials = tuple(
        t for t in probes.trials
        if t.duplicate_of is None and within.fits(t.tokens)
    )  # fmt: skip
    folder.write_json(folder.probes, {"trials": [t.to_dict() for t in trials]})
    return trials
