"""WebSub (https://www.w3.org/TR/websub/): hubs are told which feeds have changed.

The queue stands in the database; what is told when, how often, and how long a hub may take, is decided here.
Nothing that a hub does or leaves undone holds up or fails the ingest.
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
from feeds.http_client.client import HTTPClient, Limits
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

FIRST_WAIT = timedelta(seconds=2)
"""Before the second attempt; each further one waits twice as long, up to LONGEST_WAIT."""
LONGEST_WAIT = timedelta(hours=1)
SETTLED = timedelta(seconds=2)
"""Until every server shows what has changed: hubs come to fetch it at once."""
MOST_ATTEMPTS = 32
"""About a day; then a topic is told of again when it changes again."""
CLIENT = HTTPClient(
    policy=NetworkPolicy(allows_all=True),
    limits=Limits(connect_seconds=5, silence_seconds=10, total_seconds=20),
)
"""A hub may be in a private network: the administrator names it, and no redirect of it is followed."""
_LEASE = timedelta(seconds=60)
_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an attempt failed."""

    reason: str
    retry_after: timedelta = timedelta(0)
    whole_hub: bool = True
    """Whether it says something about the hub, and not of this topic alone."""


class Pusher:
    """Tells the configured hubs what has changed, over database connections and in threads of its own."""

    def __init__(
        self,
        config: Config,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        settled: timedelta = SETTLED,
        client: HTTPClient = CLIENT,
    ) -> None:
        self._config = config
        self._clock = clock
        self._settled = settled
        self._client = client
        self._store = Store(config.database)
        self._access = AccessReader(config, self._store)
        self._queue = PushQueue(self._store.database)
        self._noted: State | None = None
        self._telling: dict[str, _Telling] = {}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Tell no one any more. Whom a message is just on its way to may be told again."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, and give back every connection."""
        self.stop()
        self._store.close()

    def note(self) -> int:
        """Queue what has changed since the hubs were told of it; answers how many messages that makes.

        Never raises: what could not be noted is found changed the next time.
        """
        try:
            state = self._queue.read_state()
            if state == self._noted:
                return 0
            with self._store.snapshot():
                found = self._fingerprints()
            now = self._clock()
            queued = self._queue.enqueue(self._config.hubs, found, self._topics, now, now + self._settled)
            self._noted = state
            return queued
        except FeedsError as error:
            log.error("what hubs have to be told could not be noted: %s", error)
        except Exception:
            log.exception("what hubs have to be told could not be noted")
        return 0

    def _fingerprints(self) -> dict[str, str]:
        """Return the fingerprint of each public feed: the slug of a source or a view, or ALL_SOURCES."""
        config, is_private = self._config, self._access.now().is_private
        # Another base address makes other topics, all of them untold.
        found = self._queue.fingerprints(config.limit, is_private, salt=config.base_url)
        known = tuple(feed for feed in found if feed != ALL_SOURCES) or ("-",)  # no source is called that
        for view in config.feeds:
            if not is_private(view.slug):
                asked, filters = (
                    view.filter,
                    (view.filter, *([Filter(source=known)] if config.private else ())),
                )
                found[view.slug] = self._queue.fingerprint(
                    filters, asked.limit or config.limit, asked.order or "newest", salt=config.base_url
                )
        if is_private(COMBINED):
            del found[ALL_SOURCES]
        return found

    def deliver(self, seconds: float) -> None:
        """Tell each hub what is due, all hubs at once, for so many seconds at most. Never raises."""
        give_up = time.monotonic() + seconds
        try:
            due = self._queue.due(self._clock())
        except FeedsError as error:
            log.error("what hubs have to be told could not be read: %s", error)
            return
        for hub, pushes in groupby(due, key=lambda push: push.hub):
            before = self._telling.get(hub)
            if hub in self._config.hubs and (before is None or not before.is_alive()):
                self._telling[hub] = _Telling(self, hub, list(pushes), give_up)
                self._telling[hub].start()
        for telling in self._telling.values():
            while telling.is_alive() and time.monotonic() < give_up and not self._stopping.is_set():
                telling.join(0.1)

    def tell(self, hub: str, pushes: list[Push], give_up: float) -> None:
        """Tell one hub of its topics, until it fails or the time is over."""
        for push in pushes:
            if time.monotonic() > give_up or self._stopping.is_set():
                return
            if not self._queue.claim(push, self._clock() + _LEASE):
                continue
            refusal = publish(hub, push.topic, self._client)
            if refusal is None:
                self._queue.mark_delivered(push)
                log.debug("%s was told of %s", hub, push.topic)
                continue
            now = self._clock()
            wait = max(waiting_after(push.attempts + 1), refusal.retry_after)
            over = push.attempts + 1 >= MOST_ATTEMPTS
            self._queue.mark_failed(push, refusal.reason, None if over else now + wait)
            log.warning(
                "%s could not be told of %s: %s; %s",
                *(hub, push.topic, refusal.reason),
                "given up" if over else f"again in {wait.total_seconds():.0f} s",
            )
            if refusal.whole_hub:
                self._queue.mark_hub_failed(hub, refusal.reason, now, now + wait, MOST_ATTEMPTS)
                return

    def told(self) -> None:
        """A hub was told: give back what that used, where everything else was given back before."""
        if self._stopping.is_set():
            self._store.close()

    def _topics(self, feed: str) -> Iterator[str]:
        for suffix in WRITERS:
            yield f"{self._config.base_url}/feeds/{COMBINED if feed == ALL_SOURCES else feed}.{suffix}"


