"""Queue WebSub notifications in the database, so that a restart loses none.

A fingerprint of its content shows whether a feed has changed. So it does not matter what changed it: a run, a
command, or a process that was killed immediately afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from feeds.model.filters import Filter, Order
from feeds.storage import batch_writer, rows, schema
from feeds.storage.batch_writer import State
from feeds.storage.database import Database
from feeds.storage.queries import Selection

ALL_SOURCES = ""
"""Name of the feed of all sources. Other names are slugs of sources and of named views."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A notification of one topic for one hub."""

    hub: str
    topic: str
    queued: datetime
    attempts: int
    due: datetime | None
    """Time of the next attempt; None if there is none any more."""
    error: str
    """Reason why the last attempt failed; empty before the first attempt."""


class PushQueue:
    """The queue in one database.

    Every method raises StoreError if the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- what has changed ------------------------------------------------------------------------------

    def read_state(self) -> State:
        """Return the version of the published content.

        Equal states have equal fingerprints.
        """
        with self._database.reading() as connection:
            return batch_writer.read_state(connection)

    def fingerprints(self, limit: int, is_hidden: Callable[[str], bool], *, salt: str) -> dict[str, str]:
        """Return digests of the feeds of each source and of all sources.

        The keys are the slugs of the sources and ALL_SOURCES. Sources whose slug `is_hidden` are left out.
        `salt` is a part of every digest.
        """
        with self._database.reading() as connection:
            sources = batch_writer.stored_sources(connection).values()
            visible = [source for source in sources if not is_hidden(source.slug)]
            contents = _contents_by_source(connection, limit)
            # The digests are stored: the class and field names in these texts are part of them.
            digests = {
                source.slug: _digest([salt, repr(source), *contents[source.slug]])
                for source in visible
                if source.slug in contents
            }
            combined = _contents(connection, limit, [source.slug for source in visible])
            digests[ALL_SOURCES] = _digest([salt, *sorted(map(repr, visible)), *combined])
            return digests

    def fingerprint(self, filters: Sequence[Filter], limit: int, order: Order, *, salt: str) -> str:
        """Return a digest of the articles of a view. `salt` is a part of it."""
        selected = Selection(self._database).newest(filters, limit, order)
        return _digest([salt, *map(repr, selected.articles)])

    def enqueue(
        self,
        hubs: Sequence[str],
        fingerprints: dict[str, str],
        topics: Callable[[str], Iterable[str]],
        now: datetime,
        due: datetime,
    ) -> int:
        """Queue the topics of every feed that has changed for a hub.

        A feed has changed if its fingerprint differs from the one of the last notification. Return the number
        of notifications. Notifications for other hubs, and the records of other hubs and feeds, are deleted.
        """
        queue, announced = schema.pushes, schema.announced
        with self._database.writing() as connection:
            connection.execute(sa.delete(queue).where(queue.c.hub.not_in(hubs)))
            connection.execute(sa.delete(announced).where(announced.c.hub.not_in(hubs)))
            before = {
                (row.hub, row.feed): row.fingerprint for row in connection.execute(sa.select(announced))
            }
            changed = {
                (hub, feed): digest
                for hub in hubs
                for feed, digest in fingerprints.items()
                if before.get((hub, feed)) != digest
            }
            for hub, feed in before.keys() - {(hub, feed) for hub in hubs for feed in fingerprints}:
                connection.execute(
                    sa.delete(announced).where(announced.c.hub == hub, announced.c.feed == feed)
                )
            values = [
                {
                    "hub": hub,
                    "topic": topic,
                    "queued": rows.to_micros(now),
                    "attempts": 0,
                    "due": rows.to_micros(due),
                    "error": "",
                }
                for hub, feed in changed
                for topic in topics(feed)
            ]
            self._database.upsert(connection, queue, values)
            self._database.upsert(
                connection,
                announced,
                [
                    {"hub": hub, "feed": feed, "fingerprint": digest}
                    for (hub, feed), digest in changed.items()
                ],
            )
        return len(values)

    # -- delivering ------------------------------------------------------------------------------------

    def due(self, now: datetime) -> list[Push]:
        """Return the due notifications by hub, most failures first.

        The first one waits longest if its hub fails again. A notification is also due if its time is so
        far in the future that the clock must have been ahead when it was set.
        """
        columns = schema.pushes.c
        in_an_hour, tomorrow = (rows.to_micros(now + timedelta(hours=hours)) for hours in (1, 24))
        is_too_late = sa.or_(columns.due > tomorrow, sa.and_(columns.attempts == 0, columns.due > in_an_hour))
        query = sa.select(schema.pushes).where(sa.or_(columns.due <= rows.to_micros(now), is_too_late))
        return self._pushes(query.order_by(columns.hub, columns.attempts.desc(), columns.topic))

    def list_pushes(self) -> list[Push]:
        """Return all notifications, the next due one first.

        Those without a next attempt are last.
        """
        columns = schema.pushes.c
        return self._pushes(
            sa.select(schema.pushes).order_by(columns.due.is_(None), columns.due, columns.hub, columns.topic)
        )

    def claim(self, push: Push, until: datetime) -> bool:
        """Claim a notification for this process.

        Return whether no other process has claimed or changed it. If the process ends without recording a
        result, the notification is due again at `until`.
        """
        assert push.due is not None
        with self._database.writing() as connection:
            columns = schema.pushes.c
            update = connection.execute(
                sa.update(schema.pushes)
                .where(_is_push(push), columns.due == rows.to_micros(push.due))
                .values(due=rows.to_micros(until))
            )
        return update.rowcount == 1

    def mark_delivered(self, push: Push) -> None:
        """Delete a delivered notification.

        If it was queued again meanwhile, the new one is kept.
        """
        with self._database.writing() as connection:
            connection.execute(sa.delete(schema.pushes).where(_is_push(push)))

    def mark_failed(self, push: Push, error: str, due: datetime | None) -> None:
        """Record a failed attempt.

        The next one is `due` at this time; None means no further attempt.
        """
        with self._database.writing() as connection:
            connection.execute(
                sa.update(schema.pushes)
                .where(_is_push(push))
                .values(attempts=push.attempts + 1, error=error, due=_micros(due))
            )

    def mark_hub_failed(self, hub: str, error: str, now: datetime, due: datetime, max_attempts: int) -> None:
        """Record a failed attempt for every due notification of a hub.

        This is for failures of the hub itself. A notification with `max_attempts` failures gets no further
        attempt.
        """
        columns = schema.pushes.c
        is_due = sa.and_(columns.hub == hub, columns.due <= rows.to_micros(now))
        with self._database.writing() as connection:
            connection.execute(
                sa.update(schema.pushes)
                .where(is_due)
                .values(
                    attempts=columns.attempts + 1,
                    error=error,
                    due=sa.case((columns.attempts + 1 >= max_attempts, None), else_=rows.to_micros(due)),
                )
            )

    def _pushes(self, query: sa.Select[tuple[object, ...]]) -> list[Push]:
        with self._database.reading() as connection:
            return [
                Push(
                    hub=row.hub,
                    topic=row.topic,
                    queued=rows.from_micros(row.queued),
                    attempts=row.attempts,
                    due=None if row.due is None else rows.from_micros(row.due),
                    error=row.error,
                )
                for row in connection.execute(query)
            ]


# What a feed shows, in its order: a column that changes with each item, of its entries and of its deletions.
_entries, _deletions = schema.entries.c, schema.deletions.c
_ENTRIES = (_entries.digest, (_entries.published.desc(), _entries.id.desc()))
_DELETIONS = (_deletions.deleted, (_deletions.deleted.desc(), _deletions.id))


def _contents(connection: Connection, limit: int, sources: Collection[str]) -> list[str]:
    """Return the ids and versions of what a feed of some sources shows.

    These are its entries, followed by its deletions.
    """
    items: list[str] = []
    for version, order in (_ENTRIES, _DELETIONS):
        columns = version.table.c
        query = sa.select(columns.id, version).where(columns.source.in_(sources))
        query = query.order_by(*order).limit(limit)
        items += [repr(tuple(row)) for row in connection.execute(query)]
    return items


def _contents_by_source(connection: Connection, limit: int) -> dict[str, list[str]]:
    """Return the contents of the feed of each source, by slug.

    One query reads them all, for many sources.
    """
    items: dict[str, list[str]] = {}
    for version, order in (_ENTRIES, _DELETIONS):
        columns = version.table.c
        rank = sa.func.row_number().over(partition_by=columns.source, order_by=order).label("rank")
        ranked = sa.select(columns.id, columns.source, rank).subquery()
        query = sa.select(ranked.c.source, columns.id, version).join(ranked, ranked.c.id == columns.id)
        for source, *item in connection.execute(query.where(ranked.c.rank <= limit).order_by(ranked.c.rank)):
            items.setdefault(source, []).append(repr(tuple(item)))
    return items


def _digest(parts: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def _micros(time: datetime | None) -> int | None:
    return None if time is None else rows.to_micros(time)


def _is_push(push: Push) -> sa.ColumnElement[bool]:
    columns = schema.pushes.c
    return sa.and_(
        columns.hub == push.hub,
        columns.topic == push.topic,
        columns.queued == rows.to_micros(push.queued),
    )
