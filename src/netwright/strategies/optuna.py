"""``optuna``: any sampler of Optuna, asked and told in memory.

Every choice is a categorical parameter called by its name.  A study is replayed from the told
trials, and while candidates are asked for it is a copy that knows of them, so that asking changes
nothing.  Samplers keep their randomness to themselves; a fresh one, seeded by the number of told
trials, draws each batch, so that the same history asks for the same candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from netwright.errors import UsageError
from netwright.records import Objective, Tokens, Trial
from netwright.rng import derive, stream
from netwright.spaces.within import Within
from netwright.strategies.uniform import REDRAWS

SAMPLERS = ("TPESampler", "RandomSampler", "QMCSampler")


def _optuna() -> Any:
    """The library.

    Raises:
        UsageError: If it is not installed, with what to type.
    """
    try:
        import optuna
    except ImportError as err:
        raise UsageError("Optuna is not installed: pip install 'netwright[optuna]'.") from err
    return optuna


class Optuna:
    """A sampler of Optuna as a strategy, under a budget.

    What fails or is rejected is told as a failed trial of Optuna's, which its samplers leave out.

    Args:
        within: The space and the budget; what is drawn above it is repaired.
        objective: What is to be large.
        seed: The same seed and history ask for the same candidates.
        sampler: Name of a sampler in ``optuna.samplers`` that needs only a seed, or a function
            that makes one from a seed.

    Raises:
        UsageError: If Optuna is not installed or has no such sampler.
    """

    def __init__(
        self,
        within: Within,
        *,
        objective: Objective,
        seed: int,
        sampler: str | Callable[[int], Any] = "TPESampler",
    ) -> None:
        self._library = _optuna()
        if isinstance(sampler, str) and not hasattr(self._library.samplers, sampler):
            raise UsageError(
                f"Optuna has no sampler {sampler!r}; there are {', '.join(SAMPLERS)} and others."
            )
        self.within, self.objective, self.seed, self.sampler = within, objective, seed, sampler
        distribution = self._library.distributions.CategoricalDistribution
        self._choices = {
            choice.name: distribution(tuple(range(len(choice.options))))
            for choice in within.space.choices
        }
        self._told: list[Any] = []  # frozen trials of Optuna's
        self._seen: set[Tokens] = set()

    def ask(self, n: int) -> Sequence[Tokens]:
        """The next ``n`` candidates, each redrawn up to 32 times until it is a new one."""
        number, seen = len(self._told), set(self._seen)
        study = self._study(derive(self.seed, "optuna", number) % 2**32)
        rows: list[Tokens] = []
        for i in range(n):
            rng = stream(self.seed, "optuna", "repair", number + i)
            for _ in range(REDRAWS):
                params = study.ask(self._choices).params
                raw = tuple(int(params[name]) for name in self._choices)
                row = self.within.repair(raw, rng=rng)
                if row not in seen:
                    break
            rows.append(row)
            seen.add(row)
        return rows

    def tell(self, trials: Sequence[Trial]) -> None:
        """Remember trials as Optuna would."""
        states, create = self._library.trial.TrialState, self._library.trial.create_trial
        for trial in trials:
            self._seen.add(trial.tokens)
            params = dict(zip(self._choices, trial.tokens, strict=True))
            self._told.append(
                create(
                    params=params,
                    distributions=self._choices,
                    value=trial.value(self.objective) if trial.ok else None,
                    state=states.COMPLETE if trial.ok else states.FAIL,
                )
            )

    def _study(self, seed: int) -> Any:
        made = self.sampler
        if isinstance(made, str):
            made = getattr(self._library.samplers, made)
            sampler = made(seed=seed)
        else:
            sampler = made(seed)
        quiet = self._library.logging.get_verbosity()
        self._library.logging.set_verbosity(self._library.logging.WARNING)
        try:
            study = self._library.create_study(direction="maximize", sampler=sampler)
        finally:
            self._library.logging.set_verbosity(quiet)
        study.add_trials(self._told)
        return study
