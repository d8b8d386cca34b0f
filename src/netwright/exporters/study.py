"""A run as an Optuna study, for optuna-dashboard and whatever else reads Optuna's storages.

Every choice of the space is a parameter by its name: whole numbers in equal steps are an integer
parameter, anything else a categorical one.  Values are the metric as it was measured, or the
reward where costs weigh it, and the costs of a run that keeps some small.  What failed or broke
the budget is a failed trial; everything else that is known of a trial is a user attribute.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from netwright.arch.cost import COST_NAMES
from netwright.contracts import Choice, Space
from netwright.errors import UsageError
from netwright.records import Objective, Tokens, Trial

Value = int | float | str


def to_optuna(
    trials: Sequence[Trial],
    space: Space,
    *,
    objective: Objective,
    costs: Sequence[str] = (),
    storage: str,
    name: str,
    attributes: Mapping[str, str | int | float] | None = None,
) -> int:
    """Write a study with every trial; an existing one of that name is left alone.

    Args:
        trials: By number.
        space: What was searched.
        objective: What was made as good as it can be.
        costs: What was kept small beside it, in the order of the study's values.
        storage: A URL such as ``sqlite:///run.db``.
        name: Of the study.
        attributes: Of the study, such as its strategy.

    Returns:
        How many trials were written.

    Raises:
        UsageError: If Optuna is missing, the storage cannot be written, or it has such a study.
    """
    optuna = _optuna()
    if "://" not in storage:
        raise UsageError(f"{storage!r} is no database; write it as sqlite:///{storage}.")
    parameters = {c.name: _Parameter(c, optuna.distributions) for c in space.choices}
    reward = bool(objective.factors)
    up = reward or objective.direction == "max"
    with _quiet(optuna):
        study = _create(
            optuna,
            storage=storage,
            name=name,
            directions=["maximize" if up else "minimize", *("minimize" for _ in costs)],
        )
        study.set_metric_names([f"reward of {objective.metric}" if reward else objective.metric,
                                *costs])  # fmt: skip
        for key, value in (attributes or {}).items():
            study.set_user_attr(key, value)
        study.add_trials(
            [
                _trial(optuna, trial, parameters, values=_values(trial, objective, costs))
                for trial in trials
            ]
        )
    return len(trials)


class _Parameter:
    """A choice as a distribution of Optuna's, and the value of each of its options."""

    def __init__(self, choice: Choice, distributions: Any) -> None:
        self.values = numbers(choice.options)
        steps = _steps(self.values)
        self.distribution = (
            distributions.IntDistribution(self.values[0], self.values[-1], step=steps)
            if steps
            else distributions.CategoricalDistribution(tuple(self.values))
        )


def numbers(labels: Sequence[str]) -> list[Value]:
    """Labels as the numbers that they spell, if all of them do and no two are the same."""
    for kind in (int, float):
        try:
            found: list[Value] = [kind(label) for label in labels]
        except ValueError:
            continue
        if len(set(found)) == len(found):
            return found
    return list(labels)


def _steps(values: Sequence[Value]) -> int | None:
    """The equal step between whole numbers that ascend; None where there is none."""
    if len(values) < 2 or not all(isinstance(v, int) for v in values):
        return None
    steps = {int(b) - int(a) for a, b in zip(values[:-1], values[1:], strict=True)}
    step = steps.pop()
    return step if not steps and step > 0 else None


def _values(trial: Trial, objective: Objective, costs: Sequence[str]) -> list[float] | None:
    if not trial.ok:
        return None
    known = {**trial.outcome.metrics, **{n: float(getattr(trial.cost, n)) for n in COST_NAMES}}
    missing = [name for name in costs if name not in known]
    if missing:
        raise UsageError(f"Trial {trial.number} has no {missing[0]!r}; it has {', '.join(known)}.")
    first = trial.value(objective) if objective.factors else known[objective.metric]
    return [first, *(known[name] for name in costs)]


def _trial(
    optuna: Any,
    trial: Trial,
    parameters: Mapping[str, _Parameter],
    *,
    values: list[float] | None,
) -> Any:
    outcome = trial.outcome
    facts: dict[str, Any] = {
        "number": trial.number,
        "arch_id": trial.arch_id,
        "status": outcome.status,
        **{name: getattr(trial.cost, name) for name in COST_NAMES},
        **outcome.metrics,
        "seconds": outcome.seconds,
        "device": outcome.device,
    }
    if outcome.reason:
        facts["reason"] = outcome.reason
    if trial.duplicate_of is not None:
        facts["duplicate_of"] = trial.duplicate_of
    made = optuna.trial.create_trial(
        params=_params(trial.tokens, parameters),
        distributions={name: p.distribution for name, p in parameters.items()},
        values=values,
        state=optuna.trial.TrialState.COMPLETE if trial.ok else optuna.trial.TrialState.FAIL,
        user_attrs=facts,
    )
    made.datetime_start = made.datetime_complete - timedelta(seconds=outcome.seconds)
    return made


def _params(tokens: Tokens, parameters: Mapping[str, _Parameter]) -> dict[str, Value]:
    pairs = zip(parameters.items(), tokens, strict=True)
    return {name: parameter.values[token] for (name, parameter), token in pairs}


def _create(optuna: Any, *, storage: str, name: str, directions: list[str]) -> Any:
    import sqlalchemy.exc

    try:
        return optuna.create_study(storage=storage, study_name=name, directions=directions)
    except optuna.exceptions.DuplicatedStudyError as err:
        raise UsageError(
            f"{storage} already holds a study called {name!r}; choose another database."
        ) from err
    except (sqlalchemy.exc.SQLAlchemyError, ImportError, ValueError, RuntimeError) as err:
        first = str(err).splitlines()[0]
        raise UsageError(f"{storage} cannot be written as an Optuna storage: {first}.") from err


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as err:
        raise UsageError("Optuna is not installed: pip install 'netwright[optuna]'.") from err
    return optuna


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Without Optuna's log line and its warning that names of metrics are new."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
