"""How a database is connected to: how many connections, what becomes of lost ones, what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from feeds.model import backoff
from feeds.model.errors import NoAnswerError
from feeds.storage import pg_arrays

T = TypeVar("T")
Say = Callable[[str], object]

CONNECTIONS = 3
"""The most that one engine has to PostgreSQL: small hosts give a database twenty. One more holds the lock."""
POOL_SECONDS = 30
"""How long a thread waits for one of them."""
BUSY_SECONDS = 30
START_SECONDS = 60.0
"""How long a process that starts waits for a database that does not answer."""
_NO_ROOM = 65_536
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=0.5), timedelta(seconds=5)

# What libpq takes (https://www.postgresql.org/docs/13/libpq-connect.html); an address may say otherwise.
# A peer that vanished is known after 20 + 3 × 5 seconds, or 30 where something is on its way to it.
_LIBPQ = {
    "application_name": "feeds",
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
# The same on the server's side, so that it ends the session of a machine that vanished, and its lock.
_SERVER_SIDE = {
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}

# What an index of many pieces is written with: the more of them it takes at once, the less each costs.
_BULK = {"work_mem": "64MB", "gin_pending_list_limit": "8MB"}
# For long texts, where there is one (since 14, by how the server was built): it takes far less time than the
# other.
_FAST_COMPRESSION = sa.text(
    "SELECT set_config(name, 'lz4', false) FROM pg_settings "
    "WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
)

# SQLSTATE classes and codes that say nothing about what was to be written: connection, resources, operator,
# system; read-only, deadlock, serialization, lock.
_CLASSES = ("08", "53", "57", "58")
_STATES = ("25006", "40P01", "40001", "55P03")
_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}


def engine_of(url: sa.URL, *, create: bool = True) -> Engine:
    """Return an engine that has not connected yet. Without `create` no SQLite file is created or converted.

    Raises ImportError where the driver is not installed.
    """
    if url.drivername != "sqlite":
        pg_arrays.register()
        given = {name: value for name, value in _LIBPQ.items() if name not in url.query}
        return sa.create_engine(
            url,
            pool_pre_ping=True,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
            # None are prepared on the server: a pooler gives each transaction another session.
            connect_args={**given, "prepare_threshold": None},
        )
    path = Path(url.database or "")
    if path.exists() and not os.access(path.parent, os.W_OK):
        return _read_only(path)
    address = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    # A statement that is kept for later holds what it wrote: 128 of them are 100 MB.
    engine = _sqlite(address, cached_statements=16)
    # Many rows in one statement: while it is executed other threads can work, and between two they are in
    # each other's way.
    engine.dialect.use_insertmanyvalues_wo_returning = True

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: Any) -> None:
        # Readers and the one writer do not wait for each other; a commit survives the process. A database
        # keeps this setting, and a file that may be something else is not converted.
        if create:
            _keep_journal_ahead(connection)
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def _read_only(path: Path) -> Engine:
    """A file in a folder that nothing can be written to, where SQLite cannot put the index of its journal.

    Where there is no journal and the disk is read-only, the file is all there is. Else it needs the index
    that lies beside it: where only this user may not write, another one may.
    """
    journal = path.with_name(f"{path.name}-wal")
    fixed = os.statvfs(path).f_flag & os.ST_RDONLY and not (journal.exists() and journal.stat().st_size)
    whole = "&immutable=1" if fixed else ""
    address = f"{path.absolute().as_uri()}?mode=ro{whole}"
    return _sqlite(address)


def _sqlite(address: str, *, cached_statements: int = 128) -> Engine:
    """Return an engine for a SQLite file at a `file:` address, which can say what may be done with it."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            address,
            uri=True,
            timeout=BUSY_SECONDS,
            check_same_thread=False,
            cached_statements=cached_statements,
        )

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.QueuePool)


def _keep_journal_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging, which a database stays with. Where several open a new one at once, each
    would wait for the others to let go of it, so SQLite refuses at once, whatever the timeout.
    """
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def prepare_to_ingest(connection: Connection) -> None:
    """Fit the session that holds the lock, and by which all is written, for that; have the server end it
    soon after this machine has vanished. Raises SQLAlchemyError.
    """
    names = [sa.func.set_config(name, value, sa.false()) for name, value in (_SERVER_SIDE | _BULK).items()]
    connection.execute(sa.select(*names))
    connection.execute(_FAST_COMPRESSION)
    connection.commit()
    # Who holds a lock has the session for itself, whatever stands between.
    connection.connection.dbapi_connection.prepare_threshold = 0  # type: ignore[union-attr]


def is_unavailable(error: SQLAlchemyError) -> bool:
    """Whether it says that the database is gone, full, read-only or busy, whatever was asked of it."""
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return getattr(original, "sqlite_errorcode", 0) & 0xFF in _SQLITE
    state = getattr(original, "sqlstate", None)
    if state is None:  # the connection's matter: what a server says has one
        return error.connection_invalidated or type(original).__name__ == "OperationalError"
    return str(state).startswith(_CLASSES) or state in _STATES


def disk_is_full(path: str) -> bool:
    """Whether there is next to no room where a file is."""
    try:
        disk = os.statvfs(Path(path).parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _NO_ROOM


def does_not_answer(url: sa.URL, error: SQLAlchemyError) -> bool:
    """Whether a connection failed because no server takes any, and not because this one was refused.

    libpq tells only in words why a server refuses, in the server's language; but it can ask whether one
    would take connections at all.
    """
    if url.drivername == "sqlite" or not is_unavailable(error):
        return False
    from psycopg import conninfo, pq

    if "too many" in str(error) or "connection slots" in str(error):
        return True
    named = {"host": url.host, "port": url.port, "dbname": url.database, "user": url.username}
    given = {name: value for name, value in {**named, **url.query}.items() if value}
    address = conninfo.make_conninfo("", **{**given, "connect_timeout": "3"})  # type: ignore[arg-type]
    return pq.PGconn.ping(address.encode()) in (pq.Ping.REJECT, pq.Ping.NO_RESPONSE)


def once_it_answers(
    opening: Callable[[], T],
    say: Say,
    *,
    seconds: float = START_SECONDS,
    alive: Callable[[], bool] = lambda: True,
) -> T:
    """What `opening` answers, as soon as the database does: hosts start everything at once.

    Says that it waits. Raises NoAnswerError when the time is over or `alive` answers no, and at once whatever
    else is wrong.
    """
    give_up, failures = time.monotonic() + seconds, 0
    while True:
        try:
            return opening()
        except NoAnswerError as error:
            left = give_up - time.monotonic()
            if left <= 0 or not alive():
                raise
            if not failures:
                say(f"waiting for the database: {error}")
            wait = backoff.exponential(_FIRST_WAIT, failures, _LONGEST_WAIT)
            _pause(min(wait.total_seconds(), left), alive)
            failures += 1


def _pause(seconds: float, alive: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while alive() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.5))
