"""Notify WebSub hubs of the feeds that have changed.

The standard is https://www.w3.org/TR/websub/. The queue is in the database. This module decides which
notifications are queued, when and how often they are sent, and how long a hub may take. No hub can delay an
ingest or make it fail.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from feeds.cleaning.catalogue import COMBINED
from feeds.config import Config
from feeds.http_client.client import HTTPClient, RequestLimits
from feeds.http_client.errors import RequestError
from feeds.http_client.network_policy import NetworkPolicy
from feeds.model import backoff
from feeds.model.errors import FeedsError
from feeds.model.filters import Filter
from feeds.publishing.access import AccessReader
from feeds.publishing.formats import WRITERS
from feeds.storage.batch_writer import State
from feeds.storage.database import Database
from feeds.storage.push_queue import ALL_SOURCES, Push, PushQueue
from feeds.storage.store import Store

log = logging.getLogger(__name__)

MIN_WAIT = timedelta(seconds=2)
"""Wait before the second attempt. Each further wait is twice as long, up to MAX_WAIT."""
MAX_WAIT = timedelta(hours=1)
SETTLE_TIME = timedelta(seconds=2)
"""Time until every server shows a change. Hubs fetch a feed as soon as they are notified."""
MAX_ATTEMPTS = 32
"""About one day. Then a topic is queued again only when it changes again."""
CLIENT = HTTPClient(
    policy=NetworkPolicy(allows_all=True),
    limits=RequestLimits(connect_seconds=5, silence_seconds=10, total_seconds=20),
)
"""A hub may be in a private network: the administrator configures it, and no redirects are followed."""
_LEASE = timedelta(seconds=60)
_MAX_LINES = 20


@dataclass(frozen=True, slots=True)
class PushFailure:
    """The reason why an attempt failed."""

    reason: str
    retry_after: timedelta = timedelta(0)
    whole_hub: bool = True
    """Whether the failure concerns the hub, not only this topic."""


class Pusher:
    """Notifies the configured hubs of changes.

    It has its own database connections and threads.
    """

    def __init__(
        self,
        config: Config,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        settle_time: timedelta = SETTLE_TIME,
        client: HTTPClient = CLIENT,
    ) -> None:
        self._config = config
        self._clock = clock
        self._settle_time = settle_time
        self._client = client
        self._store = Store(config.database, origin=config.database_origin)
        self._access = AccessReader(config, self._store)
        self._queue = PushQueue(self._store.database)
        self._queued_state: State | None = None
        self._threads: dict[str, _DeliveryThread] = {}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Stop delivering.

        A notification that is being sent may be sent again after a restart.
        """
        self._stopping.set()

    def close(self) -> None:
        """Stop delivering, and close all connections."""
        self.stop()
        self._store.close()

    def queue_changes(self) -> int:
        """Queue the topics that have changed since hubs were notified.

        Return the number of notifications. Never raises. After an error, the next call finds the same
        changes.
        """
        try:
            state = self._queue.read_state()
            if state == self._queued_state:
                return 0
            with self._store.snapshot():
                fingerprints = self._fingerprints()
            now = self._clock()
            count = self._queue.enqueue(
                self._config.hubs, fingerprints, self._topics, now, now + self._settle_time
            )
            self._queued_state = state
            return count
        except FeedsError as error:
            log.error("cannot queue notifications for hubs: %s", error)
        except Exception:
            log.exception("cannot queue notifications for hubs")
        return 0

    def _fingerprints(self) -> dict[str, str]:
        """Return the fingerprint of each public feed.

        The keys are the slugs of sources and views, and ALL_SOURCES.
        """
        config, access = self._config, self._access.now()
        is_private = access.is_private
        # With another base URL, all topics are new.
        fingerprints = self._queue.fingerprints(config.limit, is_private, salt=config.base_url)
        # No source has the slug `-`; an empty filter would let all sources pass.
        public = tuple(feed for feed in fingerprints if feed != ALL_SOURCES) or ("-",)
        for view in config.feeds:
            if not is_private(view.slug):
                shown = access.with_current_addresses(view.filter)
                filters = (shown, *([Filter(source=public)] if config.private else ()))
                fingerprints[view.slug] = self._queue.fingerprint(
                    filters,
                    view.filter.limit or config.limit,
                    view.filter.order or "newest",
                    salt=config.base_url,
                )
        if is_private(COMBINED):
            del fingerprints[ALL_SOURCES]
        return fingerprints

    def deliver(self, seconds: float) -> None:
        """Send the due notifications to all hubs in parallel, for at most `seconds`.

        Never raises.
        """
        deadline = time.monotonic() + seconds
        try:
            due = self._queue.due(self._clock())
        except FeedsError as error:
            log.error("cannot read the notifications for hubs: %s", error)
            return
        for hub, pushes in groupby(due, key=lambda push: push.hub):
            thread = self._threads.get(hub)
            if hub in self._config.hubs and (thread is None or not thread.is_alive()):
                self._threads[hub] = _DeliveryThread(self, hub, list(pushes), deadline)
                self._threads[hub].start()
        for thread in self._threads.values():
            while thread.is_alive() and time.monotonic() < deadline and not self._stopping.is_set():
                thread.join(0.1)

    def deliver_to_hub(self, hub: str, pushes: list[Push], deadline: float) -> None:
        """Send notifications to one hub, until it fails or the deadline passes.

        The deadline is a time of `time.monotonic`.
        """
        for push in pushes:
            if time.monotonic() > deadline or self._stopping.is_set():
                return
            if not self._queue.claim(push, self._clock() + _LEASE):
                continue
            failure = publish(hub, push.topic, self._client)
            if failure is None:
                self._queue.mark_delivered(push)
                log.debug("notified %s of %s", hub, push.topic)
                continue
            now = self._clock()
            wait = max(retry_wait(push.attempts + 1), failure.retry_after)
            is_last = push.attempts + 1 >= MAX_ATTEMPTS
            self._queue.mark_failed(push, failure.reason, None if is_last else now + wait)
            log.warning(
                "cannot notify %s of %s: %s; %s",
                *(hub, push.topic, failure.reason),
                "given up" if is_last else f"next attempt in {wait.total_seconds():.0f} s",
            )
            if failure.whole_hub:
                self._queue.mark_hub_failed(hub, failure.reason, now, now + wait, MAX_ATTEMPTS)
                return

    def close_if_stopped(self) -> None:
        """Close the connections that a delivery opened after `close`.

        Called at the end of a delivery.
        """
        if self._stopping.is_set():
            self._store.close()

    def _topics(self, feed: str) -> Iterator[str]:
        for suffix in WRITERS:
            yield f"{self._config.base_url}/feeds/{COMBINED if feed == ALL_SOURCES else feed}.{suffix}"


