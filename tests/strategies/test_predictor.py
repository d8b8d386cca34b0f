"""Few-shot search: pure, replayable, within the budget, better than evolution from few looks."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from netwright import catalog
from netwright.arch.cost import cost
from netwright.contracts import Space, Strategy
from netwright.errors import UsageError
from netwright.fakes import TinySpace
from netwright.predict.columns import Table, spread
from netwright.records import Budget, Objective, Outcome, Tokens, Trial
from netwright.replay import replay
from netwright.rng import stream
from netwright.spaces.landmarks import landmarks
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.nasbench201 import NASBench201Space
from netwright.spaces.nasnet import NASNetSpace
from netwright.spaces.within import Within
from netwright.spaces.zico import ZiCoSpace
from netwright.store import read_store
from netwright.strategies import predictor
from netwright.strategies.evolution import Evolution
from netwright.strategies.predictor import FewShot, Remembering, descriptors
from netwright.testing import StrategyContract
from strategies import tabular

SCORE = Objective(metric="score")
MOBILE = Within.of(MobileSpace(resolution=32, classes=10), Budget(macs=3e6, params=200e3))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer candidates than people want."""
    few = {"WHOLE": 0, "REFERENCE": 24, "CHILDREN": 48, "GENERATIONS": 2, "REPAIRED": 0.3}
    for name, value in few.items():
        monkeypatch.setattr(predictor, name, value)


class TestFewShot(StrategyContract):
    def make(self, space: Space, seed: int) -> Strategy:
        return FewShot(Within.of(space, Budget()), objective=SCORE, seed=seed, probes=8)


class TestBredUnderABudget(StrategyContract):
    batches = 3

    @pytest.fixture(autouse=True)
    def bred(self, small: None) -> None:
        """A small space is looked at whole but for this."""

    def make(self, space: Space, seed: int) -> Strategy:
        return FewShot(Within.of(space, Budget(params=5000)), objective=SCORE, seed=seed, probes=6)


def told(number: int, tokens: Tokens, score: float | None, arch_id: str = "") -> Trial:
    """A trial with this score, or one that failed."""
    came = Outcome(status="failed", reason="loss became nan")
    if score is not None:
        came = Outcome(status="ok", metrics={"score": score})
    costs = cost(TinySpace().decode((0, 0, 0, 0)))
    return Trial(
        number=number, tokens=tokens, arch_id=arch_id or str(number), cost=costs, outcome=came
    )


def hidden(rows: Sequence[Tokens], sizes: Sequence[int]) -> list[float]:
    """How near rows are to a target, in shares of the options."""
    target = np.array([round(0.6 * (n - 1)) for n in sizes])
    return [-float((np.abs(np.subtract(row, target)) / sizes).sum()) for row in rows]


def search(strategy: Strategy, space: Space, *, trials: int, batch: int = 4) -> list[Trial]:
    sizes = [len(c.options) for c in space.choices]

    def look(rows: Sequence[Tokens]) -> list[Outcome]:
        scores = hidden(rows, sizes)
        return [Outcome(status="ok", metrics={"score": score}) for score in scores]

    return replay(strategy, look, trials=trials, batch=batch)


def test_it_finds_more_in_28_looks_than_evolution(small: None) -> None:
    gains = []
    for seed in range(2):
        few = search(FewShot(MOBILE, objective=SCORE, seed=seed), MOBILE.space, trials=28)
        evolved = search(Evolution(MOBILE, objective=SCORE, seed=seed), MOBILE.space, trials=28)
        assert all(MOBILE.fits(t.tokens) for t in few)
        best = [max(t.value(SCORE) for t in trials) for trials in (few, evolved)]
        gains.append(best[0] - best[1])
    assert min(gains) > 0, gains


@pytest.mark.parametrize(
    "space",
    [NASBench201Space(cells=1), NASNetSpace(), ZiCoSpace(classes=10)],
)
def test_any_space_is_searched(space: Space, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"REFERENCE": 8, "CHILDREN": 4, "GENERATIONS": 1}.items():
        monkeypatch.setattr(predictor, name, value)
    within = replace(MOBILE, space=space, budget=Budget(), anchor=(0,) * len(space.choices))
    strategy = FewShot(within, objective=SCORE, seed=0, probes=4)
    trials = search(strategy, space, trials=8)
    assert len({t.tokens for t in trials}) == 8
    assert [space.canonical(t.tokens) for t in trials] == [t.tokens for t in trials]


@dataclass(frozen=True)
class Listed(TinySpace):
    """A space of the user's own that cannot be hashed."""

    choices_of_mine: list[str] = field(default_factory=list)
    __hash__ = None  # type: ignore[assignment]


def test_a_space_that_cannot_be_hashed_is_searched() -> None:
    space = Listed()
    with pytest.raises(TypeError):
        hash(space)
    strategy = FewShot(Within.of(space, Budget()), objective=SCORE, seed=0, probes=4)
    assert len({t.tokens for t in search(strategy, space, trials=12)}) == 12


def test_what_is_small_is_made_small() -> None:
    loss, space = Objective(metric="score", direction="min"), TinySpace()
    strategy = FewShot(Within.of(space, Budget()), objective=loss, seed=0, probes=6)
    trials = search(strategy, space, trials=20)
    before, after = [
        [t.outcome.metrics["score"] for t in part] for part in (trials[:6], trials[6:])
    ]
    assert np.mean(after) < np.mean(before) and min(after) <= min(before)


