"""Searches under a latency limit, on a made-up device; and what cannot be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import Command, Refused
from devices import FakeGauge, network_ms
from netwright.arch.graph import Architecture
from netwright.cli.latency_options import latency_settings, rewarded
from netwright.config import SearchConfig
from netwright.errors import UsageError
from netwright.latency.parts import parts_of
from netwright.latency.table import read_table
from netwright.nn.measured import Latency
from netwright.records import Objective
from netwright.run_folder import RunFolder
from netwright.store import read_store

WORDS = ("--objective", "params", "--workers", "1")
SLOWER = 1.3  # than when the table was measured


def _meter(plan: object) -> object:
    def measured(arch: Architecture) -> Latency:
        ms = SLOWER * network_ms(parts_of(arch))
        return Latency(median_ms=ms, low_ms=ms, high_ms=ms, samples=30)

    return measured


@pytest.fixture
def device() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netwright.latency.prepare.RuntimeGauge", lambda *_: FakeGauge())
        patch.setattr("netwright.latency.prepare._SECONDS", (0.0, 0.0))
        patch.setattr("netwright.latency.prepare.meter", _meter)
        patch.setattr("netwright.finalists.most_params", lambda within, seed: within.anchor)
        yield


@pytest.mark.usefixtures("device")
def test_the_measured_latency_is_within_the_limit(
    command: Command, photos: Path, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    words = ("search", photos, "--max-latency", "0.8ms", *WORDS, "--out", run.path)
    data = command(*words, "--minutes", "0.02", "--json").data
    best = run.read_best()
    assert SLOWER * network_ms(parts_of(best)) <= 0.8
    finals = {row["role"]: row for row in data["finals"]}
    assert all(row["latency_ms"] <= 0.8 for row in finals.values())
    assert finals[data["best"]["role"]]["latency_ms"] == pytest.approx(
        SLOWER * network_ms(parts_of(best))
    )
    assert data["budget"] == {"latency_ms": 0.8} and data["latency"]["correction"] > 1.1
    assert len(read_table(run.latency).networks) == 10
    with read_store(run.trials) as store:
        assert all((t.cost.latency_ms or 9) <= 0.8 for t in store if t.ok)
    refused = command(*words, "--resume", "--minutes", "0.03", "--latency-threads", "2")
    assert refused.code == 2 and "latency_threads 1, not 2" in refused.err


@pytest.mark.usefixtures("device")
def test_what_is_out_of_reach_leaves_nothing(refused: Refused, photos: Path) -> None:
    said = refused("search", photos, "--max-latency", "0.1ms", "--minutes", "0.02", *WORDS)
    assert "has latency_ms ≤ 0.1ms" in said and "try --max-latency" in said


WRONG = [
    (["--max-latency", "5 bananas"], "is not a duration"),
    (["--max-latency", "5ms", "--latency-runtime", "tflite"], "latency_runtime"),
    (["--max-latency", "5ms", "--latency-table", "no.json"], "cannot be read"),
    (["--max-latency", "5ms", "--latency-command", "bench"], "has no {model}"),
    (["--max-latency", "5ms", "--latency-dtype", "int8"], "timed in onnxruntime, not in torch"),
    (["--target-latency", "5ms", "--objective", "val_loss"], "--objective val_accuracy"),
]


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(("words", "said"), WRONG)
def test_mistakes(refused: Refused, photos: Path, words: list[str], said: str) -> None:
    assert said in refused("search", photos, *words, "--minutes", "0.02", "--workers", "1")


def test_a_reward_is_mnasnets() -> None:
    accuracy = Objective(metric="val_accuracy")
    assert rewarded(accuracy, SearchConfig(data="x")) == accuracy
    for kind, pair in (("soft", (-0.07, -0.07)), ("hard", (0.0, -1.0))):
        config = SearchConfig(data="x", target_latency_ms=80.0, latency_reward=kind)  # type: ignore[arg-type]
        [factor] = rewarded(accuracy, config).factors
        assert (factor.cost, factor.target) == ("latency_ms", 80.0)
        assert (factor.below, factor.above) == pair
    with pytest.raises(UsageError, match="val_loss is to be small"):
        rewarded(Objective(metric="val_loss", direction="min"), config)


def test_durations_are_settings_in_milliseconds() -> None:
    nothing = dict.fromkeys(
        ("target_latency", "latency_reward", "latency_runtime", "latency_dtype",
         "latency_threads", "latency_table", "latency_command")
    )  # fmt: skip
    found = latency_settings(max_latency="5ms", **nothing)
    assert found["max_latency_ms"] == pytest.approx(5.0)
    assert all(value is None for name, value in found.items() if name != "max_latency_ms")
