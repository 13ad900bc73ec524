"""Create the engine of a database, wait for the server, classify errors."""

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
PrintLine = Callable[[str], object]

MAX_CONNECTIONS = 3
"""Connections of one engine to PostgreSQL. Small hosts allow 20 in all. The ingest lock takes one more."""
POOL_SECONDS = 30
"""Seconds that a thread waits for a connection of the pool."""
BUSY_SECONDS = 30
"""Seconds that SQLite waits for the lock of another connection."""
START_SECONDS = 60.0
"""Seconds that a process waits at its start for a database that does not answer."""
_MIN_FREE_BYTES = 65_536
_MIN_WAIT, _MAX_WAIT = timedelta(seconds=0.5), timedelta(seconds=5)

# Parameters of libpq (https://www.postgresql.org/docs/13/libpq-connect.html). The URL of the database can
# override them. A lost peer is detected after 20 + 3 × 5 seconds, or after 30 if data is on its way to it.
_LIBPQ_PARAMETERS = {
    "application_name": "feeds",
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
# The same for the server, so that it ends the session of a lost machine, and with it the lock.
_SERVER_KEEPALIVES = {
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}

# Settings for writing the search index: the more pieces PostgreSQL adds at once, the less each one costs.
_BULK_SETTINGS = {"work_mem": "64MB", "gin_pending_list_limit": "8MB"}
# Compress long texts by lz4 if the server supports it (version 14 or later, and built with lz4): it takes far
# less time than pglz.
_USE_LZ4 = sa.text(
    "SELECT set_config(name, 'lz4', false) FROM pg_settings "
    "WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
)

# SQLSTATE classes and codes that are not about the data of a statement. Classes: connection, resources,
# operator, system. Codes: read-only, deadlock, serialization, lock.
_UNAVAILABLE_CLASSES = ("08", "53", "57", "58")
_UNAVAILABLE_STATES = ("25006", "40P01", "40001", "55P03")
_UNAVAILABLE_SQLITE = {
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


def make_engine(url: sa.URL, *, create: bool = True) -> Engine:
    """Return an engine that is not connected yet.

    Without `create`, no SQLite file is created or converted.

    Raises ImportError if the driver is not installed.
    """
    if url.drivername != "sqlite":
        pg_arrays.register()
        defaults = {name: value for name, value in _LIBPQ_PARAMETERS.items() if name not in url.query}
        return sa.create_engine(
            url,
            pool_pre_ping=True,
            pool_size=MAX_CONNECTIONS,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
            # No prepared statements: a connection pooler gives each transaction another session.
            connect_args={**defaults, "prepare_threshold": None},
        )
    path = Path(url.database or "")
    if path.exists() and not os.access(path.parent, os.W_OK):
        return _read_only_engine(path)
    address = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    # A cached statement keeps the values that it wrote: the default of 128 statements takes 100 MB.
    engine = _sqlite_engine(address, cached_statements=16)
    # Insert many rows by one statement: other threads run while a statement is executed, and delay this one
    # between two statements.
    engine.dialect.use_insertmanyvalues_wo_returning = True

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: Any) -> None:
        # With a write-ahead log, readers and the writer do not wait for each other, and a commit survives the
        # end of the process. The file keeps this setting. Without `create` the file may be something else, so
        # it is not converted.
        if create:
            _enable_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def _read_only_engine(path: Path) -> Engine:
    """Return an engine for a SQLite file in a folder without write permission.

    SQLite cannot create the index of its journal there. If the disk is read-only and there is no journal, the
    file is complete and is opened as immutable. Otherwise SQLite needs the index beside the file: another
    user may have write permission and be writing.
    """
    journal = path.with_name(f"{path.name}-wal")
    is_fixed = os.statvfs(path).f_flag & os.ST_RDONLY and not (journal.exists() and journal.stat().st_size)
    immutable = "&immutable=1" if is_fixed else ""
    address = f"{path.absolute().as_uri()}?mode=ro{immutable}"
    return _sqlite_engine(address)


def _sqlite_engine(address: str, *, cached_statements: int = 128) -> Engine:
    """Return an engine for a SQLite file.

    The address is a `file:` URI, with its mode as a parameter.
    """

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            address,
            uri=True,
            timeout=BUSY_SECONDS,
            check_same_thread=False,
            cached_statements=cached_statements,
        )

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.QueuePool)


