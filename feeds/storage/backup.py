"""Back up a database into one file, and restore it.

Both work between SQLite and PostgreSQL. Every id, date and number is preserved. The file is a SQLite database
of feeds without the search index, which is made from the articles when the file is restored. It is written
from one snapshot, while the web server and the watcher work.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from feeds.model.errors import StoreError
from feeds.storage import batch_writer, migrations, schema, search_index
from feeds.storage.database import Database
from feeds.text import search_terms

_ROWS_PER_CHUNK = 100
_HEADER_BYTES = 20
"""Bytes of a SQLite file up to its read version (https://www.sqlite.org/fileformat.html)."""
_WRITE_AHEAD_LOG = 2
"""The read version of a database with a write-ahead log."""
_DERIVED_TABLES = (schema.labels, schema.texts)
_BACKED_UP_TABLES = [table for table in schema.metadata.sorted_tables if table not in _DERIVED_TABLES]
_NUMBERED_TABLES = [table for table in _BACKED_UP_TABLES if table.autoincrement_column is not None]
"""Tables whose rows get numbers from the database. No number is used again, even if its row was deleted."""
_CONTENT_TABLES = [
    schema.entries, schema.originals, schema.documents, schema.deletions, schema.moves, schema.tokens,
]  # fmt: skip
"""A database is empty if all these tables are empty."""
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)
_DATABASE_NUMBERS = (migrations.NEEDS, "schema", "index")
"""Names of `meta` that describe the database itself, not its content. They are not backed up."""


class BackupError(StoreError):
    """A backup cannot be written, or a file cannot be restored.

    The text is the reason.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyCounts:
    """The numbers of articles and sources that were copied."""

    articles: int
    sources: int


def backup(database: Database, file: Path, *, replace: bool, allow_fewer: bool = False) -> CopyCounts:
    """Write a backup of a database into a file.

    The file is complete, or it does not exist. With `replace`, an existing file is replaced if it is empty,
    or if it is a backup with at most as many articles as the new one; with `allow_fewer`, also a backup with
    more articles. Of a symbolic link to a file, that file is replaced and the link stays.

    Raises BackupError if the file exists and must not be replaced, if it is a device, a pipe or a link to
    nothing, if it cannot be written, or if a newer version of feeds wrote the database.
    """
    if database.path is not None and _is_same_file(file, database.path):
        raise BackupError(f"{file} is the database itself")
    file = _resolve(file)
    if file.exists() and not replace:
        raise BackupError(f"{file}: the file exists already; --replace replaces a backup")
    revision = database.opened_schema
    if revision is not None and revision > schema.SCHEMA:
        raise BackupError(
            f"{database.name} was written by a newer version of feeds (schema {revision}, this version "
            f"knows {schema.SCHEMA}); only that version can back it up"
        )
    articles_before = _count_articles(file)
    try:
        with _partial_file(file) as part:
            counts = _write(database, part)
            if counts.articles < articles_before and not allow_fewer:
                raise BackupError(
                    f"{file}: not replaced: it holds {articles_before} articles, and {database.name} only "
                    f"{counts.articles}; --allow-fewer replaces it all the same"
                )
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise BackupError(f"{file}: cannot be written: {error.strerror or error}") from error
    return counts


def restore(database: Database, file: Path, now: datetime, *, replace: bool) -> CopyCounts:
    """Replace the content of a database by that of a backup.

    This is one transaction, under the ingest lock. The new generation is higher than those of both, so that
    every server of the database notices the change. Ids, dates, tokens and the record of what hubs were
    notified of are those of the backup.

    Raises BackupError, before anything is changed, if the file is not a complete backup, if a newer version
    of feeds wrote the file or the database, or if the database is not empty and `replace` is false.
    """
    if database.path is not None and _is_same_file(file, database.path):
        raise BackupError(f"{file} is the database itself")
    revision = database.opened_schema
    if revision is not None and revision > schema.SCHEMA:
        raise BackupError(
            f"{database.name} was written by a newer version of feeds (schema {revision}, this version "
            f"knows {schema.SCHEMA}); only that version can restore into it"
        )
    with _open_backup(file) as source, database.running(wait=True), database.writing() as target:
        _lock_tables(target)
        if not replace:
            _check_empty(target, database.name)
        before = _read_meta(target)
        search_index.clear(target)
        for table in _BACKED_UP_TABLES:
            target.execute(_without_database_numbers(sa.delete(table), table))
        counts = _copy(source, target)
        for table in _NUMBERED_TABLES:
            _set_last_number(target, table, max(_last_number(source, table), _last_number(target, table)))
        _index(target)
        copied = _read_meta(target)
        values = {name: max(before.get(name, 0), copied.get(name, 0)) for name in ("generation", "changed")}
        values["index"] = search_terms.VERSION
        database.upsert(target, schema.meta, [{"name": name, "value": values[name]} for name in values])
        batch_writer.increment_generation(database, target, now)
    return counts


# -- copying ----------------------------------------------------------------------------------------------


def _write(database: Database, part: Path) -> CopyCounts:
    """Write a backup into an empty file."""
    copy = Database(str(part))
    try:
        with database.snapshot() as source, copy.writing() as target:
            counts = _copy(source, target)
            for table in _NUMBERED_TABLES:
                _set_last_number(target, table, _last_number(source, table))
    finally:
        copy.close()
    with closing(sqlite3.connect(part)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # one file, without a write-ahead log beside it
    return counts


def _copy(source: Connection, target: Connection) -> CopyCounts:
    """Copy the rows of every table that is backed up, in chunks."""
    row_counts: dict[str, int] = {}
    for table in _BACKED_UP_TABLES:
        query = _without_database_numbers(sa.select(table), table)
        query = query.execution_options(yield_per=_ROWS_PER_CHUNK)
        row_counts[table.name] = 0
        for chunk in source.execute(query).mappings().partitions():
            target.execute(sa.insert(table), [dict(row) for row in chunk])
            row_counts[table.name] += len(chunk)
    return CopyCounts(articles=row_counts[schema.entries.name], sources=row_counts[schema.sources.name])


def _index(connection: Connection) -> None:
    """Add all articles to the search index."""
    columns, after = schema.entries.c, ""
    query = sa.select(columns.id).order_by(columns.id).limit(_ROWS_PER_CHUNK)
    while ids := connection.scalars(query.where(columns.id > after)).all():
        search_index.write(connection, batch_writer.read_articles(connection, ids).values())
        after = ids[-1]


def _read_meta(connection: Connection) -> dict[str, int]:
    query = sa.select(schema.meta.c.name, schema.meta.c.value)
    return {row.name: row.value for row in connection.execute(query)}


def _lock_tables(connection: Connection) -> None:
    """Lock all tables against writing until the transaction ends.

    Readers see the old content meanwhile.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        names = ", ".join(f'"{table.name}"' for table in schema.metadata.sorted_tables)
        connection.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")