class _DeliveryThread(threading.Thread):
    """Delivers to one hub.

    A daemon: a hub that never ends its response does not keep the process alive.
    """

    def __init__(self, pusher: Pusher, hub: str, pushes: list[Push], deadline: float) -> None:
        super().__init__(name=f"push {hub}", daemon=True)
        self._pusher, self._hub, self._pushes, self._deadline = pusher, hub, pushes, deadline

    def run(self) -> None:
        """Deliver, and log every error. Called by threading."""
        try:
            self._pusher.deliver_to_hub(self._hub, self._pushes, self._deadline)
        except FeedsError as error:
            log.error("%s: %s", self._hub, error)
        except Exception:
            log.exception("cannot notify %s", self._hub)
        finally:
            self._pusher.close_if_stopped()


def make_pusher(config: Config) -> Pusher | None:
    """Return a Pusher; None if no hubs are configured. Raises StoreError."""
    return Pusher(config) if config.hubs else None


class ChangeNotifier:
    """Queues notifications for hubs; the watcher sends them.

    The first call opens the database, so that a notifier can be created before the process forks.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pusher: Pusher | None = None

    def queue_changes(self) -> None:
        """Queue the topics that have changed.

        Raises StoreError if the database cannot be opened.
        """
        if self._pusher is None:
            self._pusher = make_pusher(self._config)
        if self._pusher is not None:
            self._pusher.queue_changes()

    def close(self) -> None:
        """Close all connections."""
        if self._pusher is not None:
            self._pusher.close()


def notify_hubs(config: Config, seconds: float) -> None:
    """Queue the changes of a run and send the notifications, for at most `seconds`.

    Never raises.
    """
    try:
        pusher = make_pusher(config)
    except FeedsError as error:
        log.error("cannot notify hubs: %s", error)
        return
    if pusher is not None:
        if pusher.queue_changes():
            time.sleep(SETTLE_TIME.total_seconds())
        pusher.deliver(seconds)
        pusher.close()


def retry_wait(attempts: int) -> timedelta:
    """Return the wait after a number of failed attempts.

    It doubles each time, up to one hour.
    """
    return backoff.exponential(MIN_WAIT, attempts - 1, MAX_WAIT)


def publish(hub: str, topic: str, client: HTTPClient = CLIENT) -> PushFailure | None:
    """Notify a hub that a topic has new content. Return None if the hub accepted it.

    Hubs of PubSubHubbub 0.4 and of WebSub accept this form. The WebSub standard leaves it to the hub.
    """
    form = {"hub.mode": "publish", "hub.url": topic}
    try:
        status = client.post_form(hub, form)
    except RequestError as error:
        return PushFailure(str(error))
    if not status.failure:
        return None
    return PushFailure(
        status.failure,
        status.retry_after,
        whole_hub=status.code >= 500 or status.code in (408, 429),
    )


def status_lines(config: Config, database: Database) -> Iterator[str]:
    """Yield the lines of `feeds status` about queued notifications. Raises StoreError."""
    if not config.hubs:
        return
    queued = [push for push in PushQueue(database).list_pushes() if push.hub in config.hubs]
    waiting = sum(push.due is not None for push in queued)
    given_up = len(queued) - waiting
    yield f"pushes: {waiting} waiting" + (f", {given_up} given up" if given_up else "")
    for push in queued[:_MAX_LINES]:
        failures = f"failed {push.attempts} times: {push.error}; " if push.attempts else ""
        when = f"due {push.due:%Y-%m-%d %H:%M:%S} UTC" if push.due else "given up until it changes again"
        yield f"  {push.hub} {push.topic}: {failures}{when}"
    if len(queued) > _MAX_LINES:
        yield f"  and {len(queued) - _MAX_LINES} more"
