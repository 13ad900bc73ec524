"""What health is judged by, as a database has it: when sources published, what cannot be read, its size."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from feeds.model.runs import Run
from feeds.model.status import MAX_CADENCE_ARTICLES, WATCHER_TRIGGER, Cadence, FailedFile, FailingSubscription
from feeds.storage import batch_writer, rows, schema, search_index
from feeds.storage.database import Database
from feeds.text import feed_urls

_entries, _files, _runs = schema.entries.c, schema.files.c, schema.runs.c
_upstreams = schema.upstreams.c
_ERRORS = 1000
_ALL = 1_000_000
_LONG_AGO = -(2**62)


def cadences(database: Database) -> dict[str, Cadence]:
    """When each source published last, by slug."""
    # A few steps along one index for each source, however many articles it has. The limit, which is none,
    # keeps SQLite from asking for each article instead.
    one = schema.entries.alias()
    oldest = (
        sa.select(one.c.published)
        .where(one.c.source == schema.sources.c.slug)
        .order_by(one.c.published.desc(), one.c.id.desc())
        .limit(1)
        .offset(MAX_CADENCE_ARTICLES - 1)
        .scalar_subquery()
    )
    since = sa.func.coalesce(oldest, sa.literal(_LONG_AGO, sa.BigInteger)).label("since")
    each = sa.select(schema.sources.c.slug, since).limit(_ALL).subquery()
    query = sa.select(_entries.source, _entries.published, _entries.id).join_from(
        each, schema.entries, sa.and_(_entries.source == each.c.slug, _entries.published >= each.c.since)
    )
    found: dict[str, list[datetime]] = {}
    newest: dict[str, str] = {}
    with database.reading() as connection:
        for source, published, entry_id in sorted(connection.execute(query).all(), reverse=True):
            newest.setdefault(source, entry_id)
            found.setdefault(source, []).append(rows.from_micros(published))
        met = _first_read(connection, list(newest.values()))
        known = batch_writer.stored_sources(connection)
    return {
        slug: Cadence(
            source=known[slug], published=tuple(dates[:MAX_CADENCE_ARTICLES]), met=met.get(newest[slug])
        )
        for slug, dates in found.items()
        if slug in known
    }


def _first_read(connection: Connection, ids: list[str]) -> dict[str, datetime]:
    columns = schema.originals.c
    query = sa.select(columns.entry_id, sa.func.min(columns.seen)).group_by(columns.entry_id)
    return {
        entry_id: rows.from_micros(seen)
        for chunk in search_index.chunks(ids)
        for entry_id, seen in connection.execute(query.where(columns.entry_id.in_(chunk)))
    }


def broken(database: Database, most: int) -> tuple[tuple[FailedFile, ...], int]:
    """The files that cannot be read, those first that were tried last, and how many there are."""
    failing = _files.reason != ""
    query = sa.select(
        _files.inbox, _files.path, _files.reason, _files.seen, _files.modified, _files.digest
    ).where(failing)
    query = query.order_by(_files.seen.desc(), _files.path, _files.inbox).limit(most)
    with database.reading() as connection:
        listed = [
            FailedFile(
                inbox=row.inbox,
                path=feed_urls.redact_query(row.path),
                reason=row.reason,
                tried=rows.from_micros(row.seen),
                stamp=f"{row.modified} {row.digest}",
            )
            for row in connection.execute(query)
        ]
        count = len(listed)
        if count == most:
            count = connection.scalar(sa.select(sa.func.count()).where(failing)) or 0
    return tuple(listed), count


def unheard(database: Database) -> tuple[tuple[FailingSubscription, ...], int]:
    """The feeds of others that fail, those first that failed last, and how many are polled in all."""
    query = sa.select(schema.upstreams).where(_upstreams.failures > 0)
    with database.reading() as connection:
        count = connection.scalar(sa.select(sa.func.count()).select_from(schema.upstreams)) or 0
        failing = connection.execute(query).all() if count else []
    found = [
        FailingSubscription(
            url=row.url,
            title=row.title or feed_urls.redact_url(row.url),
            reason=row.error,
            since=rows.from_micros(row.failed or row.checked or 0),
            tried=rows.from_micros(row.checked or 0),
            failures=row.failures,
            gone=row.due is None,
        )
        for row in failing
    ]
    return tuple(sorted(found, key=lambda one: (one.since, one.url), reverse=True)), count


def last_by_watcher(database: Database) -> datetime | None:
    """When the watcher's last run began."""
    query = (
        sa.select(_runs.started).where(_runs.trigger == WATCHER_TRIGGER).order_by(_runs.id.desc()).limit(1)
    )
    with database.reading() as connection:
        started = connection.scalar(query)
    return None if started is None else rows.from_micros(started)


def with_errors(database: Database) -> list[Run]:
    """The runs that ended with an error, newest first."""
    query = sa.select(schema.runs).where(_runs.error != "").order_by(_runs.id.desc()).limit(_ERRORS)
    with database.reading() as connection:
        return [rows.to_run(row) for row in connection.execute(query).mappings()]


def size(database: Database) -> int:
    """How many bytes the database has on its disk."""
    with database.reading() as connection:
        if connection.dialect.name == "sqlite":
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
            return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar() or 0)
        return int(connection.scalar(sa.select(sa.func.pg_database_size(sa.func.current_database()))) or 0)
