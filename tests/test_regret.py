"""Regret on a small table: what is reported, intervals, keeping and resuming."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from netwright import regret
from netwright.errors import DataError, UnknownNameError, UsageError
from netwright.records import Objective, Tokens
from netwright.regret import SPACE, Contest, reported, run_contest
from netwright.replay import unlimited
from netwright.run_folder import RunFolder
from netwright.spaces.nasbench201 import to_string
from netwright.spaces.within import Within
from netwright.stats import signed_rank
from netwright.strategies.uniform import Uniform
from netwright.workers import Serial

ROWS = list(itertools.product(range(5), repeat=6))[::3]  # some cells are in no row


def column(rows: list[tuple[int, ...]], *, tilt: float) -> list[float]:
    """More 3x3 convolutions are better; the tilt orders what would be equal."""
    return [10.0 * row.count(3) + tilt * row[0] for row in rows]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("table") / "cells.parquet"
    columns = {
        "arch_str": [to_string(row) for row in ROWS],
        "c10_val_200": column(ROWS, tilt=0.5),
        "c10_test_200": column(ROWS, tilt=-0.5),
    }
    parquet.write_table(pa.table(columns), path)
    return str(path)


@pytest.fixture
def contest(table: str) -> Contest:
    return Contest(table=table, evaluations=40)


def uniform(within: object, goal: object, seed: int) -> Uniform:
    return Uniform(unlimited(SPACE), seed=seed)


def test_reported_is_the_test_figure_of_the_best_by_validation(contest: Contest) -> None:
    found = reported(contest, uniform, seed=3)
    rows = Uniform(unlimited(SPACE), seed=3)
    seen, shown = (dict(zip(ROWS, column(ROWS, tilt=t), strict=True)) for t in (0.5, -0.5))
    asked = [row for row in rows.ask(40)]
    for n in range(1, 41):
        known = [row for row in asked[:n] if row in seen]
        want = shown[max(known, key=lambda row: seen[row])] if known else min(shown.values())
        assert found[n - 1] == pytest.approx(want)


def test_regret_is_zero_at_the_best_and_never_below(contest: Contest) -> None:
    figures = reported(contest, uniform, seed=0)
    assert (contest.regrets(figures) >= 0).all()
    assert contest.regrets(np.array([max(column(ROWS, tilt=-0.5))])) == [0.0]
    least = replace(contest, minimise=True)
    assert (least.regrets(reported(least, uniform, seed=0)) >= 0).all()
    assert least.regrets(np.array([min(column(ROWS, tilt=-0.5))])) == [0.0]


def test_less_is_better_when_asked_for(contest: Contest) -> None:
    less = reported(replace(contest, minimise=True), uniform, seed=0)
    more = reported(contest, uniform, seed=0)
    assert less[-1] < more[-1] and less[0] >= less[-1]


def test_strategies_are_compared_with_the_same_seeds(contest: Contest, tmp_path: Path) -> None:
    said: list[tuple[int, int]] = []
    curves = run_contest(
        contest,
        ["uniform", "evolution"],
        seeds=range(6),
        executor=Serial(),
        folder=RunFolder(tmp_path / "out"),
        on_progress=lambda done, total: said.append((done, total)),
    )
    assert said[0] == (0, 12) and said[-1] == (12, 12)
    want = [contest.regrets(reported(contest, uniform, seed=s)) for s in range(6)]
    np.testing.assert_allclose(curves.regrets["uniform"], want)
    band = curves.band("evolution")
    assert len(band) == 40 and all(i.low <= i.value <= i.high for i in band)
    assert band[-1].value == pytest.approx(curves.after("evolution", 40).mean())
    chance = curves.chance("evolution", 40)
    ours, plain = (curves.regrets[n][:, -1] for n in ("evolution", "uniform"))
    assert chance == signed_rank(-ours, -plain)
    assert curves.chance("uniform", 40) is None


def test_what_is_kept_is_not_done_again(
    contest: Contest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, int]] = []
    real: Callable[..., list[float]] = regret._reported

    def counted(contest: Contest, name: str, seed: int) -> list[float]:
        done.append((name, seed))
        if len(done) == 3:
            raise KeyboardInterrupt
        return real(contest, name, seed)

    monkeypatch.setattr(regret, "_reported", counted)
    folder = RunFolder(tmp_path)

    def go(seeds: int) -> regret.Curves:
        return run_contest(
            contest, ["uniform"], seeds=range(seeds), executor=Serial(), folder=folder
        )

    whole = go(2)
    with pytest.raises(KeyboardInterrupt):
        go(4)
    again = go(4)
    assert done == [("uniform", s) for s in (0, 1, 2, 2, 3)]
    np.testing.assert_array_equal(again.regrets["uniform"][:2], whole.regrets["uniform"])


def test_a_folder_is_of_one_contest(contest: Contest, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    go = {"names": ["uniform"], "seeds": [0], "executor": Serial(), "folder": folder}
    run_contest(contest, **go)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="searches with evaluations 40, not 30; choose another"):
        run_contest(replace(contest, evaluations=30), **go)  # type: ignore[arg-type]
    path = tmp_path / "seeds" / "uniform-0.json"
    path.write_text(json.dumps({"reported": [1.0]}))
    with pytest.raises(UsageError, match="is damaged; remove it"):
        run_contest(contest, **go)  # type: ignore[arg-type]


def test_mistakes_are_told_before_anything_starts(contest: Contest, tmp_path: Path) -> None:
    go = {"seeds": [0], "executor": Serial(), "folder": RunFolder(tmp_path / "new")}
    with pytest.raises(UnknownNameError, match="evolution"):
        run_contest(contest, ["evolutoin"], **go)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="has no column 'nope'"):
        run_contest(replace(contest, report="nope"), ["uniform"], **go)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least 1"):
        replace(contest, evaluations=0)
    assert not (tmp_path / "new").exists()


def test_a_search_asks_for_as_many_at_a_time_as_it_is_told(contest: Contest) -> None:
    asked = list[int]()

    class Counting(Uniform):
        def ask(self, n: int) -> Sequence[Tokens]:
            asked.append(n)
            return super().ask(n)

    def start(within: Within, goal: Objective, seed: int) -> Counting:
        return Counting(within, seed=seed)

    few = reported(contest, start, seed=0, batch=4)
    assert asked == [4] * 10
    assert few.tolist() == reported(contest, uniform, seed=0).tolist()
