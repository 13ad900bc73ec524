"""Open a database, upgrade its tables, and hold the ingest lock.

SQLite is the default; a postgresql:// address selects PostgreSQL. What the tables contain is the matter of
store.py.
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
from feeds.storage.engine import (
    disk_is_full,
    is_server_down,
    is_unavailable,
    make_engine,
    prepare_ingest_session,
)

_LOCK_NUMBER = 0x666565647321  # PostgreSQL identifies an advisory lock by a number
_POSTGRESQL = "postgresql+psycopg"


class AlreadyRunningError(StoreError):
    """Another process is ingesting into this database."""


def database_url(address: str) -> sa.URL:
    """Convert the address of a database to a SQLAlchemy URL.

    `postgres://`, as Heroku writes it, is PostgreSQL; a path without a scheme is SQLite. Raises StoreError if
    it is not an address of a database, or if it names no file: no other process can serve a database in
    memory.
    """
    url = sa.URL.create("sqlite", database=address)
    if "://" in address:
        try:
            url = make_url(address)
        except (ArgumentError, ValueError):  # their texts can contain a part of the password
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
    """One database with its tables.

    Safe to share between threads; each process opens its own. Without `create`, a missing database is not
    created: no folder, no file, no tables. A database with an older schema is upgraded in any case.

    Raises NoDatabaseError if the database is missing and `create` is false; NoAnswerError if no server
    answers; StoreError if the database cannot be used, or needs a newer version of feeds. These errors end
    with `origin`, which says where the address was configured: "is set in …".
    """

    def __init__(self, address: str, *, create: bool = True, origin: str = "") -> None:
        try:
            self._connect(address, create)
        except StoreError as error:
            if not origin:
                raise
            raise type(error)(f"{error}. The address {origin}.") from error

    def _connect(self, address: str, create: bool) -> None:
        self._url = database_url(address)
        self._path = self._url.database if self._url.drivername == "sqlite" else None
        self._holder: Connection | None = None
        self._pinned = _Pinned()
        self._create = create
        self.opened_schema: int | None = None
        """Number of the schema that the database had when it was opened; None if it was empty."""
        try:
            if self._path and create:
                Path(self._path).parent.mkdir(parents=True, exist_ok=True)
            elif self._path and not Path(self._path).exists():
                raise NoDatabaseError(f"{Path(self._path).absolute()}: there is no such database")
            self._engine = make_engine(self._url, create=create)
        except (OSError, ImportError) as error:
            raise StoreError(f"{self.name}: {_reason(error)}") from error
        try:
            self._open()
        except StoreError:
            self.close()
            raise

    def _open(self) -> None:
        for is_last in (False, True):
            try:
                self._prepare()
            except SQLAlchemyError as error:
                if is_server_down(self._url, error):
                    raise NoAnswerError(f"{self.name}: {_reason(error)}") from error
                # A server that has just begun to answer is tried once more.
                if is_last or not is_unavailable(error) or self._path is not None:
                    raise StoreError(f"{self.name}: {self._explain(error)}") from error
            else:
                return

    @property
    def name(self) -> str:
        """Address of the database without its passwords, or the path of its file."""
        return self._path or _hide_passwords(self._url)

    @property
    def path(self) -> str | None:
        """Path of a SQLite database; None for PostgreSQL."""
        return self._path

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection to read from.

        Raises StoreError if the database does not answer.
        """
        if self._pinned.scope is None:
            with self._translated_errors(), self._engine.connect() as connection:
                yield connection
            return
        with self._translated_errors():
            if self._pinned.connection is None:
                self._pinned.connection = self._pinned.scope.enter_context(self._one_state())
            yield self._pinned.connection

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """Let all reads of this thread show one state until the end.

        Others may write meanwhile. The first read takes a connection from the pool; it is returned at the
        end. Do not wait for another thread meanwhile, because that thread may be waiting for a connection. A
        nested pin has no effect.
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
        """Begin a transaction. Raises StoreError if the database does not accept it.

        While this object holds the ingest lock of PostgreSQL, the transaction uses the connection of the
        lock: if that is lost, neither the lock nor the transaction remains.
        """
        if self._holder is not None:
            if self._holder.invalidated:  # SQLAlchemy would connect again, without the lock
                raise UnavailableError(f"{self.name}: the connection was lost, and with it the ingest lock")
            with self._translated_errors(), self._holder.begin():
                yield self._holder
        else:
            with self._translated_errors(), self._engine.begin() as connection:
                yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a connection that reads one state, whatever is written meanwhile.

        Raises StoreError.
        """
        with self._translated_errors(), self._one_state() as connection:
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
        """Hold the ingest lock: one process at a time.

        It is released when the process ends, in any way. Only this thread may write meanwhile. Raises
        AlreadyRunningError at once if another process holds the lock and `wait` is false.
        """
        path = self._path
        with self._lock_on_server(wait) if path is None else _lock_file(f"{path}.lock", wait):
            yield

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            kind = UnavailableError if is_unavailable(error) else StoreError
            raise kind(f"{self.name}: {self._explain(error)}") from error

    def _explain(self, error: SQLAlchemyError) -> str:
        """Return the reason of an error. SQLite reports a full disk by several errors."""
        if self._path is None or not is_unavailable(error):
            return _reason(error)
        if disk_is_full(self._path):
            return "its disk is full"
        is_writable = os.access(Path(self._path).parent, os.W_OK)
        return _reason(error) + ("" if is_writable else "; its folder cannot be written to")

    @contextmanager
    def _lock_on_server(self, wait: bool) -> Iterator[None]:
        with self._translated_errors(), self._engine.connect() as connection:
            connection.detach()  # not returned to the pool but closed: the lock ends with its session
            prepare_ingest_session(connection)
            lock = sa.func.pg_advisory_lock if wait else sa.func.pg_try_advisory_lock
            if connection.scalar(sa.select(lock(_LOCK_NUMBER))) is False:
                raise AlreadyRunningError("another process is ingesting")
            connection.commit()
            self._holder = connection
            try:
                yield
            finally:
                self._holder = None
                _release_lock(connection)

    def upsert(self, connection: Connection, table: sa.Table, values: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, or replace those with the same primary keys.

        Every row must have the same columns.
        """
        if not values:
            return
        insert = postgresql.insert(table) if self._path is None else sqlite.insert(table)
        keys = [column.name for column in table.primary_key]
        replaced = {name: insert.excluded[name] for name in values[0] if name not in keys}
        statement = (
            insert.on_conflict_do_update(index_elements=keys, set_=replaced)
            if replaced
            else insert.on_conflict_do_nothing(index_elements=keys)
        )
        connection.execute(statement, list(values))

    def _prepare(self) -> None:
        with self._engine.connect() as connection:
            try:
                revision = migrations.read_revision(connection)
            except StoreError as error:
                raise StoreError(f"{self.name}: {error}") from error
        self.opened_schema = revision
        if revision is None and not self._create:
            name = Path(self._path).absolute() if self._path else self.name
            raise NoDatabaseError(f"{name}: it holds no feeds database yet")
        if revision is None or revision < schema.SCHEMA:  # else a process that only reads waits for nobody
            with self._engine.begin() as connection:
                self._lock_tables(connection)
                migrations.upgrade(connection)
        elif revision > schema.SCHEMA:
            self._check_newer(revision)

    def _check_newer(self, revision: int) -> None:
        """Check that this version of feeds can use a newer schema, as during an upgrade.

        Raises StoreError if the newer version removed something that this version needs.
        """
        query = sa.select(schema.meta.c.value).where(schema.meta.c.name == migrations.NEEDS)
        with self._engine.connect() as connection:
            needs = connection.scalar(query) or 0
        if needs > schema.SCHEMA:
            raise StoreError(
                f"{self.name} was written by a newer version of feeds: its schema is {revision} and needs a "
                f"version that knows {needs}; this one knows {schema.SCHEMA}"
            )

    def _lock_tables(self, connection: Connection) -> None:
        """Lock the tables, so that only one process creates or upgrades them."""
        if self._path is None:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_NUMBER + 1)))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


class _Pinned(threading.local):
    """The state of `Database.pinned` for one thread."""

    scope: ExitStack | None = None
    """What is closed at the end of the pin; None outside a pin."""
    connection: Connection | None = None
    """The connection that all reads use; None before the first read."""


def _release_lock(connection: Connection) -> None:
    """Release the lock now. The end of the session releases it too, but later."""
    if connection.invalidated:  # the session has ended, and with it the lock
        return
    with suppress(SQLAlchemyError):
        connection.rollback()
        connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK_NUMBER)))
        connection.commit()


@contextmanager
def _lock_file(path: str, wait: bool) -> Iterator[None]:
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


def _hide_passwords(url: sa.URL) -> str:
    """Write a URL without the passwords that it contains: its own, and those in its query."""
    query = {
        name: "***" if "password" in name.lower() or name.lower() == "passfile" else value
        for name, value in url.query.items()
    }
    return url.set(query=query).render_as_string(hide_password=True)


def _reason(error: BaseException) -> str:
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
