"""Trials on disk: one row each, in SQLite or PostgreSQL, with what makes the search the same.

A store belongs to one search.  Table ``meta`` holds the schema version (the first row ever
written), the ``RunKey`` and the seconds used; table ``trials`` holds the trials.  One process
writes, any number may read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy import exc

from netwright.database import Database, connect, open_place
from netwright.errors import StoreError
from netwright.records import Budget, Factor, Objective, Trial

SCHEMA = 1
_VERSION = "netwright_schema"

_TABLES = sa.MetaData()
_META = sa.Table(
    "meta",
    _TABLES,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),  # JSON; SQLite makes numbers of a JSON column
)
_TRIALS = sa.Table(
    "trials",
    _TABLES,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("tokens", sa.JSON, nullable=False),
    sa.Column("arch_id", sa.String, nullable=False, index=True),
    sa.Column("cost", sa.JSON, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("metrics", sa.JSON, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("device", sa.String, nullable=False),
    sa.Column("duplicate_of", sa.Integer, nullable=True),
)


@dataclass(frozen=True, kw_only=True)
class RunKey:
    """What makes two searches the same search, and so one the continuation of the other.

    Args:
        space: Name of the space.
        fingerprint: Of the space (:func:`netwright.spaces.tokens.fingerprint`).
        seed: The user's seed.
        strategy: The strategy, with its settings where they are not the usual ones.
        evaluator: The evaluator and what it looks at, such as ``proxy zico on flowers``.
        objective: What is made as good as it can be.
        budget: What a network may cost.
        batch: Candidates per ask.
    """

    space: str
    fingerprint: str
    seed: int
    strategy: str
    evaluator: str
    objective: Objective
    budget: Budget
    batch: int

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; ``RunKey.from_dict`` reads them back exactly."""
        return asdict(self)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> RunKey:
        """The key that ``to_dict`` described."""
        objective = dict(data["objective"])
        objective["factors"] = tuple(Factor(**f) for f in objective["factors"])
        parts = {"objective": Objective(**objective), "budget": Budget(**data["budget"])}
        return RunKey(**{**data, **parts})

    def difference(self, other: RunKey) -> str:
        """The first thing in which the two differ, in words; empty when they are the same."""
        for part in fields(self):
            here, there = getattr(self, part.name), getattr(other, part.name)
            if here != there and part.name == "fingerprint":
                return f"space {self.space!r} with other choices, resolution or classes"
            if here != there:
                return f"{part.name} {_words(here)}, not {_words(there)}"
        return ""


def _words(value: object) -> str:
    if isinstance(value, Budget):
        return str(value)
    if isinstance(value, Objective):
        factors = "".join(
            f" * ({f.cost}/{f.target:g})^{f.below:g}|{f.above:g}" for f in value.factors
        )
        return f"{value.direction} {value.metric}{factors}"
    return repr(value)


