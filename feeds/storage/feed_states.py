"""What is known of each feed of others, in the database: so it outlives restarts, and processes share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from feeds.model.inbox_names import FETCHED
from feeds.storage import rows, schema
from feeds.storage.database import Database
from feeds.text.filenames import known_as

_columns = schema.upstreams.c
_CLAIMED = timedelta(hours=1)
"""Longer than one that is being asked is claimed for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamState:
    """How it stands with one feed."""

    url: str
    """What it is known by: its address as configured, without credentials."""
    address: str
    """Where it is now: another one where it moved for good."""
    title: str = ""
    """As configured."""
    etag: str = ""
    modified: str = ""
    """Last-Modified of what was fetched last, as it was sent."""
    checked: datetime | None = None
    """When it was last asked."""
    changed: datetime | None = None
    """When it last had something new."""
    due: datetime | None = None
    """When it is asked next; None where it is gone for good."""
    failures: int = 0
    """How many times after each other it failed."""
    failed: datetime | None = None
    """When that began."""
    error: str = ""
    """Why it failed last."""

    @property
    def gone(self) -> bool:
        """Whether it said that it is gone for good, and is not asked any more."""
        return self.due is None and bool(self.error)


class UpstreamStates:
    """The states in one database. Raises StoreError where it cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[UpstreamState]:
        """Every one, by address."""
        return self._found(sa.select(schema.upstreams).order_by(_columns.url))

    def due(self, now: datetime) -> list[UpstreamState]:
        """Those that have to be asked, the longest due first.

        Not while a run has yet to read what was fetched: entries that a newer document has no more were lost.
        One that was asked later than now was asked with a clock that was ahead, and is due.
        """
        ahead = sa.and_(_columns.checked > rows.to_micros(now), _columns.due > rows.to_micros(now + _CLAIMED))
        which = sa.or_(_columns.due <= rows.to_micros(now), ahead)
        query = sa.select(schema.upstreams).where(which, ~_unread())
        return self._found(query.order_by(_columns.due, _columns.url))

    def unread(self) -> bool:
        """Whether a run has yet to read anything that was fetched."""
        return bool(self._found(sa.select(schema.upstreams).where(_unread()).limit(1)))

    def subscribe(self, titles: Mapping[str, str], now: datetime) -> None:
        """Know the feeds at these addresses, with their titles; one that is new or renamed is due at once."""
        known = {state.url: state for state in self.all()}
        fresh = [
            _row(UpstreamState(url=url, address=url, title=title, due=now))
            for url, title in titles.items()
            if url not in known
        ]
        with self._database.writing() as connection:
            self._database.upsert(connection, schema.upstreams, fresh)
            for url, title in titles.items():
                if url in known and known[url].title != title:
                    connection.execute(
                        sa.update(schema.upstreams)
                        .where(_columns.url == url)
                        .values(title=title, due=rows.to_micros(now))
                    )

    def forget(self, url: str) -> None:
        """Know nothing of it any more, nor what was fetched.

        Its articles stay, whatever `deleted` says: nobody deleted them.
        """
        with self._database.writing() as connection:
            connection.execute(sa.delete(schema.upstreams).where(_columns.url == url))
            for table in (schema.documents, schema.files):
                at = (table.c.inbox == FETCHED, table.c.path == known_as(url))
                connection.execute(sa.delete(table).where(*at))

    def claim(self, state: UpstreamState, until: datetime) -> bool:
        """Whether this process is the one that asks now: of several that want to, one is.

        Where it ends without a word, the feed is due again after `until`.
        """
        seen = None if state.due is None else rows.to_micros(state.due)
        with self._database.writing() as connection:
            done = connection.execute(
                sa.update(schema.upstreams)
                .where(_columns.url == state.url, _columns.due.is_not_distinct_from(seen))
                .values(due=rows.to_micros(until))
            )
        return done.rowcount == 1

    def note(self, state: UpstreamState) -> None:
        """What came of asking; a feed that was forgotten meanwhile stays forgotten."""
        values = _row(state)
        del values["url"], values["title"]
        with self._database.writing() as connection:
            connection.execute(sa.update(schema.upstreams).where(_columns.url == state.url).values(**values))

    def _found(self, query: sa.Select[Any]) -> list[UpstreamState]:
        with self._database.reading() as connection:
            return [_state(dict(row)) for row in connection.execute(query).mappings()]


def _unread() -> sa.ColumnElement[bool]:
    documents, files = schema.documents.c, schema.files.c
    read = sa.exists().where(
        files.inbox == FETCHED, files.path == documents.path, files.modified == documents.modified
    )
    return sa.exists().where(documents.inbox == FETCHED, documents.path == _columns.url, ~read)


_MOMENTS = ("checked", "changed", "due", "failed")


def _state(row: Mapping[str, Any]) -> UpstreamState:
    moments = {name: None if row[name] is None else rows.from_micros(row[name]) for name in _MOMENTS}
    return UpstreamState(**{**row, **moments})


def _row(state: UpstreamState) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(state, name) for name in UpstreamState.__slots__}
    return row | {name: None if row[name] is None else rows.to_micros(row[name]) for name in _MOMENTS}