def _check_empty(connection: Connection, name: str) -> None:
    contents = [
        f"{count} {table.name}"
        for table in _CONTENT_TABLES
        if (count := connection.scalar(sa.select(sa.func.count()).select_from(table)))
    ]
    if contents:
        raise BackupError(
            f"{name} is not empty ({', '.join(contents)}); --replace puts the backup in its place"
        )


def _last_number(connection: Connection, table: sa.Table) -> int:
    """Return the last number of a table, even if its row was deleted.

    Return 0 if the table has given no number.
    """
    highest = connection.scalar(sa.select(sa.func.max(table.autoincrement_column))) or 0
    if connection.dialect.name == "sqlite":
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = connection.scalar(query, {"name": table.name})
    else:
        query = sa.text(f"SELECT CASE WHEN is_called THEN last_value END FROM {_sequence(connection, table)}")
        last = connection.scalar(query)
    return max(highest, last or 0)


def _set_last_number(connection: Connection, table: sa.Table, last: int) -> None:
    """Set the last number of a table. Its next row gets the number after it."""
    values = {"name": table.name, "last": last}
    if connection.dialect.name != "sqlite":
        if last:  # a sequence begins at 1 at least
            query = sa.text("SELECT setval(CAST(:name AS regclass), :last)")
            connection.execute(query, values | {"name": _sequence(connection, table)})
    elif table.dialect_options["sqlite"]["autoincrement"]:  # other tables continue after the highest row
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
        connection.execute(sa.text("INSERT INTO sqlite_sequence(name, seq) VALUES (:name, :last)"), values)


def _sequence(connection: Connection, table: sa.Table) -> str:
    """Return the PostgreSQL sequence that numbers the rows of a table.

    Its name is quoted if necessary.
    """
    column = table.autoincrement_column
    assert column is not None
    query = sa.select(sa.func.pg_get_serial_sequence(table.name, column.name))
    return str(connection.scalar(query))


def _without_database_numbers(statement: Any, table: sa.Table) -> Any:
    return statement.where(table.c.name.not_in(_DATABASE_NUMBERS)) if table is schema.meta else statement


# -- files ------------------------------------------------------------------------------------------------


def _resolve(file: Path) -> Path:
    """Return the file behind symbolic links; a path without a file as it is.

    Raises BackupError for a link to nothing, and for anything that is no regular file: root could put a
    backup in the place of a device, and a pipe would never be read.
    """
    try:
        found = file.resolve(strict=True) if file.is_symlink() else file
        mode = found.stat().st_mode
    except FileNotFoundError:
        if file.is_symlink():
            raise BackupError(
                f"{file}: is a symbolic link to {file.readlink()}, which does not exist; name that file"
            ) from None
        return file
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise BackupError(f"{file}: cannot be read: {getattr(error, 'strerror', '') or error}") from error
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "not a file")
        raise BackupError(f"{found}: is {kind}; expected a file")
    return found


