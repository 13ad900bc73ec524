"""What WebSub hubs have still to be told, kept in the database, so that a restart forgets nothing.

Whether a feed has changed is seen by what stands in it, not by who changed it: a run, a command, or a process
that was killed right after.
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

ALL = ""
"""The name of everything together, where other names are sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One hub that has to be told of one topic."""

    hub: str
    topic: str
    queued: datetime
    attempts: int
    due: datetime | None
    """When it is tried next; None where it was given up."""
    error: str
    """Why the last attempt failed; empty before the first one."""


class Queue:
    """The queue in one database. Raises StoreError where the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- what has changed ------------------------------------------------------------------------------

    def state(self) -> State:
        """What moves whenever any fingerprint does."""
        with self._database.reading() as connection:
            return batch_writer.read_state(connection)

    def fingerprints(self, limit: int, hidden: Callable[[str], bool], *, salt: str) -> dict[str, str]:
        """What stands in the feed of each source, and in that of all of them (ALL), as a digest.

        Without the sources that are `hidden`; `salt` is made part of every digest.
        """
        with self._database.reading() as connection:
            known = batch_writer.stored_sources(connection).values()
            sources = [source for source in known if not hidden(source.slug)]
            shown = _shown_of_each(connection, limit)
            found = {
                source.slug: _digest([salt, repr(source), *shown[source.slug]])
                for source in sources
                if source.slug in shown
            }
            everything = _shown(connection, limit, [source.slug for source in sources])
            found[ALL] = _digest([salt, *sorted(map(repr, sources)), *everything])
            return found

    def fingerprint(self, filters: Sequence[Filter], limit: int, order: Order, *, salt: str) -> str:
        """What a view shows, as a digest."""
        shown = Selection(self._database).newest(filters, limit, order)
        return _digest([salt, *map(repr, shown.articles)])

    def put(
        self,
        hubs: Sequence[str],
        fingerprints: dict[str, str],
        topics: Callable[[str], Iterable[str]],
        now: datetime,
        due: datetime,
    ) -> int:
        """Queue the topics of every feed that is not as each hub was told; answers how many.

        What was meant for other hubs, or stands for feeds that are gone, is forgotten.
        """
        queue, told = schema.pushes, schema.announced
        with self._database.writing() as connection:
            connection.execute(sa.delete(queue).where(queue.c.hub.not_in(hubs)))
            connection.execute(sa.delete(told).where(told.c.hub.not_in(hubs)))
            before = {(row.hub, row.feed): row.fingerprint for row in connection.execute(sa.select(told))}
            fresh = {
                (hub, feed): digest
                for hub in hubs
                for feed, digest in fingerprints.items()
                if before.get((hub, feed)) != digest
            }
            for hub, feed in before.keys() - {(hub, feed) for hub in hubs for feed in fingerprints}:
                connection.execute(sa.delete(told).where(told.c.hub == hub, told.c.feed == feed))
            when = rows.to_micros(now)
            values = [
                {
                    "hub": hub,
                    "topic": topic,
                    "queued": when,
                    "attempts": 0,
                    "due": rows.to_micros(due),
                    "error": "",
                }
                for hub, feed in fresh
                for topic in topics(feed)
            ]
            self._database.upsert(connection, queue, values)
            self._database.upsert(
                connection,
                told,
                [{"hub": hub, "feed": feed, "fingerprint": digest} for (hub, feed), digest in fresh.items()],
            )
        return len(values)

    # -- telling ---------------------------------------------------------------------------------------

    def due(self, now: datetime) -> list[Push]:
        """What is to be tried now; of each hub, what failed most often first: it knows the longest wait.

        So is what nobody can have put off that far, but for a clock that was ahead.
        """
        columns = schema.pushes.c
        in_an_hour, tomorrow = (rows.to_micros(now + timedelta(hours=hours)) for hours in (1, 24))
        ahead = sa.or_(columns.due > tomorrow, sa.and_(columns.attempts == 0, columns.due > in_an_hour))
        query = sa.select(schema.pushes).where(sa.or_(columns.due <= rows.to_micros(now), ahead))
        return self._pushes(query.order_by(columns.hub, columns.attempts.desc(), columns.topic))

    def waiting(self) -> list[Push]:
        """All that is queued, and what was given up last."""
        columns = schema.pushes.c
        return self._pushes(
            sa.select(schema.pushes).order_by(columns.due.is_(None), columns.due, columns.hub, columns.topic)
        )

    def claim(self, push: Push, until: datetime) -> bool:
        """Take one for this process; answers whether it was there to be taken.

        Where the process ends without a word, it is due again after `until`.
        """
        assert push.due is not None
        with self._database.writing() as connection:
            columns = schema.pushes.c
            done = connection.execute(
                sa.update(schema.pushes)
                .where(_this(push), columns.due == rows.to_micros(push.due))
                .values(due=rows.to_micros(until))
            )
        return done.rowcount == 1

    def done(self, push: Push) -> None:
        """The hub knows. What was queued again meanwhile stays."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(schema.pushes).where(_this(push)))

    def failed(self, push: Push, error: str, due: datetime | None) -> None:
        """An attempt failed: try again when it is `due`, or not at all."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(schema.pushes)
                .where(_this(push))
                .values(attempts=push.attempts + 1, error=error, due=_micros(due))
            )

    def hub_failed(self, hub: str, error: str, now: datetime, due: datetime, most_attempts: int) -> None:
        """The hub itself does not answer: everything that is due there has failed once more."""
        columns = schema.pushes.c
        mine = sa.and_(columns.hub == hub, columns.due <= rows.to_micros(now))
        with self._database.writing() as connection:
            connection.execute(
                sa.update(schema.pushes)
                .where(mine)
                .values(
                    attempts=columns.attempts + 1,
                    error=error,
                    due=sa.case((columns.attempts + 1 >= most_attempts, None), else_=rows.to_micros(due)),
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


# What a feed shows, in its order: its entries, and what was taken out of it.
_entries, _gone = schema.entries.c, schema.deletions.c
_ENTRIES = (_entries.digest, (_entries.published.desc(), _entries.id.desc()))
_DELETIONS = (_gone.deleted, (_gone.deleted.desc(), _gone.id))


def _shown(connection: Connection, limit: int, sources: Collection[str]) -> list[str]:
    """What a feed of some sources shows."""
    found: list[str] = []
    for told, order in (_ENTRIES, _DELETIONS):
        columns = told.table.c
        query = sa.select(columns.id, told).where(columns.source.in_(sources)).order_by(*order).limit(limit)
        found += [repr(tuple(row)) for row in connection.execute(query)]
    return found


def _shown_of_each(connection: Connection, limit: int) -> dict[str, list[str]]:
    """What the feed of each source shows: one query for all of them, since there may be hundreds."""
    found: dict[str, list[str]] = {}
    for told, order in (_ENTRIES, _DELETIONS):
        columns = told.table.c
        place = sa.func.row_number().over(partition_by=columns.source, order_by=order).label("place")
        placed = sa.select(columns.id, columns.source, place).subquery()
        query = sa.select(placed.c.source, columns.id, told).join(placed, placed.c.id == columns.id)
        for source, *shown in connection.execute(
            query.where(placed.c.place <= limit).order_by(placed.c.place)
        ):
            found.setdefault(source, []).append(repr(tuple(shown)))
    return found


def _digest(parts: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def _micros(when: datetime | None) -> int | None:
    return None if when is None else rows.to_micros(when)


def _this(push: Push) -> sa.ColumnElement[bool]:
    columns = schema.pushes.c
    return sa.and_(
        columns.hub == push.hub,
        columns.topic == push.topic,
        columns.queued == rows.to_micros(push.queued),
    )
