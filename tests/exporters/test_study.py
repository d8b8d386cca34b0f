"""A run as an Optuna study: loaded again by Optuna, value by value."""

from __future__ import annotations

from pathlib import Path

import pytest

from netwright.arch.cost import cost
from netwright.contracts import Choice
from netwright.errors import UsageError
from netwright.exporters.study import numbers, to_optuna
from netwright.fakes import TinySpace
from netwright.records import Factor, Objective, Outcome, Trial
from netwright.spaces.tokens import describe

optuna = pytest.importorskip("optuna")

SPACE = TinySpace()
ROWS = [(0, 1, 0, 1), (3, 2, 2, 0), (1, 0, 0, 0), (2, 2, 3, 1)]
LOSS = Objective(metric="loss", direction="min")


def trials() -> list[Trial]:
    outcomes = [
        Outcome.of({"loss": 0.7, "latency_ms": 3.0}, seconds=1.5, device="cpu"),
        Outcome(status="failed", reason="loss became nan", seconds=0.5, device="cpu"),
        Outcome(status="rejected", reason="macs 3M > 2M"),
        Outcome.of({"loss": 0.4, "latency_ms": 5.0}, seconds=2.0, device="cpu"),
    ]
    made = []
    for number, (row, outcome) in enumerate(zip(ROWS, outcomes, strict=True)):
        arch = SPACE.decode(row)
        made.append(
            Trial(number=number, tokens=row, arch_id=arch.id, cost=cost(arch), outcome=outcome)
        )
    return made


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'x.db'}"


def test_every_trial_comes_back(storage: str) -> None:
    ours = trials()
    to_optuna(ours, SPACE, objective=LOSS, storage=storage, name="run", attributes={"seed": 3})
    study = optuna.load_study(study_name="run", storage=storage)
    assert study.direction.name == "MINIMIZE" and study.user_attrs == {"seed": 3}
    assert study.metric_names == ["loss"]
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert study.best_trial.number == 3 and study.best_value == 0.4
    for theirs, mine in zip(study.trials, ours, strict=True):
        labels = describe(SPACE, mine.tokens)
        assert {k: str(v) for k, v in theirs.params.items()} == labels
        assert theirs.user_attrs["arch_id"] == mine.arch_id
        assert theirs.user_attrs["macs"] == mine.cost.macs
        assert theirs.duration.total_seconds() == pytest.approx(mine.outcome.seconds, abs=1e-3)
    assert study.trials[1].user_attrs["reason"] == "loss became nan"
    assert study.trials[0].user_attrs["latency_ms"] == 3.0


def test_whole_numbers_in_equal_steps_are_integers(storage: str) -> None:
    to_optuna(trials(), SPACE, objective=LOSS, storage=storage, name="run")
    found = optuna.load_study(study_name="run", storage=storage).trials[0].distributions
    ints, categories = (
        optuna.distributions.IntDistribution,
        (optuna.distributions.CategoricalDistribution),
    )
    assert found["depth"] == ints(0, 2) and found["kernel"] == ints(3, 5, step=2)
    assert found["width"] == categories((4, 6, 8, 12))  # in unequal steps
    assert isinstance(found["block"], categories) and "mbconv" in found["block"].choices


def test_several_goals_keep_their_directions(storage: str) -> None:
    costs = ("macs", "latency_ms")
    to_optuna(trials(), SPACE, objective=LOSS, costs=costs, storage=storage, name="run")
    study = optuna.load_study(study_name="run", storage=storage)
    assert [d.name for d in study.directions] == ["MINIMIZE"] * 3
    assert study.metric_names == ["loss", *costs]
    assert study.trials[0].values == [0.7, trials()[0].cost.macs, 3.0]
    assert {t.number for t in study.best_trials} <= {0, 3}


def test_a_reward_is_maximised(storage: str) -> None:
    goal = Objective(metric="loss", factors=(Factor(cost="macs", target=1e5),))
    to_optuna(trials(), SPACE, objective=goal, storage=storage, name="run")
    study = optuna.load_study(study_name="run", storage=storage)
    assert study.direction.name == "MAXIMIZE"
    assert study.trials[0].value == trials()[0].value(goal)


def test_mistakes_are_one_sentence(storage: str, tmp_path: Path) -> None:
    def go(place: str, **options: object) -> None:
        to_optuna(trials(), SPACE, objective=LOSS, storage=place, name="run", **options)  # type: ignore[arg-type]

    go(storage)
    with pytest.raises(UsageError, match="already holds a study called 'run'"):
        go(storage)
    with pytest.raises(UsageError, match="write it as sqlite:///x.db"):
        go("x.db")
    with pytest.raises(UsageError, match="cannot be written as an Optuna storage"):
        go(f"sqlite:///{tmp_path}/nowhere/x.db")
    with pytest.raises(UsageError, match="has no 'energy_mj'; it has loss"):
        go(f"sqlite:///{tmp_path}/y.db", costs=("energy_mj",))


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        (("3", "5"), [3, 5]),
        (("0.25", "1"), [0.25, 1.0]),
        (("none", "3"), ["none", "3"]),
        (("1", "01"), ["1", "01"]),  # two options must stay two
    ],
)
def test_labels_that_spell_numbers_are_numbers(
    labels: tuple[str, ...], values: list[object]
) -> None:
    assert numbers(Choice("x", labels).options) == values
