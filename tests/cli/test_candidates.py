"""Candidates of a run: order, front against a second derivation, the space made again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from netwright.arch.cost import Cost
from netwright.cli.candidates import best_of, columns_of, front_of, network_of, row_of, space_of
from netwright.config import read_toml, search_config
from netwright.errors import UsageError
from netwright.pareto import dominates
from netwright.records import Objective, Outcome, Trial
from netwright.rng import stream
from netwright.run_folder import RunFolder
from netwright.store import read_store

LOSS = Objective(metric="loss", direction="min")


def made(number: int, loss: float, macs: int, duplicate_of: int | None = None) -> Trial:
    return Trial(
        number=number,
        tokens=(number,),
        arch_id=f"{number:08d}xx",
        cost=Cost(params=macs // 2, macs=macs, peak_activation_bytes=9),
        outcome=Outcome.of({"loss": loss}, seconds=1.0, device="cpu"),
        duplicate_of=duplicate_of,
    )


def test_the_best_come_first_and_duplicates_not_at_all() -> None:
    trials = [made(0, 0.5, 10), made(1, 0.2, 10), made(2, 0.2, 9), made(3, 0.2, 10, 1)]
    assert [t.number for t in best_of(trials, LOSS)] == [1, 2, 0]


def test_the_front_is_what_nothing_beats() -> None:
    figures = stream(0, "front").random(size=(60, 2)).tolist()
    trials = [made(i, a, int(1e6 * b)) for i, (a, b) in enumerate(figures)]
    points = [(t.outcome.metrics["loss"], t.cost.macs) for t in trials]
    want = {
        i
        for i, p in enumerate(points)
        if not any(dominates(q, p, directions=("min", "min")) for q in points)
    }
    found = front_of(trials, LOSS, costs=("macs",))
    assert {t.number for t in found} == want
    losses = [t.outcome.metrics["loss"] for t in found]
    assert losses == sorted(losses)
    assert front_of([], LOSS, costs=("macs",)) == []
    with pytest.raises(UsageError, match="has no 'watts'; there are: params"):
        front_of(trials, LOSS, costs=("watts",))


def test_a_row_shows_what_is_known() -> None:
    trial = made(7, 0.123456, 2_000_000)
    names = columns_of([trial], LOSS, ("macs",))
    assert names == ("loss", "macs", "params")
    assert row_of(trial, (*names, "none")) == ("#7", "00000007", "0.12346", "2.00M", "1.00M", "")


def test_the_space_is_made_again_from_the_settings(finished: Path, tmp_path: Path) -> None:
    folder = RunFolder(Path(shutil.copytree(finished, tmp_path / "copy")))
    config = search_config(read_toml(folder.config))
    with read_store(folder.trials) as store:
        key, trials = store.run, list(store)
    space = space_of(config, folder, key)
    arch = network_of(trials, trials[-1].number, space)
    assert arch.id == trials[-1].arch_id
    folder.result.unlink()
    assert space_of(config, folder, key).choices == space.choices
    with pytest.raises(UsageError, match="no longer as"):
        space_of(config.model_copy(update={"resolution": 16}), folder, key)
    with pytest.raises(UsageError, match="a space of your own, 'tiny'"):
        space_of(config.model_copy(update={"space": "tiny"}), folder, key)
    with pytest.raises(UsageError, match="no candidate #99999"):
        network_of(trials, 99999, space)
