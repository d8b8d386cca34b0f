"""The trial store: its contract, its schema, its refusals, and PostgreSQL where there is one."""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from netwright.errors import StoreError
from netwright.fakes import TinySpace
from netwright.records import Budget, Factor, Objective
from netwright.spaces.tokens import fingerprint
from netwright.store import RunKey, TrialStore, open_store, read_store
from netwright.testing import StoreContract

KEY = RunKey(
    space="tiny",
    fingerprint=fingerprint(TinySpace()),
    seed=0,
    strategy="uniform",
    evaluator="fake",
    objective=Objective(metric="score", factors=(Factor(cost="macs", target=1e6),)),
    budget=Budget(macs=2e6),
    batch=16,
)
some = StoreContract().trial


class TestSqlite(StoreContract):
    def open(self, folder: Path) -> AbstractContextManager[TrialStore]:
        return open_store(folder / "run" / "trials.db", run=KEY, resume=True)


@pytest.mark.postgres
@pytest.mark.skipif(
    "NETWRIGHT_POSTGRES_URL" not in os.environ, reason="NETWRIGHT_POSTGRES_URL is not set"
)
class TestPostgres(StoreContract):
    @pytest.fixture(autouse=True)
    def schema(self) -> Iterator[None]:
        psycopg = pytest.importorskip("psycopg")
        url = os.environ["NETWRIGHT_POSTGRES_URL"]
        name = f"netwright_{uuid.uuid4().hex}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
            sign = "&" if "?" in url else "?"
            self.url = f"{url}{sign}options=-csearch_path%3D{name}"
            yield
            connection.execute(f"DROP SCHEMA {name} CASCADE")

    def open(self, folder: Path) -> AbstractContextManager[TrialStore]:
        return open_store(self.url, run=KEY, resume=True)

    def test_one_writes_and_others_read(self) -> None:
        with open_store(self.url, run=KEY, resume=False) as store:
            store.append([some(0)])
            with read_store(self.url) as reader:
                assert list(reader) == [some(0)]
            with pytest.raises(StoreError, match="Another search is writing"):
                open_store(self.url, run=KEY, resume=True)
        with pytest.raises(StoreError, match="already holds a search"):
            open_store(self.url, run=KEY, resume=False)

    def test_the_password_is_not_told(self) -> None:
        with open_store(self.url, run=KEY, resume=False) as store:
            assert "://" in store.place and "psycopg" not in store.place
        with pytest.raises(StoreError) as told:
            open_store("postgresql://me:secret@127.0.0.1:9/x", run=KEY, resume=False)
        assert "secret" not in str(told.value)


def test_the_key_survives_json() -> None:
    assert RunKey.from_dict(json.loads(json.dumps(KEY.to_dict()))) == KEY


def test_the_schema_version_is_the_first_row_and_columns_can_be_queried(tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    with open_store(path, run=KEY, resume=False) as store:
        store.append([some(0), some(1, duplicate_of=0)])
        assert len(store) == 2
    with closing(sqlite3.connect(path)) as raw:
        first = raw.execute("SELECT name, value FROM meta ORDER BY rowid LIMIT 1").fetchone()
        assert first == ("netwright_schema", "1")
        query = "SELECT arch_id, status, seconds, device FROM trials WHERE duplicate_of = 0"
        assert raw.execute(query).fetchall() == [("0000000000000001", "ok", 1 / 3, "cpu")]
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert [p.name for p in tmp_path.iterdir()] == ["trials.db"]


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    open_store(path, run=KEY, resume=False).close()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE meta SET value = '2' WHERE name = 'netwright_schema'")
    with pytest.raises(StoreError, match="newer netwright.*upgrade"):
        read_store(path)
    with pytest.raises(StoreError, match="newer netwright.*upgrade"):
        open_store(path, run=KEY, resume=True)


def test_what_is_no_store_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    text, other = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("These are notes, and long enough not to be taken for an empty database. " * 9)
    with closing(sqlite3.connect(other)) as raw, raw:
        raw.execute("CREATE TABLE meta (name TEXT)")
    for path in (text, other):
        before = path.read_bytes()
        for resume in (False, True):
            with pytest.raises(StoreError, match="not a store"):
                open_store(path, run=KEY, resume=resume)
        with pytest.raises(StoreError, match="not a store"):
            read_store(path)
        assert path.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"notes.txt", "other.db"}


