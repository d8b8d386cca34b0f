"""A database that one process writes and many read: SQLite by path, PostgreSQL by URL."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event, exc

from netwright.errors import StoreError, UsageError
from netwright.lock import FileLock

MEMORY = ":memory:"
_WAIT_SECONDS = 10.0  # how long SQLite waits for a reader that is in the way
_SECRET = ("password", "sslpassword")  # in the query of a URL
_PG_LOCK = 0x6E657477  # "netw": a number that nobody else asks for


class Database:
    """One open connection, and the lock that keeps other writers out."""

    def __init__(
        self,
        connection: sa.Connection,
        *,
        place: str,
        writable: bool,
        lock: FileLock | None = None,
    ) -> None:
        self.place = place
        self.writable = writable
        self._connection = connection
        self._lock = lock

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """All or nothing.

        Raises:
            StoreError: If the database fails; a constraint that is broken stays as it is.
        """
        try:
            with self._connection.begin():
                yield self._connection
        except exc.IntegrityError:
            raise
        except exc.SQLAlchemyError as err:
            raise StoreError(explain(err, self.place, writable=self.writable)) from err

    def begin_writing(self) -> None:
        """Set up SQLite's write-ahead log; for a database known to be ours or empty."""
        raw = self._connection.connection.driver_connection
        if isinstance(raw, sqlite3.Connection):
            try:
                raw.execute("PRAGMA journal_mode=WAL").close()
                raw.execute("PRAGMA synchronous=NORMAL").close()
            except sqlite3.Error as err:
                raise StoreError(explain(err, self.place, writable=True)) from err

    def close(self) -> None:
        """Close the connection and free the lock; twice is harmless."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()


def open_place(place: str | Path) -> Path | sa.URL:
    """A path for SQLite (``:memory:`` too), or the URL of a PostgreSQL database.

    Raises:
        StoreError: If it is a URL that cannot be read or is of another database.
        UsageError: If the driver is missing.
    """
    if isinstance(place, Path) or "://" not in place:
        return Path(place)
    try:
        url = sa.make_url(place)
    except exc.ArgumentError as err:
        raise StoreError(
            f"{place!r} is not a store; write a file name or postgresql://user@host/database."
        ) from err
    kind = url.get_backend_name()
    if kind == "sqlite":
        return Path(url.database or MEMORY)
    if kind != "postgresql":
        raise StoreError(
            f"Trials are kept in SQLite or PostgreSQL, not in {kind!r}; write a file name or "
            "postgresql://user@host/database."
        )
    if importlib.util.find_spec("psycopg") is None:
        raise UsageError("PostgreSQL needs a driver: pip install 'netwright[postgres]'.")
    return url.set(drivername="postgresql+psycopg")


def without_password(place: str) -> str:
    """The same place, fit to be written down; what is no URL stays as it is."""
    try:
        url = sa.make_url(place)
    except exc.ArgumentError:
        return place
    bare = sa.URL.create(
        url.drivername,
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query={key: value for key, value in url.query.items() if key not in _SECRET},
    )
    return bare.render_as_string(hide_password=False)


def connect(where: Path | sa.URL, *, write: bool) -> Database:
    """Open a database to write (nobody else may) or to read.

    Raises:
        StoreError: If it cannot be opened, or another process writes to it.
    """
    if isinstance(where, sa.URL):
        return _connect_postgres(where, write=write)
    return _connect_sqlite(where, write=write)


def explain(err: BaseException, place: str, *, writable: bool) -> str:
    """What went wrong with the database, as one sentence."""
    cause = " ".join(str(getattr(err, "orig", None) or err).split()).rstrip(".")
    if "password" in cause and "://" in place:
        return (
            f"{place} needs a password, which a run does not keep: give it in the URL (--store), "
            f"or set PGPASSWORD. The server said: {cause}."
        )
    if "not a database" in cause or "malformed" in cause:
        return f"{place} is not a store of trials, or it is damaged ({cause})."
    return f"{place} cannot be {'written' if writable else 'read'}: {cause}."


def _connect_sqlite(path: Path, *, write: bool) -> Database:
    place, memory = str(path), str(path) == MEMORY
    if path.is_dir():
        raise StoreError(f"{place} is a folder; name a file in it, such as {path / 'trials.db'}.")
    if not write and not path.exists():
        raise StoreError(f"There is no store at {place}.")
    lock = _lock_file(path) if write and not memory else None
    target = MEMORY if memory else f"{path.absolute().as_uri()}?mode={'rwc' if write else 'ro'}"
    if not write and not os.access(path.parent, os.W_OK):
        target += "&immutable=1"  # a reader beside a log writes to the folder; here nobody can

    def open_file() -> sqlite3.Connection:
        return sqlite3.connect(
            target,
            uri=not memory,
            timeout=_WAIT_SECONDS,
            isolation_level=None,  # SQLAlchemy's begin is made explicit below, for DDL too
            check_same_thread=False,
        )

    engine = sa.create_engine("sqlite://", creator=open_file, poolclass=sa.NullPool)
    event.listen(engine, "begin", _begin_immediate if write else _begin)
    try:
        connection = engine.connect()
    except exc.SQLAlchemyError as err:
        if lock is not None:
            lock.release()
        raise StoreError(explain(err, place, writable=write)) from err
    return Database(connection, place=place, writable=write, lock=lock)


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _lock_file(path: Path) -> FileLock:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path.with_name(path.name + ".lock"))
    except BlockingIOError as err:
        raise StoreError(
            f"Another search (process {err}) is writing to {path}; wait for it to end, or choose "
            "another place (--out)."
        ) from err
    except (FileExistsError, NotADirectoryError) as err:
        raise StoreError(f"{path} cannot be written: {path.parent} is not a folder.") from err
    except OSError as err:
        raise StoreError(f"{path} cannot be written: {err.strerror}.") from err


def _connect_postgres(url: sa.URL, *, write: bool) -> Database:
    place = without_password(url.set(drivername="postgresql").render_as_string(False))
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    connection = None
    try:
        connection = engine.connect()
        if write:
            _lock_schema(connection, place)
        connection.rollback()
    except exc.SQLAlchemyError as err:
        if connection is not None:
            connection.close()
        raise StoreError(explain(err, place, writable=write)) from err
    except StoreError:
        if connection is not None:
            connection.close()
        raise
    return Database(connection, place=place, writable=write)


def _lock_schema(connection: sa.Connection, place: str) -> None:
    """Take an advisory lock that PostgreSQL frees when this connection ends."""
    query = sa.text("SELECT pg_try_advisory_lock(:ours, hashtext(current_schema()))")
    held = connection.execute(query, {"ours": _PG_LOCK}).scalar_one()
    if held is None:
        raise StoreError(f"{place} names a schema that does not exist; create it first.")
    if not held:
        raise StoreError(
            f"Another search is writing to {place}; wait for it to end, or use another database."
        )