class TrialStore:
    """The trials of one search; made by :func:`open_store` or :func:`read_store`.

    Not for several threads at once.  Use it as a context manager, or ``close`` it.
    """

    def __init__(self, database: Database, *, run: RunKey, used_seconds: float) -> None:
        self.run = run
        self._database = database
        self._used_seconds = used_seconds

    @property
    def place(self) -> str:
        """Where it is, for messages; without a password."""
        return self._database.place

    @property
    def used_seconds(self) -> float:
        """Seconds of search so far, all sittings together, as of the last ``append``."""
        return self._used_seconds

    def append(self, trials: Sequence[Trial], *, used_seconds: float | None = None) -> None:
        """Keep trials, all or none, in one transaction.

        It survives the death of this process at any moment.  (SQLite runs with
        ``synchronous=NORMAL``: a power cut may take the last trials, never the file.)

        Args:
            trials: In any order of their numbers; none is allowed.
            used_seconds: The new total of seconds used, if it is to be kept too.

        Raises:
            StoreError: If a number is already taken, or the store cannot be written.
        """
        if not self._database.writable:
            raise StoreError(f"{self.place} was opened to be read; open_store() opens to write.")
        rows = [trial.to_dict() for trial in trials]
        try:
            with self._database.transaction() as connection:
                if rows:
                    connection.execute(sa.insert(_TRIALS), rows)
                if used_seconds is not None:
                    change = sa.update(_META).where(_META.c.name == "used_seconds")
                    connection.execute(change.values(value=json.dumps(used_seconds)))
        except exc.IntegrityError as err:
            raise StoreError(self._taken(trials)) from err
        if used_seconds is not None:
            self._used_seconds = used_seconds

    def _taken(self, trials: Sequence[Trial]) -> str:
        numbers = [trial.number for trial in trials]
        twice = [n for n in numbers if numbers.count(n) > 1]
        stored = [trial.number for trial in self if trial.number in numbers]
        number = min(stored or twice, default=numbers[0])
        return f"Trial {number} is already in {self.place}; every number is written once."

    def __iter__(self) -> Iterator[Trial]:
        """All trials by number, as they are now."""
        try:
            with self._database.transaction() as connection:
                rows = connection.execute(sa.select(_TRIALS).order_by(_TRIALS.c.number)).all()
            return iter([Trial.from_dict(row._asdict()) for row in rows])
        except (ValueError, TypeError, KeyError) as err:
            raise StoreError(f"{self.place} is damaged: a trial cannot be read ({err}).") from err

    def __len__(self) -> int:
        with self._database.transaction() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(_TRIALS)).scalar_one()

    def close(self) -> None:
        """Let the next one in; closing twice is harmless."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_store(place: str | Path, *, run: RunKey, resume: bool) -> TrialStore:
    """Open a store to write: a new one, or with ``resume`` the one that is there.

    Args:
        place: A SQLite file, ``:memory:``, or a ``postgresql://`` URL.  One database (or
            PostgreSQL schema) holds one search.
        run: What the search is.
        resume: Continue the search that is there, or start it where there is none.

    Raises:
        StoreError: If it cannot be opened or written, is no store or a newer one, is locked by a
            running search, holds another search, or holds any search and ``resume`` is off.
    """
    where = open_place(place)
    database = connect(where, write=True)
    try:
        found = _read_meta(database)
        if found is None:
            database.begin_writing()
            _create(database, run)
            return TrialStore(database, run=run, used_seconds=0.0)
        stored, used_seconds = found
        if not resume:
            raise StoreError(
                f"{database.place} already holds a search; resume it (--resume), or choose "
                "another place (--out)."
            )
        different = stored.difference(run)
        if different:
            raise StoreError(
                f"{database.place} holds a search with {different}; resume it with the same "
                "settings, or choose another place (--out)."
            )
        database.begin_writing()
        return TrialStore(database, run=stored, used_seconds=used_seconds)
    except BaseException:
        database.close()
        raise


def read_store(place: str | Path) -> TrialStore:
    """Open a store to read, also while a search writes to it.

    Raises:
        StoreError: If there is none, or it is no store or a newer one.
    """
    database = connect(open_place(place), write=False)
    try:
        found = _read_meta(database)
        if found is None:
            raise StoreError(f"{database.place} holds no search yet.")
        return TrialStore(database, run=found[0], used_seconds=found[1])
    except BaseException:
        database.close()
        raise


def _create(database: Database, run: RunKey) -> None:
    with database.transaction() as connection:
        _TABLES.create_all(connection)
        for name, value in (
            (_VERSION, SCHEMA),
            ("run", run.to_dict()),
            ("used_seconds", 0.0),
        ):
            connection.execute(sa.insert(_META).values(name=name, value=json.dumps(value)))


def _read_meta(database: Database) -> tuple[RunKey, float] | None:
    """The key and the seconds used; None where the database is still empty.

    Raises:
        StoreError: If it is no store, or one of a newer schema.
    """
    with database.transaction() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        if not tables:
            return None
        if not {"meta", "trials"} <= tables:
            raise StoreError(_no_store(database))
        try:
            rows = connection.execute(sa.select(_META.c.name, _META.c.value)).all()
            meta: dict[str, Any] = {name: json.loads(value) for name, value in rows}
        except (exc.DBAPIError, ValueError, TypeError) as err:
            raise StoreError(_no_store(database)) from err
    version = meta.get(_VERSION)
    if not isinstance(version, int):
        raise StoreError(_no_store(database))
    if version > SCHEMA:
        raise StoreError(
            f"{database.place} was written by a newer netwright (schema {version}; this one reads "
            f"up to {SCHEMA}): upgrade with `pip install -U netwright`."
        )
    try:
        return RunKey.from_dict(meta["run"]), float(meta["used_seconds"])
    except (KeyError, TypeError, ValueError) as err:
        raise StoreError(f"{database.place} is damaged: its description cannot be read.") from err


def _no_store(database: Database) -> str:
    return (
        f"{database.place} is not a store of trials; choose another place, or the trials.db of a "
        "run."
    )
