"""The database itself: its address, its connections, its tables, and the right to write to it.

SQLite by default, PostgreSQL by address; what is kept there is store.py's matter.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from feeds.model.errors import NoAnswerError, NoDatabaseError, StoreError, UnavailableError
from feeds.storage import migrations, schema
from feeds.storage.engine import disk_is_full, does_not_answer, engine_of, is_unavailable, prepare_to_ingest

_LOCK = 0x666565647321  # PostgreSQL's advisory locks are known by a number
_POSTGRESQL = "postgresql+psycopg"


class AlreadyRunningError(StoreError):
    """Another process is ingesting into this database."""


def database_url(address: str) -> sa.URL:
    """The address as SQLAlchemy takes it: `postgres://` as Heroku writes it, a bare path as SQLite.

    Raises StoreError where it is none, or names no file: what is in memory, no other process can serve.
    """
    url = sa.URL.create("sqlite", database=address)
    if "://" in address:
        try:
            url = make_url(address)
        except (ArgumentError, ValueError):  # their texts can hold a piece of the password
            raise StoreError(
                "expected the address of a database such as postgresql://user@host/name"
            ) from None
    backend = url.drivername.partition("+")[0]
    if backend in ("postgres", "postgresql"):
        return url.set(drivername=_POSTGRESQL)
    if backend != "sqlite":
        raise StoreError(f"the database {backend} is not supported; use sqlite:///… or postgresql://…")
    if url.database in (None, "", ":memory:"):
        raise StoreError(
            "SQLite needs the path of a file as its database, such as sqlite:///var/feeds.sqlite"
        )
    return url.set(drivername="sqlite")


class Database:
    """One database with its tables. Safe to share between threads; each process opens its own.

    Without `create` nothing is created where there is none: no folder, no file, no tables. A database of an
    older schema is brought forward all the same.

    Raises StoreError where it cannot be used, or was written by another version; NoAnswerError where no
    server answers; NoDatabaseError where there is none and `create` is false.
    """

    def __init__(self, address: str, *, create: bool = True) -> None:
        self._url = database_url(address)
        self._path = self._url.database if self._url.drivername == "sqlite" else None
        self._holder: Connection | None = None
        self._pinned = _Pinned()
        self._create = create
        self.found: int | None = None
        """The schema that the database had when it was opened; None where it was empty."""
        try:
            if self._path and create:
                Path(self._path).parent.mkdir(parents=True, exist_ok=True)
            elif self._path and not Path(self._path).exists():
                raise NoDatabaseError(f"{Path(self._path).absolute()}: there is no such database")
            self._engine = engine_of(self._url, create=create)
        except (OSError, ImportError) as error:
            raise StoreError(f"{self.name}: {_reason(error)}") from error
        try:
            self._open()
        except StoreError:
            self.close()
            raise

    def _open(self) -> None:
        for last in (False, True):
            try:
                self._prepare()
            except SQLAlchemyError as error:
                if does_not_answer(self._url, error):
                    raise NoAnswerError(f"{self.name}: {_reason(error)}") from error
                if last or not is_unavailable(error) or self._path is not None:
                    raise StoreError(f"{self.name}: {self._said(error)}") from error
            else:  # else a server may have begun to answer in this moment
                return

    @property
    def name(self) -> str:
        """The database as people may see it: without a password."""
        return self._path or self._url.render_as_string(hide_password=True)

    @property
    def path(self) -> str | None:
        """The file of a SQLite database; None elsewhere."""
        return self._path

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection to read from. Raises StoreError if the database does not answer."""
        if self._pinned.scope is None:
            with self._named_errors(), self._engine.connect() as connection:
                yield connection
            return
        with self._named_errors():
            if self._pinned.connection is None:
                self._pinned.connection = self._pinned.scope.enter_context(self._one_state())
            yield self._pinned.connection

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """Let everything that this thread reads until the end show one state, whatever is written meanwhile.

        A connection is taken from the pool by the first read, and given back at the end. Do not wait for
        another thread meanwhile: it may wait for a connection. A pin within a pin changes nothing.
        """
        if self._pinned.scope is not None:
            yield
            return
        with ExitStack() as scope:
            self._pinned.scope = scope
            try:
                yield
            finally:
                self._pinned.scope = self._pinned.connection = None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it or nothing. Raises StoreError where the database does not take it.

        Where PostgreSQL's lock is held, it is on the connection that holds it: who lost one lost both.
        """
        if self._holder is not None:
            if self._holder.invalidated:  # it would come back by itself, without the lock
                raise UnavailableError(
                    f"{self.name}: the connection was lost, and the right to ingest with it"
                )
            with self._named_errors(), self._holder.begin():
                yield self._holder
        else:
            with self._named_errors(), self._engine.begin() as connection:
                yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a connection that reads one state, whatever is written meanwhile. Raises StoreError."""
        with self._named_errors(), self._one_state() as connection:
            yield connection

    @contextmanager
    def _one_state(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            if self._path is None:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            else:
                connection.exec_driver_sql("BEGIN")
            yield connection

    @contextmanager
    def running(self, *, wait: bool) -> Iterator[None]:
        """Hold the right to ingest: one process at a time, given back when the process ends, however it ends.

        What is written meanwhile is written by this thread. Raises AlreadyRunningError at once where another
        holds it and `wait` is false.
        """
        with self._lock_of_server(wait) if self._path is None else _lock_of_file(f"{self._path}.lock", wait):
            yield

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            kind = UnavailableError if is_unavailable(error) else StoreError
            raise kind(f"{self.name}: {self._said(error)}") from error

    def _said(self, error: SQLAlchemyError) -> str:
        """Why; SQLite calls a disk that is full by many names."""
        if self._path is None or not is_unavailable(error):
            return _reason(error)
        if disk_is_full(self._path):
            return "its disk is full"
        locked = "" if os.access(Path(self._path).parent, os.W_OK) else "; its folder cannot be written to"
        return _reason(error) + locked

    @contextmanager
    def _lock_of_server(self, wait: bool) -> Iterator[None]:
        with self._named_errors(), self._engine.connect() as connection:
            connection.detach()  # closed at the end, not given back: the lock ends with its session
            prepare_to_ingest(connection)
            take = sa.func.pg_advisory_lock if wait else sa.func.pg_try_advisory_lock
            if connection.scalar(sa.select(take(_LOCK))) is False:
                raise AlreadyRunningError("another process is ingesting")
            connection.commit()
            self._holder = connection
            try:
                yield
            finally:
                self._holder = None
                _give_back(connection)

    def upsert(self, connection: Connection, table: sa.Table, values: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, or write them over those with the same keys; every row has the same columns."""
        if not values:
            return
        insert = postgresql.insert(table) if self._path is None else sqlite.insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {name: insert.excluded[name] for name in values[0] if name not in keys}
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed), list(values))

    def _prepare(self) -> None:
        with self._engine.connect() as connection:
            found = migrations.revision(connection)
        self.found = found
        if found is None and not self._create:
            name = Path(self._path).absolute() if self._path else self.name
            raise NoDatabaseError(f"{name}: it holds no feeds database yet")
        if found is None or found < schema.SCHEMA:  # else nothing is written: who only reads waits for no one
            with self._engine.begin() as connection:
                self._lock_tables(connection)
                migrations.upgrade(connection)
        elif found > schema.SCHEMA:
            self._work_with_newer(found)

    def _work_with_newer(self, found: int) -> None:
        """A newer version may be on its way in, with this one still at work: as long as it took nothing away.

        Raises StoreError where it did.
        """
        query = sa.select(schema.meta.c.value).where(schema.meta.c.name == migrations.NEEDS)
        with self._engine.connect() as connection:
            needs = connection.scalar(query) or 0
        if needs > schema.SCHEMA:
            raise StoreError(
                f"{self.name} was written by a newer version of feeds: its schema is {found} and needs a "
                f"version that knows {needs}; this one knows {schema.SCHEMA}"
            )

    def _lock_tables(self, connection: Connection) -> None:
        """Two processes that start together make the tables once."""
        if self._path is None:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK + 1)))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


class _Pinned(threading.local):
    """What `Database.pinned` holds for one thread."""

    scope: ExitStack | None = None
    """None outside of a pin."""
    connection: Connection | None = None
    """None until the first read."""


def _give_back(connection: Connection) -> None:
    """Give the lock back now: closing the session does it too, but only when the server gets to it."""
    if connection.invalidated:  # it went with its session
        return
    with suppress(SQLAlchemyError):
        connection.rollback()
        connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
        connection.commit()


@contextmanager
def _lock_of_file(path: str, wait: bool) -> Iterator[None]:
    with ExitStack() as files:
        try:
            lock = files.enter_context(Path(path).open("a", encoding="utf-8"))
        except OSError as error:
            raise UnavailableError(f"{path}: cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError("another process is ingesting") from error
        yield


def _reason(error: BaseException) -> str:
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__