def test_places_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written: .*file is not a folder"):
        open_store(tmp_path / "file" / "trials.db", run=KEY, resume=False)
    with pytest.raises(StoreError, match="is a folder; name a file in it"):
        open_store(tmp_path, run=KEY, resume=False)
    with pytest.raises(StoreError, match="There is no store"):
        read_store(tmp_path / "trials.db")
    with pytest.raises(StoreError, match="holds no search yet"):
        read_store(tmp_path / "file")
    with pytest.raises(StoreError, match="not in 'mysql'"):
        open_store("mysql://me@here/db", run=KEY, resume=False)
    with pytest.raises(StoreError, match="not a store"):
        open_store("://", run=KEY, resume=False)


def test_a_search_is_not_overwritten_and_not_continued_as_another(tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    open_store(path, run=KEY, resume=False).close()
    with pytest.raises(StoreError, match="already holds a search; resume it"):
        open_store(path, run=KEY, resume=False)
    for other, words in (
        (replace(KEY, seed=1), "seed 0, not 1"),
        (replace(KEY, strategy="evolution"), "strategy 'uniform', not 'evolution'"),
        (replace(KEY, budget=Budget(macs=1e6)), "budget macs ≤ 2.00M, not macs ≤ 1.00M"),
        (replace(KEY, objective=Objective(metric="score")), "not max score"),
        (
            replace(KEY, fingerprint=fingerprint(TinySpace(resolution=16))),
            "space 'tiny' with other choices, resolution or classes",
        ),
    ):
        with pytest.raises(StoreError, match="resume it with the same") as told:
            open_store(path, run=other, resume=True)
        assert words in str(told.value)
    with open_store(path, run=KEY, resume=True) as store:
        assert store.run == KEY


def test_readers_see_what_is_written_and_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    with open_store(path, run=KEY, resume=False) as store, read_store(path) as reader:
        assert list(reader) == []
        store.append([some(0)], used_seconds=3.0)
        assert list(reader) == [some(0)]
        assert reader.run == KEY
        with pytest.raises(StoreError, match="opened to be read"):
            reader.append([some(1)])
    with read_store(f"sqlite:///{path}") as reader:
        assert len(reader) == 1 and reader.used_seconds == 3.0


def test_memory_holds_a_store_too() -> None:
    with open_store(":memory:", run=KEY, resume=False) as store:
        store.append([some(0)])
        assert list(store) == [some(0)]


def test_a_running_search_locks_its_store_and_a_killed_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    code = (
        "import sys; from test_store import *\n"
        "store = open_store(sys.argv[1], run=KEY, resume=True)\n"
        "store.append([some(0)]); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=here, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match=rf"Another search \(process {other.pid}\)"):
            open_store(path, run=KEY, resume=True)
        other.kill()
    with open_store(path, run=KEY, resume=True) as store:
        assert list(store) == [some(0)]


def test_a_damaged_trial_is_told(tmp_path: Path) -> None:
    path = tmp_path / "trials.db"
    with open_store(path, run=KEY, resume=False) as store:
        store.append([some(0)])
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE trials SET metrics = '{'")
    with read_store(path) as store, pytest.raises(StoreError, match="damaged"):
        list(store)


@pytest.mark.slow
def test_bookkeeping_is_a_millisecond_or_so(tmp_path: Path) -> None:
    with open_store(tmp_path / "trials.db", run=KEY, resume=False) as store:
        times = []
        for trial in map(some, range(60)):
            started = time.perf_counter()
            store.append([trial], used_seconds=1.0)
            times.append(time.perf_counter() - started)
    assert statistics.median(times) < 0.05, "fifty times what is meant, for a busy machine"