class _Telling(threading.Thread):
    """A daemon: a hub that never ends its answer does not keep the process alive."""

    def __init__(self, pusher: Pusher, hub: str, pushes: list[Push], give_up: float) -> None:
        super().__init__(name=f"push {hub}", daemon=True)
        self._what = (pusher, hub, pushes, give_up)

    def run(self) -> None:
        pusher, hub, pushes, give_up = self._what
        try:
            pusher.tell(hub, pushes, give_up)
        except FeedsError as error:
            log.error("%s: %s", hub, error)
        except Exception:
            log.exception("telling %s failed", hub)
        finally:
            pusher.told()


def pusher_of(config: Config) -> Pusher | None:
    """What tells the configured hubs; None where there are none. Raises StoreError."""
    return Pusher(config) if config.hubs else None


class ChangeNotifier:
    """Queues what hubs have to be told; a watcher tells them.

    The database is opened by the first note, so that one can be made before a process forks.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pusher: Pusher | None = None

    def note(self) -> None:
        """Queue what has changed. Raises StoreError where the database cannot be opened."""
        if self._pusher is None:
            self._pusher = pusher_of(self._config)
        if self._pusher is not None:
            self._pusher.note()

    def close(self) -> None:
        """Give back every connection."""
        if self._pusher is not None:
            self._pusher.close()


def tell(config: Config, seconds: float) -> None:
    """Once, after a run: note what changed, and tell of it for so many seconds at most. Never raises."""
    try:
        pusher = pusher_of(config)
    except FeedsError as error:
        log.error("hubs could not be told: %s", error)
        return
    if pusher is not None:
        if pusher.note():
            time.sleep(SETTLED.total_seconds())
        pusher.deliver(seconds)
        pusher.close()


def waiting_after(attempts: int) -> timedelta:
    """Return how long to wait after a number of failed attempts: twice as long each time, up to an hour."""
    return backoff.exponential(FIRST_WAIT, attempts - 1, LONGEST_WAIT)


def publish(hub: str, topic: str, client: HTTPClient = CLIENT) -> Refusal | None:
    """Tell a hub that a topic has new content; None where it took that.

    The form is what hubs of PubSubHubbub 0.4 and WebSub take: the latter leaves it to the hub.
    """
    form = {"hub.mode": "publish", "hub.url": topic}
    try:
        status = client.post_form(hub, form)
    except RequestError as error:
        return Refusal(str(error))
    if 200 <= status.code < 300:
        return None
    return Refusal(
        f"it answered {status.code} {status.phrase}".strip(),
        status.retry_after,
        whole_hub=status.code >= 500 or status.code in (408, 429),
    )


def status_lines(config: Config, database: Database) -> Iterator[str]:
    """What hubs have still to be told, for `feeds status`. Raises StoreError."""
    if not config.hubs:
        return
    queued = [push for push in PushQueue(database).list_pushes() if push.hub in config.hubs]
    waiting = sum(push.due is not None for push in queued)
    over = len(queued) - waiting
    yield f"pushes: {waiting} waiting" + (f", {over} given up" if over else "")
    for push in queued[:_MOST_LINES]:
        tried = f"failed {push.attempts} times: {push.error}; " if push.attempts else ""
        when = f"due {push.due:%Y-%m-%d %H:%M:%S} UTC" if push.due else "given up until it changes again"
        yield f"  {push.hub} {push.topic}: {tried}{when}"
    if len(queued) > _MOST_LINES:
        yield f"  and {len(queued) - _MOST_LINES} more"
