"""The database: articles, originals, receipts, files and runs (SQLite by default, PostgreSQL by address).

Whatever one batch of files changed is written in one transaction, so a killed process leaves nothing half
done. The watcher and `feeds ingest` write one at a time, by `running`.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from feeds import rows, tables
from feeds.model import (
    Article,
    Cleaned,
    Failure,
    FileState,
    Original,
    Receipt,
    Report,
    Run,
    Source,
    SourceState,
    StoreError,
)

_LOCK = 0x666565647321  # PostgreSQL's advisory locks are known by a number
_BUSY_SECONDS = 30
_MOST_PARAMETERS = 500


class AlreadyRunningError(StoreError):
    """Another process is ingesting into this database."""


@dataclass(slots=True)
class Batch:
    """What some files changed, written together or not at all."""

    files: list[FileState] = field(default_factory=list)
    rewritten: list[str] = field(default_factory=list)
    """Paths whose originals are replaced by those here."""
    originals: list[Original] = field(default_factory=list)
    entries: list[Cleaned] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    """Ids of entries that no file tells of any more."""


def database_url(address: str) -> sa.URL:
    """The address as SQLAlchemy takes it: `postgres://` as Heroku writes it, a bare path as SQLite.

    Raises StoreError where it is none.
    """
    if "://" not in address:
        return sa.URL.create("sqlite", database=address)
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise StoreError(f"DATABASE_URL is no database address: {error}") from error
    backend = url.drivername.partition("+")[0]
    if backend in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise StoreError(f"DATABASE_URL: {backend} is not supported; use sqlite:///… or postgresql://…")
    return url


class Store:
    """One database. Safe to share between threads; each process opens its own."""

    def __init__(self, address: str) -> None:
        self._url = database_url(address)
        self._path = self._url.database if self._url.drivername == "sqlite" else None
        try:
            if self._path:
                Path(self._path).parent.mkdir(parents=True, exist_ok=True)
            self._engine = _engine(self._url)
            self._prepare()
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise StoreError(f"{self.name}: {_reason(error)}") from error

    @property
    def name(self) -> str:
        """The database as people may see it: without a password."""
        return self._path or self._url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()

    # -- writing ---------------------------------------------------------------------------------------

    @contextmanager
    def running(self, *, wait: bool) -> Iterator[None]:
        """Hold the right to ingest: one process at a time, given back when the process ends, however it ends.

        Raises AlreadyRunningError at once where another holds it and `wait` is false.
        """
        if self._path is None:
            with self._engine.connect() as connection:
                take = sa.func.pg_advisory_lock if wait else sa.func.pg_try_advisory_lock
                if connection.scalar(sa.select(take(_LOCK))) is False:
                    raise AlreadyRunningError("another process is ingesting")
                connection.commit()
                try:
                    yield
                finally:
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
                    connection.commit()
            return
        with Path(f"{self._path}.lock").open("a", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunningError("another process is ingesting") from error
            yield

    def write(self, inbox: str, batch: Batch, now: datetime) -> None:
        """Write a batch in one transaction; the generation moves if anything that a feed shows changed."""
        with self._engine.begin() as connection:
            self._upsert(
                connection,
                tables.files,
                [
                    {
                        "inbox": inbox,
                        "path": file.path,
                        "size": file.size,
                        "modified": file.modified,
                        "digest": file.digest,
                        "reason": file.reason,
                        "seen": rows.to_micros(now),
                    }
                    for file in batch.files
                ],
            )
            columns = tables.originals.c
            for chunk in _chunks(batch.rewritten):
                connection.execute(
                    sa.delete(tables.originals).where(columns.inbox == inbox, columns.path.in_(chunk))
                )
            self._upsert(
                connection, tables.originals, [rows.original_row(original) for original in batch.originals]
            )
            sources = {cleaned.article.source.slug: cleaned.article.source for cleaned in batch.entries}
            self._write_sources(connection, sources.values())
            self._upsert(connection, tables.entries, [rows.entry_row(cleaned) for cleaned in batch.entries])
            for chunk in _chunks(batch.orphans):
                connection.execute(sa.delete(tables.entries).where(tables.entries.c.id.in_(chunk)))
            if batch.entries or batch.orphans:
                self._bump(connection, "generation")

    def _write_sources(self, connection: Connection, sources: Iterable[Source]) -> None:
        self._upsert(
            connection,
            tables.sources,
            [
                {"slug": source.slug, "title": source.title, "home": source.home, "language": source.language}
                for source in sources
            ],
        )

    def start_run(self, trigger: str, now: datetime) -> int:
        """Note in the history that a run has begun; answers its number."""
        with self._engine.begin() as connection:
            made = connection.execute(
                sa.insert(tables.runs).values(trigger=trigger, started=rows.to_micros(now))
            )
            number = made.inserted_primary_key
            assert number is not None
            return int(number[0])

    def finish_run(self, number: int, report: Report, now: datetime, error: str = "") -> None:
        """Note in the history how a run ended."""
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(tables.runs)
                .where(tables.runs.c.id == number)
                .values(
                    finished=rows.to_micros(now),
                    new=report.new,
                    changed=report.changed,
                    same=report.same,
                    waiting=report.waiting,
                    failed=len(report.failed),
                    error=error,
                )
            )

    def set_number(self, name: str, value: int) -> None:
        """Keep a number of the database's own under a name."""
        with self._engine.begin() as connection:
            self._upsert(connection, tables.meta, [{"name": name, "value": value}])

    # -- reading: the ingest ---------------------------------------------------------------------------

    def number(self, name: str) -> int | None:
        """A number of the database's own, such as `generation`."""
        with self._engine.connect() as connection:
            return connection.scalar(sa.select(tables.meta.c.value).where(tables.meta.c.name == name))

    def known_files(self, inbox: str) -> dict[str, FileState]:
        """What is remembered of an inbox's files, by path."""
        columns = tables.files.c
        query = sa.select(columns.path, columns.size, columns.modified, columns.digest, columns.reason)
        with self._engine.connect() as connection:
            found = connection.execute(query.where(columns.inbox == inbox))
            return {
                path: FileState(path=path, size=size, modified=modified, digest=digest, reason=reason)
                for path, size, modified, digest, reason in found
            }

    def originals_of_files(self, inbox: str, paths: Sequence[str]) -> list[Original]:
        """What is kept of some files of an inbox."""
        with self._engine.connect() as connection:
            found = self._originals_by(connection, tables.originals.c.path, paths)
            return [rows.original(row) for row in found if row["inbox"] == inbox]

    def originals_of_entries(self, ids: Sequence[str]) -> dict[str, list[Original]]:
        """Everything that is kept of some entries, by id."""
        gathered: dict[str, list[Original]] = {}
        with self._engine.connect() as connection:
            for row in self._originals_by(connection, tables.originals.c.entry_id, ids):
                gathered.setdefault(row["entry_id"], []).append(rows.original(row))
        return gathered

    def digests(self, ids: Sequence[str]) -> dict[str, str]:
        """The digest of everything that a feed shows of an entry, by id, for the entries that exist."""
        columns = tables.entries.c
        with self._engine.connect() as connection:
            return {
                row.id: row.digest
                for chunk in _chunks(ids)
                for row in connection.execute(
                    sa.select(columns.id, columns.digest).where(columns.id.in_(chunk))
                )
            }

    def entry_ids(self, after: str = "", limit: int = 500) -> list[str]:
        """The next entries' ids in their own order, for a walk over all of them."""
        columns = tables.entries.c
        with self._engine.connect() as connection:
            return list(
                connection.scalars(
                    sa.select(columns.id).where(columns.id > after).order_by(columns.id).limit(limit)
                )
            )

    # -- reading: the web ------------------------------------------------------------------------------

    def newest(self, limit: int, source: str | None = None) -> list[Article]:
        """The newest articles, of one source or of all, newest first; ids decide between equal dates."""
        columns = tables.entries.c
        narrow = sa.select(columns.id)
        if source is not None:
            narrow = narrow.where(columns.source == source)
        narrow = narrow.order_by(columns.published.desc(), columns.id.desc()).limit(limit)
        query = sa.select(tables.entries).where(columns.id.in_(narrow.subquery().select()))
        with self._engine.connect() as connection:
            known = self._sources(connection)
            found = connection.execute(query.order_by(columns.published.desc(), columns.id.desc())).mappings()
            return [rows.article(row, known[row["source"]]) for row in found]

    def receipt(self, entry_id: str) -> Receipt | None:
        """What cleaning did to an entry; None where there is no such entry."""
        with self._engine.connect() as connection:
            text = connection.scalar(
                sa.select(tables.entries.c.receipt).where(tables.entries.c.id == entry_id)
            )
            return rows.receipt(text) if text is not None else None

    def sources(self) -> list[SourceState]:
        """Every source that has articles, by title."""
        columns = tables.entries.c
        query = sa.select(
            columns.source, sa.func.count(), sa.func.max(columns.published), sa.func.max(columns.updated)
        ).group_by(columns.source)
        with self._engine.connect() as connection:
            known = self._sources(connection)
            states = [
                SourceState(
                    source=known[slug],
                    articles=count,
                    published=rows.from_micros(published),
                    updated=rows.from_micros(updated),
                )
                for slug, count, published, updated in connection.execute(query)
            ]
        return sorted(states, key=lambda state: (state.source.title, state.source.slug))

    def runs(self, limit: int = 10) -> list[Run]:
        """The last runs, newest first."""
        with self._engine.connect() as connection:
            query = sa.select(tables.runs).order_by(tables.runs.c.id.desc()).limit(limit)
            return [rows.run(row) for row in connection.execute(query).mappings()]

    def failures(self) -> list[Failure]:
        """The files that could not be read, and why; each is tried again when it changes."""
        columns = tables.files.c
        query = (
            sa.select(columns.path, columns.reason)
            .where(columns.reason != "")
            .order_by(columns.inbox, columns.path)
        )
        with self._engine.connect() as connection:
            return [Failure(path, reason) for path, reason in connection.execute(query)]

    # -- within -----------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        with self._engine.begin() as connection:
            if self._path is None:  # two processes that start together make the tables once
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK + 1)))
            else:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            tables.metadata.create_all(connection)
            found = connection.scalar(sa.select(tables.meta.c.value).where(tables.meta.c.name == "schema"))
            if found is None:
                self._upsert(connection, tables.meta, [{"name": "schema", "value": tables.SCHEMA}])
            elif found != tables.SCHEMA:
                raise StoreError(
                    f"{self.name}: its schema is {found}, this version of feeds knows {tables.SCHEMA}"
                )

    def _upsert(self, connection: Connection, table: sa.Table, values: Sequence[Mapping[str, Any]]) -> None:
        if not values:
            return
        insert = postgresql.insert(table) if self._path is None else sqlite.insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {name: insert.excluded[name] for name in values[0] if name not in keys}
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed), list(values))

    def _bump(self, connection: Connection, name: str) -> None:
        value = connection.scalar(sa.select(tables.meta.c.value).where(tables.meta.c.name == name)) or 0
        self._upsert(connection, tables.meta, [{"name": name, "value": value + 1}])

    def _originals_by(
        self, connection: Connection, column: sa.Column[Any], values: Sequence[str]
    ) -> list[sa.RowMapping]:
        return [
            row
            for chunk in _chunks(values)
            for row in connection.execute(sa.select(tables.originals).where(column.in_(chunk))).mappings()
        ]

    def _sources(self, connection: Connection) -> dict[str, Source]:
        return {
            row.slug: Source(slug=row.slug, title=row.title, home=row.home, language=row.language)
            for row in connection.execute(sa.select(tables.sources))
        }


def _engine(url: sa.URL) -> Engine:
    if url.drivername != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        # Readers and the one writer do not wait for each other; a commit survives the process.
        for setting in ("journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {setting}")

    return engine


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _MOST_PARAMETERS):
        yield values[start : start + _MOST_PARAMETERS]


def _reason(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
