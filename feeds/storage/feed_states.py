"""Store the state of each subscription.

So the states survive restarts, and all processes share them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from feeds.model.inbox_names import FETCHED
from feeds.storage import rows, schema
from feeds.storage.database import Database
from feeds.text.filenames import storage_key

_columns = schema.upstreams.c
_MAX_CLAIM = timedelta(hours=1)
"""Longer than any claim of a poller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamState:
    """The state of one subscription."""

    url: str
    """Key of the subscription: its configured URL without credentials."""
    address: str
    """Current URL; another one than `url` if the feed has moved, or if `url` is a page that names it."""
    title: str = ""
    """Title in the configuration."""
    etag: str = ""
    modified: str = ""
    """Header Last-Modified of the last response with a document, as it was sent."""
    checked: datetime | None = None
    """Time of the last poll."""
    changed: datetime | None = None
    """Time of the last poll that returned a new document."""
    due: datetime | None = None
    """Time of the next poll; None if the feed is gone permanently."""
    failures: int = 0
    """Number of failed polls since the last successful one."""
    failed: datetime | None = None
    """Time of the first of these failures."""
    error: str = ""
    """Reason of the last failure."""
    note: str = ""
    """How `address` was found, if a page names it; without queries of URLs."""
    wishes: str = ""
    """When the feed itself wants to be polled, as `schedule.FeedSchedule` writes it."""
    hub: str = ""
    """WebSub hub that the feed names; empty if there is none."""
    topic: str = ""
    """URL of the feed for its hub."""

    @property
    def gone(self) -> bool:
        """Whether its server reported that it is gone permanently.

        Then it is not polled any more.
        """
        return self.due is None and bool(self.error)


class UpstreamStates:
    """The states in one database.

    Every method raises StoreError if the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[UpstreamState]:
        """Return the states of all subscriptions, by URL."""
        return self._select(sa.select(schema.upstreams).order_by(_columns.url))

    def due(self, now: datetime) -> list[UpstreamState]:
        """Return the states of the subscriptions that are due, the longest due first.

        A subscription is not due while its last document is unread: entries that a newer document does not
        contain any more would be lost. A subscription is due if its last poll is in the future, because the
        clock was ahead at that time.
        """
        is_in_future = sa.and_(
            _columns.checked > rows.to_micros(now), _columns.due > rows.to_micros(now + _MAX_CLAIM)
        )
        is_due = sa.or_(_columns.due <= rows.to_micros(now), is_in_future)
        query = sa.select(schema.upstreams).where(is_due, ~_is_unread())
        return self._select(query.order_by(_columns.due, _columns.url))

    def has_unread(self) -> bool:
        """Return whether there is a fetched document that no run has read yet."""
        return bool(self._select(sa.select(schema.upstreams).where(_is_unread()).limit(1)))

    def subscribe(self, titles: Mapping[str, str], now: datetime) -> None:
        """Add subscriptions, by URL and title. A new or renamed one is due at once."""
        stored = {state.url: state for state in self.all()}
        new = [
            _row(UpstreamState(url=url, address=url, title=title, due=now))
            for url, title in titles.items()
            if url not in stored
        ]
        with self._database.writing() as connection:
            self._database.upsert(connection, schema.upstreams, new)
            for url, title in titles.items():
                if url in stored and stored[url].title != title:
                    connection.execute(
                        sa.update(schema.upstreams)
                        .where(_columns.url == url)
                        .values(title=title, due=rows.to_micros(now))
                    )

    def forget(self, url: str) -> None:
        """Delete the state and the fetched document of a subscription.

        Its articles are kept, whatever the setting `deleted` says: nobody deleted them.
        """
        with self._database.writing() as connection:
            connection.execute(sa.delete(schema.upstreams).where(_columns.url == url))
            for table in (schema.documents, schema.files):
                at = (table.c.inbox == FETCHED, table.c.path == storage_key(url))
                connection.execute(sa.delete(table).where(*at))

    def claim(self, state: UpstreamState, until: datetime) -> bool:
        """Claim a subscription for a poll.

        Return whether this process, of several that try, has the claim. If the process ends without recording
        a result, the subscription is due again at `until`.
        """
        expected_due = None if state.due is None else rows.to_micros(state.due)
        with self._database.writing() as connection:
            update = connection.execute(
                sa.update(schema.upstreams)
                .where(_columns.url == state.url, _columns.due.is_not_distinct_from(expected_due))
                .values(due=rows.to_micros(until))
            )
        return update.rowcount == 1

    def record(self, state: UpstreamState) -> None:
        """Store the state after a poll.

        A subscription that was deleted meanwhile is not added again.
        """
        values = _row(state)
        del values["url"], values["title"]
        with self._database.writing() as connection:
            connection.execute(sa.update(schema.upstreams).where(_columns.url == state.url).values(**values))

    def _select(self, query: sa.Select[Any]) -> list[UpstreamState]:
        with self._database.reading() as connection:
            return [_state(dict(row)) for row in connection.execute(query).mappings()]


def _is_unread() -> sa.ColumnElement[bool]:
    documents, files = schema.documents.c, schema.files.c
    is_read = sa.exists().where(
        files.inbox == FETCHED, files.path == documents.path, files.modified == documents.modified
    )
    return sa.exists().where(documents.inbox == FETCHED, documents.path == _columns.url, ~is_read)


_TIME_COLUMNS = ("checked", "changed", "due", "failed")


def _state(row: Mapping[str, Any]) -> UpstreamState:
    times = {name: None if row[name] is None else rows.from_micros(row[name]) for name in _TIME_COLUMNS}
    return UpstreamState(**{**row, **times})


def _row(state: UpstreamState) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(state, name) for name in UpstreamState.__slots__}
    return row | {name: None if row[name] is None else rows.to_micros(row[name]) for name in _TIME_COLUMNS}
