"""What a search gets before it begins: its table, its limit, its meter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devices import SETTING, FakeGauge, profiled
from netwright.errors import UsageError
from netwright.latency.prepare import LatencyPlan, meter, prepare
from netwright.latency.table import Table, read_table, write_table
from netwright.nn.runtimes import Where
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import first_row

SPACE = MobileSpace(classes=10, resolution=16)
PLAN = LatencyPlan(limit_ms=5.0, where=Where())


@pytest.fixture(autouse=True)
def gauges(monkeypatch: pytest.MonkeyPatch) -> list[FakeGauge]:
    made: list[FakeGauge] = []

    def gauge(*_: object) -> FakeGauge:
        made.append(FakeGauge())
        return made[-1]

    monkeypatch.setattr("netwright.latency.prepare.RuntimeGauge", gauge)
    monkeypatch.setattr("netwright.latency.prepare._SECONDS", (0.0, 0.0))
    return made


def test_a_short_profile_is_made_and_kept(tmp_path: Path, gauges: list[FakeGauge]) -> None:
    path = tmp_path / "latency.json"
    first = prepare(PLAN, SPACE, path, seconds=60.0)
    assert len(read_table(path).networks) == len(gauges[0].seen) == 10
    again = prepare(PLAN, SPACE, path, seconds=60.0)
    assert not gauges[1].seen and again.setting == SETTING
    arch = SPACE.decode(first_row(SPACE))
    assert first.costing(arch) == again.costing(arch)


def test_a_profile_that_was_killed_goes_on(tmp_path: Path, gauges: list[FakeGauge]) -> None:
    profiled(SPACE, tmp_path / ".latency.json.part", networks=6)
    prepare(PLAN, SPACE, tmp_path / "latency.json", seconds=60.0)
    assert len(gauges[0].seen) == 4
    assert [p.name for p in tmp_path.iterdir()] == ["latency.json"]


def test_a_given_table_is_copied(tmp_path: Path, gauges: list[FakeGauge]) -> None:
    table = tmp_path / "mine.json"
    profiled(SPACE, table, networks=12)
    plan = replace(PLAN, table=table)
    prepare(plan, SPACE, tmp_path / "latency.json", seconds=60.0)
    assert (tmp_path / "latency.json").read_text() == table.read_text() and not gauges[0].seen


def test_a_table_of_another_device_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "mine.json"
    other = profiled(SPACE, tmp_path / "t.json", networks=12)
    write_table(table, replace(other, setting=replace(SETTING, threads=4)))
    with pytest.raises(UsageError, match="threads 4, this search measures with 1"):
        prepare(replace(PLAN, table=table), SPACE, tmp_path / "latency.json", seconds=60.0)
    with pytest.raises(UsageError, match="cannot be read"):
        missing = replace(PLAN, table=tmp_path / "none.json")
        prepare(missing, SPACE, tmp_path / "latency.json", seconds=60.0)


def test_another_resolution_or_an_imported_table_will_do(tmp_path: Path) -> None:
    base = profiled(SPACE, tmp_path / "t.json", networks=12)
    for number, setting in enumerate(
        (
            replace(SETTING, shape=(3, 64, 64), version="1"),
            replace(SETTING, device="remote", processor="phone", runtime="tflite"),
        )
    ):
        table: Table = replace(base, setting=setting)
        write_table(tmp_path / "mine.json", table)
        plan = replace(PLAN, table=tmp_path / "mine.json")
        assert prepare(plan, SPACE, tmp_path / f"{number}.json", seconds=60.0).limit_ms == 5.0


def test_finalists_are_measured_in_the_runtime_or_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arch = MobileSpace(classes=4, resolution=8).decode((0,) * 38)
    monkeypatch.setattr("netwright.latency.prepare._SAMPLES", 4)
    monkeypatch.setattr("netwright.latency.prepare._SAMPLE_SECONDS", 0.0)
    assert meter(PLAN)(arch).median_ms > 0
    pytest.importorskip("onnx")
    script = tmp_path / "bench.sh"
    script.write_text("""#!/bin/sh\ntest -s "$1" && echo '{"median_ms": 7}'\n""")
    script.chmod(0o755)
    assert meter(replace(PLAN, command=f"{script} {{model}}"))(arch).median_ms == 7
