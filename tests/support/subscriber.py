"""A place that subscribes to feeds on loopback, with a clock that is set by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from feeds.http_client.client import RequestLimits
from feeds.http_client.network_policy import parse_policy
from feeds.model.articles import Article
from feeds.model.inbox_names import FETCHED
from feeds.storage.blobs import BlobStore
from feeds.storage.feed_states import UpstreamState
from feeds.subscriptions.poller import Poller, PollOutcome
from tests.support.feed_server import Upstream
from tests.support.places import Place
from tests.support.stored_articles import newest_articles

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
QUICK = RequestLimits(connect_seconds=2, silence_seconds=1, total_seconds=4, max_bytes=1_000_000)
IN_SQLITE = pytest.mark.parametrize("address", ["sqlite"], indirect=True)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Subscriber:
    """A place that subscribes, with a clock that is set by hand."""

    place: Place
    upstream: Upstream
    clock: Clock = field(default_factory=Clock)

    def to(self, *entries: str | dict[str, Any], **keys: object) -> Subscriber:
        """Subscribe to these paths, and to nothing else."""
        self.place.configure(
            **{
                "poll": "30m",
                "private_upstreams": ["127.0.0.1", "localhost"],
                "subscriptions": [self._entry(entry) for entry in entries],
                **keys,
            }
        )
        return self

    def _entry(self, entry: str | dict[str, Any]) -> dict[str, Any]:
        settings = {"url": entry} if isinstance(entry, str) else dict(entry)
        if "://" not in settings["url"]:
            settings["url"] = self.upstream.address(settings["url"])
        return settings

    def poller(self, pause: float = 0.0) -> Poller:
        config = self.place.config
        policy = parse_policy(config.private_upstreams)
        return Poller(
            config.subscriptions,
            policy,
            config.database,
            clock=self.clock,
            limits=QUICK,
            pause=pause,
            uses_hubs=config.websub_subscribe,
        )

    def poll(self, *, now: bool = False) -> list[PollOutcome]:
        """Ask what is due, or everything, once."""
        poller = self.poller()
        try:
            poller.sync_subscriptions(forget=True)
            return list(poller.poll_now(poller.states.all() if now else poller.states.due(self.clock())))
        finally:
            poller.close()

    def read(self) -> list[Article]:
        self.place.ingest()
        return newest_articles(self.place.store(), 100)

    def state(self) -> UpstreamState:
        """Of the only one."""
        poller = self.poller()
        try:
            (state,) = poller.states.all()
            return state
        finally:
            poller.close()

    def documents(self) -> list[str]:
        return [blob.path for blob in BlobStore(self.place.store().database).list_blobs(FETCHED)]
