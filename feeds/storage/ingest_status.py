"""Read the state of the ingest from a database, for the status page.

It consists of the dates of sources, the files and subscriptions that fail, the runs, and the size.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from feeds.model.runs import IngestRun
from feeds.model.status import MAX_CADENCE_ARTICLES, WATCHER_TRIGGER, Cadence, FailedFile, FailingSubscription
from feeds.storage import batch_writer, rows, schema, search_index
from feeds.storage.database import Database
from feeds.text import feed_urls

_entries, _files, _runs = schema.entries.c, schema.files.c, schema.runs.c
_upstreams = schema.upstreams.c
_MAX_ERRORS = 1000
_NO_LIMIT = 1_000_000
_LONG_AGO = -(2**62)


def read_cadences(database: Database) -> dict[str, Cadence]:
    """Return the dates of the newest articles of each source, by slug."""
    # This reads a few rows of one index for each source, however many articles it has. The limit, which no
    # database reaches, prevents SQLite from running the subquery for each article.
    entries = schema.entries.alias()
    oldest = (
        sa.select(entries.c.published)
        .where(entries.c.source == schema.sources.c.slug)
        .order_by(entries.c.published.desc(), entries.c.id.desc())
        .limit(1)
        .offset(MAX_CADENCE_ARTICLES - 1)
        .scalar_subquery()
    )
    since = sa.func.coalesce(oldest, sa.literal(_LONG_AGO, sa.BigInteger)).label("since")
    windows = sa.select(schema.sources.c.slug, since).limit(_NO_LIMIT).subquery()
    query = sa.select(_entries.source, _entries.published, _entries.id).join_from(
        windows,
        schema.entries,
        sa.and_(_entries.source == windows.c.slug, _entries.published >= windows.c.since),
    )
    dates: dict[str, list[datetime]] = {}
    newest_ids: dict[str, str] = {}
    with database.reading() as connection:
        for source, published, entry_id in sorted(connection.execute(query).all(), reverse=True):
            newest_ids.setdefault(source, entry_id)
            dates.setdefault(source, []).append(rows.from_micros(published))
        first_read = _first_read(connection, list(newest_ids.values()))
        sources = batch_writer.stored_sources(connection)
    return {
        slug: Cadence(
            source=sources[slug],
            published=tuple(published_dates[:MAX_CADENCE_ARTICLES]),
            first_seen=first_read.get(newest_ids[slug]),
        )
        for slug, published_dates in dates.items()
        if slug in sources
    }


def _first_read(connection: Connection, ids: list[str]) -> dict[str, datetime]:
    """Return the time when each of these entries was first read from a file, by id."""
    columns = schema.originals.c
    query = sa.select(columns.entry_id, sa.func.min(columns.seen)).group_by(columns.entry_id)
    return {
        entry_id: rows.from_micros(seen)
        for chunk in search_index.chunks(ids)
        for entry_id, seen in connection.execute(query.where(columns.entry_id.in_(chunk)))
    }


def failing_files(database: Database, limit: int) -> tuple[tuple[FailedFile, ...], int]:
    """Return the files that cannot be read, and their total number.

    At most `limit` files are returned, the last tried one first.
    """
    is_failing = _files.reason != ""
    query = sa.select(
        _files.inbox, _files.path, _files.reason, _files.seen, _files.modified, _files.digest
    ).where(is_failing)
    query = query.order_by(_files.seen.desc(), _files.path, _files.inbox).limit(limit)
    with database.reading() as connection:
        files = [
            FailedFile(
                inbox=row.inbox,
                path=feed_urls.redact_query(row.path),
                reason=row.reason,
                last_tried=rows.from_micros(row.seen),
                stamp=f"{row.modified} {row.digest}",
            )
            for row in connection.execute(query)
        ]
        count = len(files)
        if count == limit:
            count = connection.scalar(sa.select(sa.func.count()).where(is_failing)) or 0
    return tuple(files), count


def failing_subscriptions(database: Database) -> tuple[tuple[FailingSubscription, ...], int]:
    """Return the subscriptions that fail, and the number of all.

    The one that began to fail last is first.
    """
    query = sa.select(schema.upstreams).where(_upstreams.failures > 0)
    with database.reading() as connection:
        count = connection.scalar(sa.select(sa.func.count()).select_from(schema.upstreams)) or 0
        failing = connection.execute(query).all() if count else []
    subscriptions = [
        FailingSubscription(
            url=row.url,
            title=row.title or feed_urls.redact_url(row.url),
            reason=row.error,
            since=rows.from_micros(row.failed or row.checked or 0),
            last_tried=rows.from_micros(row.checked or 0),
            failures=row.failures,
            gone=row.due is None,
        )
        for row in failing
    ]
    subscriptions.sort(key=lambda subscription: (subscription.since, subscription.url), reverse=True)
    return tuple(subscriptions), count


def subscription_notes(database: Database) -> tuple[str, ...]:
    """Return a line for each subscription whose feed a web page names, by URL: which one was taken."""
    query = sa.select(_upstreams.url, _upstreams.note).where(_upstreams.note != "").order_by(_upstreams.url)
    with database.reading() as connection:
        return tuple(f"{feed_urls.redact_url(url)}: {note}" for url, note in connection.execute(query))


def failing_hubs(database: Database) -> tuple[str, ...]:
    """Return a line for each WebSub hub that does not send what is new in a feed, by the feed's URL."""
    hubs = schema.push_subscriptions.c
    query = sa.select(hubs.url, hubs.hub, hubs.error).where(hubs.error != "").order_by(hubs.url)
    with database.reading() as connection:
        return tuple(
            f"{feed_urls.redact_url(row.url)}: its hub {feed_urls.redact_url(row.hub)}: {row.error}"
            for row in connection.execute(query)
        )


def last_watcher_run(database: Database) -> datetime | None:
    """Return the start of the watcher's last run; None if it has not run yet."""
    query = (
        sa.select(_runs.started).where(_runs.trigger == WATCHER_TRIGGER).order_by(_runs.id.desc()).limit(1)
    )
    with database.reading() as connection:
        started = connection.scalar(query)
    return None if started is None else rows.from_micros(started)


def failed_runs(database: Database) -> list[IngestRun]:
    """Return the last 1000 runs that ended with an error, newest first."""
    query = sa.select(schema.runs).where(_runs.error != "").order_by(_runs.id.desc()).limit(_MAX_ERRORS)
    with database.reading() as connection:
        return [rows.to_run(row) for row in connection.execute(query).mappings()]


def size_in_bytes(database: Database) -> int:
    """Return the size of the database on its disk, in bytes."""
    with database.reading() as connection:
        if connection.dialect.name == "sqlite":
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
            return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar() or 0)
        return int(connection.scalar(sa.select(sa.func.pg_database_size(sa.func.current_database()))) or 0)
