"""Tables on disk: appended, read back, resumed, refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devices import SETTING, FakeGauge, profiled
from netwright.errors import UsageError
from netwright.latency.profile import profile
from netwright.latency.table import Table, TableFile, Timed, read_table, write_table
from netwright.spaces.mobile import MobileSpace

SPACE = MobileSpace(classes=10, resolution=16)


def _timed(reference_ms: float, name: str = "n") -> Timed:
    return Timed(
        network=name, ms=1.0, low_ms=1.0, reference_ms=reference_ms, features=(1.0,) * 12
    )  # fmt: skip


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    made = profiled(SPACE, tmp_path / "t.json", networks=5)
    read = read_table(tmp_path / "t.json")
    assert read.setting == SETTING and read.about == {"space": "mobile"}
    assert read.parts == made.parts
    assert [n.network for n in read.networks] == [n.network for n in made.networks]
    for (key, ms), (same, near) in zip(
        read.networks[0].parts, made.networks[0].parts, strict=True
    ):
        assert key == same and ms == pytest.approx(near, abs=1e-6)
    write_table(tmp_path / "again.json", read)
    assert read_table(tmp_path / "again.json") == read


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_kill_loses_the_network_in_hand_alone(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "t.json"
    profiled(SPACE, path, networks=6)
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(read_table(path).networks) == 5
    gauge = FakeGauge()
    file = TableFile(path, SETTING, {})
    before = {n.network for n in file.table.networks}
    profile(SPACE, file, gauge=gauge, seconds=1e9, most=8)
    assert len(gauge.seen) == 3 and before.isdisjoint(gauge.seen)
    assert len(read_table(path).networks) == len(file.table.networks) == 8
    keys = {key for n in read_table(path).networks for key, _ in n.parts}
    assert keys <= read_table(path).parts.keys()


def test_other_conditions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    profiled(SPACE, path, networks=1)
    with pytest.raises(UsageError, match="threads 1, not 2"):
        TableFile(path, replace(SETTING, threads=2), {})


def test_what_is_no_table_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    with pytest.raises(UsageError, match="cannot be read"):
        read_table(path)
    for text in ("", "hello\n", "[1]\n", '{"a": 1}\n'):
        path.write_text(text)
        with pytest.raises(UsageError, match="no latency table"):
            read_table(path)
    path.write_text('{"netwright_latency": 99}\n')
    with pytest.raises(UsageError, match="format 99"):
        read_table(path)
    with pytest.raises(UsageError, match="cannot be written"):
        write_table(tmp_path / "no" / "t.json", Table(setting=SETTING))


def test_the_reference_tells_how_fast_the_machine_was() -> None:
    times = [2.0] * 6 + [3.0] * 5
    table = Table(setting=SETTING, networks=tuple(_timed(t) for t in times))
    assert table.speeds()[0] == 1.0 and table.speeds()[-1] == 1.5
    assert table.drift == 1.5 and table.busy


def test_one_outlier_is_no_drift() -> None:
    times = [2.0] * 4 + [9.0] + [2.0] * 4
    table = Table(setting=SETTING, networks=tuple(_timed(t) for t in times))
    assert table.drift == 1.0 and not table.busy


def test_without_a_reference_there_is_no_drift() -> None:
    table = Table(setting=SETTING, networks=(_timed(0.0), _timed(0.0)))
    assert table.speeds() == [1.0, 1.0] and not table.busy
    assert Table(setting=SETTING).drift == 1.0