@contextmanager
def _partial_file(file: Path) -> Iterator[Path]:
    """Create an empty file beside a file, locked by this process.

    Its mode is 0600. It is removed if an error occurs.
    """
    part = file.with_name(f"{file.name}.part")
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError(f"{part}: another backup is being written there") from error
        try:
            _remove_journals(part)
            os.ftruncate(handle, 0)
            os.fchmod(handle, 0o600)
            yield part
        except BaseException:
            part.unlink(missing_ok=True)
            _remove_journals(part)
            raise
    finally:
        os.close(handle)


def _remove_journals(file: Path) -> None:
    for suffix in ("-journal", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _count_articles(file: Path) -> int:
    """Count the articles of a backup that is to be replaced.

    Return 0 if there is no file, or an empty one. Raises BackupError if the file is something else, because
    somebody may still need it.
    """
    try:
        with file.open("rb") as opened:
            header = opened.read(_HEADER_BYTES)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise BackupError(f"{file}: cannot be read: {error.strerror or error}") from error
    if not header:
        return 0
    try:
        if header.startswith(b"SQLite format 3\0") and header[-1] == _WRITE_AHEAD_LOG:
            # SQLite would apply a log that is beside it to the backup that replaces it.
            raise BackupError(f"{file}: is a database that feeds has used, not a backup")
        with _open_snapshot(file) as connection, _translated_errors(file):
            if migrations.read_revision(connection) is None:
                raise BackupError(f"{file}: is not a backup of feeds")
            return connection.scalar(sa.select(sa.func.count()).select_from(schema.entries)) or 0
    except BackupError as error:
        raise BackupError(f"{error}; not replaced: move it away, or name another file") from error


@contextmanager
def _open_backup(file: Path) -> Iterator[Connection]:
    """Open a complete backup with the schema of this version.

    An older backup is copied and upgraded.

    Raises BackupError if the file is something else.
    """
    file = _resolve(file)
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise BackupError(f"{file}: cannot be read: {error.strerror or error}") from error
    with tempfile.TemporaryDirectory(prefix="feeds-restore-") as folder, _open_snapshot(file) as connection:
        if _check_backup(connection, file) == schema.SCHEMA:
            yield connection
            return
        copy = Path(folder, "older.sqlite")
        with _translated_errors(file), closing(sqlite3.connect(copy)) as older:
            driver: Any = connection.connection.driver_connection
            driver.backup(older)
        Database(str(copy)).close()
        with _open_snapshot(copy) as migrated:
            _check_backup(migrated, file)
            yield migrated


@contextmanager
def _open_snapshot(file: Path) -> Iterator[Connection]:
    """Open a SQLite file read-only, in a transaction that reads one state."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True)

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)
    try:
        with _translated_errors(file):
            connection = engine.connect()
        with connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
    finally:
        engine.dispose()


def _check_backup(connection: Connection, file: Path) -> int:
    """Return the schema number of a backup.

    Raises BackupError if it is damaged, or is not a backup.
    """
    with _translated_errors(file):
        revision = migrations.read_revision(connection)
        if revision is None:
            raise BackupError(f"{file}: is not a backup of feeds")
        if revision > schema.SCHEMA:
            raise BackupError(
                f"{file}: was written by a newer version of feeds: its schema is {revision}, this version "
                f"knows {schema.SCHEMA}"
            )
        if file.stat().st_size % (connection.exec_driver_sql("PRAGMA page_size").scalar() or 1):
            raise BackupError(f"{file}: is damaged: its end is missing")  # SQLite would read it as zeros
        faults = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalars().all()
        if faults != ["ok"]:
            raise BackupError(f"{file}: is damaged: {' '.join(str(faults[0]).split())}")
        if revision == schema.SCHEMA:
            inspector = sa.inspect(connection)
            for table in _BACKED_UP_TABLES:
                columns = inspector.get_columns(table.name) if inspector.has_table(table.name) else []
                if missing := {column.name for column in table.c} - {column["name"] for column in columns}:
                    raise BackupError(f"{file}: is not a backup of feeds: {table.name} lacks {min(missing)}")
            has_source = schema.entries.c.source.in_(sa.select(schema.sources.c.slug))
            if connection.scalar(sa.select(sa.exists().where(~has_source))):
                raise BackupError(f"{file}: is damaged: it has articles of sources that it does not have")
    return revision


@contextmanager
def _translated_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except BackupError:
        raise
    except (SQLAlchemyError, sqlite3.Error, StoreError, ValueError, TypeError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise BackupError(f"{file}: is not a backup of feeds, or is damaged: {reason}") from error


def _is_same_file(file: Path, other: str) -> bool:
    return file.exists() and file.samefile(other)
