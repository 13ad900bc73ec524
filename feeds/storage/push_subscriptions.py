"""Store the subscriptions to WebSub hubs, so that every process knows them.

The watcher asks hubs, and the web server answers them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from feeds.model.inbox_names import FETCHED
from feeds.storage import rows, schema
from feeds.storage.database import Database
from feeds.text.filenames import storage_key

_table = schema.push_subscriptions
_columns = _table.c
_upstreams = schema.upstreams.c
_TIMES = ("due", "expires", "pushed")

PushState = Literal["new", "asked", "active", "renewing", "denied", "ending"]
"""`asked` and `renewing`: the hub has to verify a request to subscribe. `ending`: one to unsubscribe."""
ACTIVE_STATES = ("active", "renewing")


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSubscription:
    """The subscription of one feed at its hub."""

    url: str
    """Key of the subscription to the feed."""
    hub: str
    topic: str
    """URL of the feed for the hub."""
    callback: str = field(repr=False)
    """Last part of the URL that the hub sends to. Nobody else knows it."""
    secret: str = field(repr=False)
    """Key that the hub signs with."""
    state: PushState = "new"
    due: datetime | None = None
    """Time of the next request to the hub; None if there is none."""
    expires: datetime | None = None
    """End of the lease; None if there is none."""
    pushed: datetime | None = None
    """Time of the last document that the hub sent."""
    failures: int = 0
    """Number of requests since the hub last verified one."""
    error: str = ""
    """Reason of the last failure; empty if there is none."""

    def is_active(self, now: datetime) -> bool:
        """Return whether the hub has promised to send what is new."""
        return self.state in ACTIVE_STATES and self.expires is not None and self.expires > now


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedHub:
    """The hub that a feed names."""

    url: str
    """Key of the subscription to the feed."""
    hub: str
    topic: str


class PushSubscriptions:
    """The subscriptions to hubs in one database.

    Every method raises StoreError if the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[PushSubscription]:
        """Return all of them, by URL."""
        return self._select(sa.select(_table).order_by(_columns.url))

    def find(self, url: str) -> PushSubscription | None:
        """Return that of a feed; None if there is none."""
        return next(iter(self._select(sa.select(_table).where(_columns.url == url))), None)

    def find_callback(self, callback: str) -> PushSubscription | None:
        """Return that of a callback; None if there is none."""
        return next(iter(self._select(sa.select(_table).where(_columns.callback == callback))), None)

    def named_hubs(self) -> list[NamedHub]:
        """Return the hubs that the polled feeds name."""
        query = sa.select(_upstreams.url, _upstreams.hub, _upstreams.topic)
        with self._database.reading() as connection:
            found = connection.execute(query.where(_upstreams.hub != "", _upstreams.due.is_not(None)))
            return [NamedHub(url=row.url, hub=row.hub, topic=row.topic) for row in found]

    def due(self, now: datetime) -> list[PushSubscription]:
        """Return those whose hub is to be asked something, the longest due first."""
        query = sa.select(_table).where(_columns.due <= rows.to_micros(now))
        return self._select(query.order_by(_columns.due, _columns.url))

    def put(self, subscription: PushSubscription) -> None:
        """Store a subscription in place of the one that its feed had."""
        with self._database.writing() as connection:
            self._database.upsert(connection, _table, [_row(subscription)])

    def replace(self, old: PushSubscription, new: PushSubscription) -> bool:
        """Store a changed subscription; return False, and store nothing, if another process changed it."""
        values = {name: value for name, value in _row(new).items() if name != "url"}
        is_same = [
            _columns[name].is_not_distinct_from(value)
            for name, value in _row(old).items()
            if name in ("url", "callback", "state", "due")
        ]
        with self._database.writing() as connection:
            return connection.execute(sa.update(_table).where(*is_same).values(**values)).rowcount == 1

    def delete(self, subscription: PushSubscription) -> None:
        """Delete a subscription: its callback is unknown from now on."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(_table).where(_columns.callback == subscription.callback))

    def note_push(self, subscription: PushSubscription, now: datetime) -> None:
        """Record that a hub sent something."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(_table)
                .where(_columns.callback == subscription.callback)
                .values(pushed=rows.to_micros(now), error="")
            )

    def last_push(self) -> datetime | None:
        """Return the time of the last document of any hub; None if there was none."""
        with self._database.reading() as connection:
            pushed = connection.scalar(sa.select(sa.func.max(_columns.pushed)))
        return None if pushed is None else rows.from_micros(pushed)

    def poll_soon(self, urls: Collection[str], now: datetime) -> None:
        """Let feeds be polled now: their hubs do not send what is new."""
        micros = rows.to_micros(now)
        with self._database.writing() as connection:
            connection.execute(
                sa.update(schema.upstreams)
                .where(_upstreams.url.in_(urls), _upstreams.due > micros, _upstreams.failures == 0)
                .values(due=micros)
            )

    def is_unread(self, url: str) -> bool:
        """Return whether the last document of a feed waits for the next run."""
        documents, files = schema.documents.c, schema.files.c
        is_read = sa.exists().where(
            files.inbox == documents.inbox, files.path == documents.path, files.modified == documents.modified
        )
        at = (documents.inbox == FETCHED, documents.path == storage_key(url))
        query = sa.select(documents.path).where(*at, ~is_read)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def _select(self, query: sa.Select[Any]) -> list[PushSubscription]:
        with self._database.reading() as connection:
            return [_subscription(dict(row)) for row in connection.execute(query).mappings()]


def _subscription(row: dict[str, Any]) -> PushSubscription:
    times = {name: None if row[name] is None else rows.from_micros(row[name]) for name in _TIMES}
    return PushSubscription(**{**row, **times})


def _row(subscription: PushSubscription) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(subscription, name) for name in PushSubscription.__slots__}
    return row | {name: None if row[name] is None else rows.to_micros(row[name]) for name in _TIMES}
