"""A database as one file, and back: between SQLite and PostgreSQL, every id, date and number kept.

The file is a SQLite database of feeds itself, without what is derived from the rest: what articles are found
by is made anew where it is restored. It is written from one snapshot, while the web and the watcher go on.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
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

_ROWS_AT_ONCE = 100
_HEAD = 20
"""Bytes of a SQLite file up to the one that says how it is read (https://www.sqlite.org/fileformat.html)."""
_WRITE_AHEAD = 2
_DERIVED = (schema.labels, schema.texts)
_KEPT = [table for table in schema.metadata.sorted_tables if table not in _DERIVED]
_NUMBERED = [table for table in _KEPT if table.autoincrement_column is not None]
"""Tables whose rows the database numbers: it goes on after the last number, also where that row is gone."""
_PRECIOUS = [
    schema.entries, schema.originals, schema.documents, schema.deletions, schema.moves, schema.tokens,
]  # fmt: skip
"""Tables with anything in which a database is not empty."""
_OWN_NUMBERS = (migrations.NEEDS, "schema", "index")
"""Numbers of a database itself, not of what is in it."""


class BackupError(StoreError):
    """A backup cannot be written, or a file cannot be restored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was written."""

    articles: int
    sources: int


def backup(database: Database, file: Path, *, replace: bool, allow_fewer: bool = False) -> Copied:
    """Write everything that a database keeps into a file, which is there whole or not at all.

    With `replace` a file that is there already is replaced if it is empty, or a backup that holds no more
    articles than the new one; with `allow_fewer` also one that holds more.

    Raises BackupError where the file is there already and is not to be replaced, or cannot be written.
    """
    if database.path is not None and _same(file, database.path):
        raise BackupError(f"{file} is the database itself")
    if file.is_dir():
        raise BackupError(f"{file}: is a folder")
    if file.exists() and not replace:
        raise BackupError(f"{file}: there is such a file already; --replace replaces a backup")
    if database.found is not None and database.found > schema.SCHEMA:
        raise BackupError(
            f"{database.name} was written by a newer version of feeds (schema {database.found}, this version "
            f"knows {schema.SCHEMA}), which has to make its backups"
        )
    held = _articles_in(file)
    try:
        with _part(file) as part:
            copied = _write(database, part)
            if copied.articles < held and not allow_fewer:
                raise BackupError(
                    f"{file}: not replaced: it holds {held} articles, and {database.name} only "
                    f"{copied.articles}; --allow-fewer replaces it all the same"
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
    return copied


def restore(database: Database, file: Path, now: datetime, *, replace: bool) -> Copied:
    """Make a database what a backup says: in one transaction, under the right to ingest.

    Its generation moves beyond both, so that whoever serves it sees the change; ids, dates, tokens, and what
    hubs were told are those of the backup. Raises BackupError, before anything is touched, where the file is
    no whole backup or is of a newer version, or where the database is not empty and `replace` is false.
    """
    if database.path is not None and _same(file, database.path):
        raise BackupError(f"{file} is the database itself")
    if database.found is not None and database.found > schema.SCHEMA:
        raise BackupError(
            f"{database.name} was written by a newer version of feeds (schema {database.found}, this version "
            f"knows {schema.SCHEMA}), which has to restore it"
        )
    with _opened(file) as source, database.running(wait=True), database.writing() as target:
        _lock(target)
        if not replace:
            _check_empty(target, database.name)
        own = _numbers(target)
        search_index.clear(target)
        for table in _KEPT:
            target.execute(_without_own_numbers(sa.delete(table), table))
        copied = _copy(source, target)
        for table in _NUMBERED:
            _count_on(target, table, max(_last_number(source, table), _last_number(target, table)))
        _index(target)
        theirs = _numbers(target)
        later = {name: max(own.get(name, 0), theirs.get(name, 0)) for name in ("generation", "changed")}
        later["index"] = search_terms.VERSION
        database.upsert(target, schema.meta, [{"name": name, "value": later[name]} for name in later])
        batch_writer.increment_generation(database, target, now)
    return copied


# -- copying ----------------------------------------------------------------------------------------------


def _write(database: Database, part: Path) -> Copied:
    """Fill the file, which is empty."""
    made = Database(str(part))
    try:
        with database.snapshot() as source, made.writing() as target:
            copied = _copy(source, target)
            for table in _NUMBERED:
                _count_on(target, table, _last_number(source, table))
    finally:
        made.close()
    with closing(sqlite3.connect(part)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # one file, and no others beside it
    return copied


def _copy(source: Connection, target: Connection) -> Copied:
    """Copy the rows of every table that is kept, in portions."""
    counted: dict[str, int] = {}
    for table in _KEPT:
        query = _without_own_numbers(sa.select(table), table).execution_options(yield_per=_ROWS_AT_ONCE)
        counted[table.name] = 0
        for portion in source.execute(query).mappings().partitions():
            target.execute(sa.insert(table), [dict(row) for row in portion])
            counted[table.name] += len(portion)
    return Copied(articles=counted[schema.entries.name], sources=counted[schema.sources.name])


def _index(connection: Connection) -> None:
    """Let everything be found that was copied."""
    columns, after = schema.entries.c, ""
    query = sa.select(columns.id).order_by(columns.id).limit(_ROWS_AT_ONCE)
    while ids := connection.scalars(query.where(columns.id > after)).all():
        search_index.write(connection, batch_writer.read_articles(connection, ids).values())
        after = ids[-1]


def _numbers(connection: Connection) -> dict[str, int]:
    found = connection.execute(sa.select(schema.meta.c.name, schema.meta.c.value))
    return {row.name: row.value for row in found}


def _lock(connection: Connection) -> None:
    """Let nobody else write until the transaction ends; who reads goes on with what there was."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        names = ", ".join(f'"{table.name}"' for table in schema.metadata.sorted_tables)
        connection.exec_driver_sql(f"LOCK TABLE {names} IN EXCLUSIVE MODE")


def _check_empty(connection: Connection, name: str) -> None:
    found = [
        f"{count} {table.name}"
        for table in _PRECIOUS
        if (count := connection.scalar(sa.select(sa.func.count()).select_from(table)))
    ]
    if found:
        raise BackupError(f"{name} is not empty ({', '.join(found)}); --replace puts the backup in its place")


def _last_number(connection: Connection, table: sa.Table) -> int:
    """The last number that a table gave, also where its row is gone; 0 where it gave none."""
    highest = connection.scalar(sa.select(sa.func.max(table.autoincrement_column))) or 0
    if connection.dialect.name == "sqlite":
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        given = connection.scalar(query, {"name": table.name})
    else:
        query = sa.text(f"SELECT CASE WHEN is_called THEN last_value END FROM {_sequence(connection, table)}")
        given = connection.scalar(query)
    return max(highest, given or 0)


def _count_on(connection: Connection, table: sa.Table, last: int) -> None:
    """Let a table's next number be the one after the last."""
    values = {"name": table.name, "last": last}
    if connection.dialect.name != "sqlite":
        if last:  # no sequence begins before 1
            query = sa.text("SELECT setval(CAST(:name AS regclass), :last)")
            connection.execute(query, values | {"name": _sequence(connection, table)})
    elif table.dialect_options["sqlite"]["autoincrement"]:  # the others go on after the highest by themselves
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
        connection.execute(sa.text("INSERT INTO sqlite_sequence(name, seq) VALUES (:name, :last)"), values)


def _sequence(connection: Connection, table: sa.Table) -> str:
    """The name of what numbers a table's rows in PostgreSQL, quoted where it has to be."""
    column = table.autoincrement_column
    assert column is not None
    query = sa.select(sa.func.pg_get_serial_sequence(table.name, column.name))
    return str(connection.scalar(query))


def _without_own_numbers(statement: Any, table: sa.Table) -> Any:
    return statement.where(table.c.name.not_in(_OWN_NUMBERS)) if table is schema.meta else statement


# -- files ------------------------------------------------------------------------------------------------


@contextmanager
def _part(file: Path) -> Iterator[Path]:
    """An empty file beside a file, for this process and its user alone; gone if it is not finished."""
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


def _articles_in(file: Path) -> int:
    """Count the articles of a backup that is to be replaced; 0 where there is no file, or an empty one.

    Raises BackupError where the file is something else, which somebody may miss.
    """
    try:
        with file.open("rb") as opened:
            head = opened.read(_HEAD)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise BackupError(f"{file}: cannot be read: {error.strerror or error}") from error
    if not head:
        return 0
    try:
        if head.startswith(b"SQLite format 3\0") and head[-1] == _WRITE_AHEAD:
            # Its journal may lie beside it, and would be applied to whatever replaced it.
            raise BackupError(f"{file}: is a database that feeds ran on, and no backup")
        with _reading(file) as connection, _named_faults(file):
            if migrations.revision(connection) is None:
                raise BackupError(f"{file}: is no backup of feeds")
            return connection.scalar(sa.select(sa.func.count()).select_from(schema.entries)) or 0
    except BackupError as error:
        raise BackupError(f"{error}; not replaced: move it away, or name another file") from error


@contextmanager
def _opened(file: Path) -> Iterator[Connection]:
    """A backup to read from, whole and with the tables that this version knows; an older one is a copy.

    Raises BackupError where it is something else.
    """
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise BackupError(f"{file}: cannot be read: {error.strerror or error}") from error
    with tempfile.TemporaryDirectory(prefix="feeds-restore-") as folder, _reading(file) as connection:
        if _checked(connection, file) == schema.SCHEMA:
            yield connection
            return
        copy = Path(folder, "older.sqlite")
        with _named_faults(file), closing(sqlite3.connect(copy)) as older:
            driver: Any = connection.connection.driver_connection
            driver.backup(older)
        Database(str(copy)).close()
        with _reading(copy) as migrated:
            _checked(migrated, file)
            yield migrated


@contextmanager
def _reading(file: Path) -> Iterator[Connection]:
    """One state of a SQLite file, which is left as it is."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True)

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)
    try:
        with _named_faults(file):
            connection = engine.connect()
        with connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
    finally:
        engine.dispose()


def _checked(connection: Connection, file: Path) -> int:
    """The schema of a backup, which is whole. Raises BackupError where it is not, or is something else."""
    with _named_faults(file):
        found = migrations.revision(connection)
        if found is None:
            raise BackupError(f"{file}: is no backup of feeds")
        if found > schema.SCHEMA:
            raise BackupError(
                f"{file}: was written by a newer version of feeds: its schema is {found}, this version knows "
                f"{schema.SCHEMA}"
            )
        if file.stat().st_size % (connection.exec_driver_sql("PRAGMA page_size").scalar() or 1):
            raise BackupError(f"{file}: is damaged: its end is missing")  # SQLite would take it for zeros
        faults = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalars().all()
        if faults != ["ok"]:
            raise BackupError(f"{file}: is damaged: {' '.join(str(faults[0]).split())}")
        if found == schema.SCHEMA:
            inspector = sa.inspect(connection)
            for table in _KEPT:
                known = inspector.get_columns(table.name) if inspector.has_table(table.name) else []
                if missing := {column.name for column in table.c} - {column["name"] for column in known}:
                    raise BackupError(f"{file}: is no backup of feeds: {table.name} lacks {min(missing)}")
            named = schema.entries.c.source.in_(sa.select(schema.sources.c.slug))
            if connection.scalar(sa.select(sa.exists().where(~named))):
                raise BackupError(f"{file}: is damaged: it has articles of sources that it does not have")
    return found


@contextmanager
def _named_faults(file: Path) -> Iterator[None]:
    try:
        yield
    except BackupError:
        raise
    except (SQLAlchemyError, sqlite3.Error, StoreError, ValueError, TypeError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise BackupError(f"{file}: is no backup of feeds, or is damaged: {reason}") from error


def _same(file: Path, other: str) -> bool:
    return file.exists() and file.samefile(other)