def test_probes_differ_and_do_not_depend_on_what_came(small: None) -> None:
    first = FewShot(MOBILE, objective=SCORE, seed=0)
    rows = list(first.ask(12))
    assert len(set(rows)) == 12
    portions = FewShot(MOBILE, objective=SCORE, seed=0)
    for i in range(0, 12, 3):
        assert list(portions.ask(3)) == rows[i : i + 3]
        portions.tell([told(i + k, row, None) for k, row in enumerate(rows[i : i + 3])])
    assert not set(portions.ask(4)) & set(rows)  # all failed: more probes


def test_it_keeps_away_from_what_failed() -> None:
    space = TinySpace()
    rows = [(w, d, k * (d > 0), 0) for w in range(4) for d in range(3) for k in range(5)]
    rows = list(dict.fromkeys(rows))[::2]

    def wide(failing: bool) -> int:
        """How many of the wider half, which score most, are asked for."""
        strategy = FewShot(Within.of(space, Budget()), objective=SCORE, seed=0, probes=2)
        scores = [None if failing and row[0] > 1 else float(row[0]) for row in rows]
        strategy.tell([told(i, rows[i], score) for i, score in enumerate(scores)])
        return sum(row[0] > 1 for row in strategy.ask(6))

    assert wide(failing=True) < wide(failing=False)


def test_twins_of_what_was_tried_are_not_asked_for() -> None:
    space = TinySpace()
    within = Within.of(space, Budget())
    free, twins = (FewShot(within, objective=SCORE, seed=0, probes=4) for _ in range(2))
    rows = list(free.ask(8))
    for strategy in (free, twins):
        strategy.tell([told(i, row, float(sum(row))) for i, row in enumerate(rows)])
    first = free.ask(1)[0]
    more = told(8, rows[0], 1.0, arch_id=space.decode(first).id)
    twins.tell([replace(more, duplicate_of=0)])
    assert twins.ask(1)[0] != first


def test_columns_are_looked_at_once() -> None:
    looked: list[Tokens] = []
    space = TinySpace()

    def look(rows: Sequence[Tokens]) -> Table:
        looked.extend(rows)
        return {"size": np.array(rows, dtype=float)[:, :2], "tokens": spread(space, rows)}

    known = Remembering(look)
    rows = [(0, 1, 2, 0), (1, 0, 0, 1), (0, 1, 2, 0)]
    assert known(rows)["size"].tolist() == [[0, 1], [1, 0], [0, 1]]
    assert known(rows[:2])["tokens"].tolist() == spread(space, rows[:2]).tolist()
    assert looked == rows[:2]
    strategy = FewShot(Within.of(space, Budget()), objective=SCORE, seed=0, look=look)
    assert len(strategy.ask(3)) == 3
    assert descriptors(space) is descriptors(TinySpace())


def test_more_than_it_learns_from(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "LEARNT", 10)
    strategy = FewShot(MOBILE, objective=SCORE, seed=0, probes=4)
    rows = [MOBILE.sample(rng=stream(0, "many", i)) for i in range(40)]
    strategy.tell([told(i, row, float(-i)) for i, row in enumerate(rows)])
    assert len(set(strategy.ask(4))) == 4


def test_it_has_its_own_batch_and_a_name() -> None:
    assert catalog.batch("predictor", 16) == FewShot.batch == 4
    assert catalog.batch("uniform", 16) == catalog.batch("of mine", 16) == 16
    with pytest.raises(UsageError, match="at least 2"):
        FewShot(MOBILE, objective=SCORE, seed=0, probes=1)


def stored(folder: Path) -> list[Trial]:
    """The trials in a folder, but for what depends on the clock."""
    with read_store(folder / "trials.db") as store:
        return [replace(t, outcome=replace(t.outcome, seconds=0.0)) for t in store]


def test_killed_and_resumed_it_is_the_same_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REFERENCE", "CHILDREN", "GENERATIONS"):
        monkeypatch.setattr(predictor, name, getattr(predictor, name))  # put back afterwards
    tabular.look_less()
    tabular.write_table(tmp_path / "cells.parquet")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    tabular.search(whole)
    command = [sys.executable, tabular.__file__, str(killed), "15"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(stored(killed)) % 4  # in the middle of a batch
    tabular.search(killed)
    assert stored(killed) == stored(whole) and len(stored(whole)) == 22
    looked = [
        (folder / "log.txt").read_text(encoding="utf-8").split() for folder in (whole, killed)
    ]
    assert len(looked[1]) == len(looked[0]) + 1 and set(looked[0]) == set(looked[1])
    best = max(t.value(tabular.OBJECTIVE) for t in stored(whole) if t.ok)
    first = [t.value(tabular.OBJECTIVE) for t in stored(whole)[:8] if t.ok]
    assert best > max(first)


def test_published_networks_of_the_space_come_first(small: None) -> None:
    known = landmarks(MOBILE)
    with_them = FewShot(MOBILE, objective=SCORE, seed=0)
    assert len(known) == 2 and tuple(with_them.ask(4)[:2]) == known
    first = FewShot(MOBILE, objective=SCORE, seed=0).ask(1)
    assert tuple(first) == known[:1]  # fewer than there are
    trials = search(with_them, MOBILE.space, trials=12)
    assert len({t.tokens for t in trials}) == 12
    without = FewShot(MOBILE, objective=SCORE, seed=0, landmarks=False).ask(4)
    assert not set(without) & set(known)
