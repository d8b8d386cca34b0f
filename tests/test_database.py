"""Databases by path and by URL, and what is said when one fails."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from netwright.database import connect, explain, open_place, without_password
from netwright.errors import StoreError, UsageError


def test_a_place_is_a_path_or_the_url_of_a_postgres_database() -> None:
    assert open_place("runs/1/trials.db") == Path("runs/1/trials.db")
    assert open_place("sqlite:////tmp/trials.db") == Path("/tmp/trials.db")
    assert open_place("sqlite://") == Path(":memory:")
    with pytest.raises(StoreError, match="not in 'oracle'"):
        open_place("oracle://me@here/db")


def test_postgres_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"netwright\[postgres\]"):
        open_place("postgresql://me@here/db")


def test_names_with_odd_characters_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "50% of?them#all" / "trials 1.db"
    database = connect(path, write=True)
    with database.transaction() as connection:
        connection.execute(sa.text("CREATE TABLE t (x INTEGER)"))
    database.close()
    assert path.exists()
    reader = connect(path, write=False)
    with pytest.raises(StoreError, match="cannot be read: attempt to write a readonly"):
        with reader.transaction() as connection:
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))
    reader.close()


def test_a_transaction_is_all_or_nothing_tables_included(tmp_path: Path) -> None:
    database = connect(tmp_path / "a.db", write=True)
    with pytest.raises(KeyError), database.transaction() as connection:
        connection.execute(sa.text("CREATE TABLE t (x INTEGER)"))
        raise KeyError
    with database.transaction() as connection:
        assert sa.inspect(connection).get_table_names() == []
    database.close()
    database.close()


def test_what_went_wrong_is_one_sentence() -> None:
    err = sqlite3.OperationalError("database or disk\n is full")
    assert (
        explain(err, "a.db", writable=True) == "a.db cannot be written: database or disk is full."
    )
    err = sqlite3.OperationalError("file is not a database")
    assert "a.db is not a store" in explain(err, "a.db", writable=True)


def test_a_place_is_written_down_without_its_password() -> None:
    url = "postgresql://me:s%40cret@[::1]:5433/db?options=-csearch_path%3Dmine&password=x"
    bare = without_password(url)
    assert bare == without_password(bare)
    assert "cret" not in bare and "password" not in bare
    then, now = sa.make_url(url), sa.make_url(bare)
    assert (then.host, then.port, then.database) == (now.host, now.port, now.database)
    assert now.query == {"options": "-csearch_path=mine"} and now.username == "me"
    for plain in ("runs/trials.db", "sqlite:///trials.db", ":memory:"):
        assert without_password(plain) == plain


def test_a_missing_password_is_asked_for_in_one_sentence() -> None:
    cause = Exception("connection failed: fe_sendauth: no password supplied")
    said = explain(cause, "postgresql://me@here/db", writable=True)
    assert "needs a password, which a run does not keep" in said and "set PGPASSWORD" in said