def _enable_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch a database to write-ahead logging, which it then keeps.

    Retry for BUSY_SECONDS. If several processes open a new database at once, SQLite refuses the switch at
    once, whatever its timeout, because each of them would wait for the others.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def prepare_ingest_session(connection: Connection) -> None:
    """Configure the PostgreSQL session that holds the ingest lock.

    This session writes everything. The server ends the session soon after this machine is lost. Raises
    SQLAlchemyError.
    """
    settings = _SERVER_KEEPALIVES | _BULK_SETTINGS
    connection.execute(
        sa.select(*(sa.func.set_config(name, value, sa.false()) for name, value in settings.items()))
    )
    connection.execute(_USE_LZ4)
    connection.commit()
    # Prepared statements are safe here: no pooler can share a session that holds a lock.
    connection.connection.dbapi_connection.prepare_threshold = 0  # type: ignore[union-attr]


def is_unavailable(error: SQLAlchemyError) -> bool:
    """Return whether the database is gone, full, read-only or busy.

    Then the error does not depend on the statement.
    """
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return getattr(original, "sqlite_errorcode", 0) & 0xFF in _UNAVAILABLE_SQLITE
    state = getattr(original, "sqlstate", None)
    if state is None:  # an error of the connection: every error of the server has a state
        return error.connection_invalidated or type(original).__name__ == "OperationalError"
    return str(state).startswith(_UNAVAILABLE_CLASSES) or state in _UNAVAILABLE_STATES


def disk_is_full(path: str) -> bool:
    """Return whether the disk of a file has less than 64 KiB of free space.

    False if that is unknown.
    """
    try:
        disk = os.statvfs(Path(path).parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _MIN_FREE_BYTES


def is_server_down(url: sa.URL, error: SQLAlchemyError) -> bool:
    """Return whether a connection failed because no server accepts any.

    False for SQLite. False if the server only refused this connection. libpq reports the reason of a refusal
    only as text in the server's language, so this function asks the server whether it accepts connections at
    all.
    """
    if url.drivername == "sqlite" or not is_unavailable(error):
        return False
    from psycopg import conninfo, pq

    if "too many" in str(error) or "connection slots" in str(error):
        return True
    parts = {"host": url.host, "port": url.port, "dbname": url.database, "user": url.username}
    parameters = {name: value for name, value in {**parts, **url.query}.items() if value}
    address = conninfo.make_conninfo("", **{**parameters, "connect_timeout": "3"})  # type: ignore[arg-type]
    return pq.PGconn.ping(address.encode()) in (pq.Ping.REJECT, pq.Ping.NO_RESPONSE)


def wait_for_database(
    open_database: Callable[[], T],
    say: PrintLine,
    *,
    seconds: float = START_SECONDS,
    alive: Callable[[], bool] = lambda: True,
) -> T:
    """Open a database as soon as its server answers.

    Return what `open_database` returns. Hosts start the database and this process at the same time. Report
    once, by `say`, that the process waits. Raises NoAnswerError after `seconds`, or when `alive` returns
    False. Raises every other error at once.
    """
    deadline, failures = time.monotonic() + seconds, 0
    while True:
        try:
            return open_database()
        except NoAnswerError as error:
            left = deadline - time.monotonic()
            if left <= 0 or not alive():
                raise
            if not failures:
                say(f"waiting for the database: {error}")
            wait = backoff.exponential(_MIN_WAIT, failures, _MAX_WAIT)
            _pause(min(wait.total_seconds(), left), alive)
            failures += 1


def _pause(seconds: float, alive: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while alive() and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, 0.5))
