"""Poll subscriptions when they are due, and store new documents for the next run.

`schedule` decides when a feed is due, and `fetcher` fetches it. Whatever a server does, it delays neither
a run nor another feed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from feeds import parsers
from feeds.http_client.client import HTTPClient, RequestLimits
from feeds.http_client.errors import RequestError
from feeds.http_client.network_policy import NetworkPolicy
from feeds.model.errors import FeedsError, ReadError
from feeds.model.inbox_names import FETCHED
from feeds.storage.blobs import BlobStore
from feeds.storage.database import Database
from feeds.storage.feed_states import UpstreamState, UpstreamStates
from feeds.storage.push_subscriptions import PushSubscriptions
from feeds.subscriptions import schedule
from feeds.subscriptions.fetcher import FeedFetcher, FetchedFeed, named_hub
from feeds.subscriptions.schedule import FeedSchedule
from feeds.subscriptions.upstream import Upstream
from feeds.text import feed_urls
from feeds.text.plain_text import to_one_line

log = logging.getLogger(__name__)

MAX_CONCURRENT = 8
"""Feeds that are polled at the same time, each of another host."""
PAUSE_SECONDS = 1.0
"""Seconds between two requests to one host."""
LIMITS = RequestLimits(max_bytes=parsers.MAX_TEXT_BYTES)
_LEASE = timedelta(minutes=5)
"""How long a feed is left to a process that claimed it and did not report an outcome."""
MOVED_BACK_FAILURES = 3
"""Failures in a row after which the configured URL is polled again, not the one that it moved to."""
PUSHED_INTERVAL = 6 * 3600
"""Seconds between two polls of a feed that a hub sends, at least. Hubs lose documents, and vanish."""
MAX_REASON_CHARACTERS = 500  # of an error that is stored
_STOPPING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class PollOutcome:
    """Result of one poll."""

    state: UpstreamState
    """State of the feed from now on."""
    is_new: bool = False
    """Whether there is a new document."""


class Poller:
    """Polls upstreams within a network policy, in threads of its own.

    It has its own database connections.
    """

    def __init__(
        self,
        upstreams: Iterable[Upstream],
        policy: NetworkPolicy,
        database: str,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        limits: RequestLimits = LIMITS,
        pause: float = PAUSE_SECONDS,
        uses_hubs: bool = False,
    ) -> None:
        """`uses_hubs` says whether feeds are polled less often while a WebSub hub sends them."""
        self._upstreams = {upstream.key: upstream for upstream in upstreams}
        self._clock = clock
        self._pause = pause
        self._fetcher = FeedFetcher(HTTPClient(policy=policy, limits=limits, clock=clock), self._wait)
        self._database = Database(database)
        self._documents = BlobStore(self._database)
        self.states = UpstreamStates(self._database)
        self._pushes = PushSubscriptions(self._database) if uses_hubs else None
        self.new_documents = threading.Event()
        """Set when a new document was stored that no run has read yet."""
        self._lock = threading.Lock()
        self._polling: dict[str, threading.Thread] = {}
        self._free_from: dict[str, float] = {}
        self._stopping = threading.Event()
        self._is_synchronised = self._has_failed = False

    def stop(self) -> None:
        """Begin no more polls."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, wait a second for the polls that are under way, and close all connections."""
        self.stop()
        deadline = time.monotonic() + _STOPPING_SECONDS
        for thread in list(self._polling.values()):
            thread.join(max(0.0, deadline - time.monotonic()))
        self._database.close()

    def sync_subscriptions(self, *, forget: bool) -> None:
        """Store the configured subscriptions; with `forget`, delete all others. Raises StoreError."""
        titles = {key: upstream.title for key, upstream in self._upstreams.items()}
        self.states.subscribe(titles, self._clock())
        for state in self.states.all() if forget else ():
            if state.url not in self._upstreams:
                log.info(
                    "%s is no longer subscribed to; its articles are kept", feed_urls.redact_url(state.url)
                )
                self.states.forget(state.url)

    def start_due_polls(self) -> None:
        """Start to poll the feeds that are due, and return at once. Never raises.

        At most MAX_CONCURRENT polls run at the same time. The first call stores which feeds are subscribed
        to, and deletes the others.
        """
        try:
            if not self._is_synchronised:
                self.sync_subscriptions(forget=True)
                self._is_synchronised = True
            due = self.states.due(self._clock())
        except FeedsError as error:
            if not self._has_failed:  # the next call is a second later
                log.error("cannot read which subscriptions are due: %s", error)
            self._has_failed = True
            return
        self._has_failed = False
        for state in due:
            upstream, host = self._upstreams.get(state.url), feed_urls.host_of(state.address)
            with self._lock:
                if self._stopping.is_set() or len(self._polling) >= MAX_CONCURRENT:
                    return
                is_busy = host in self._polling or time.monotonic() < self._free_from.get(host, 0)
                if upstream is None or is_busy:
                    continue
                # A daemon: a server that never ends its answer does not keep the process alive.
                thread = threading.Thread(
                    target=self._poll_in_thread, args=(upstream, state, host), daemon=True
                )
                self._polling[host] = thread
            thread.start()

    def poll_now(self, states: Sequence[UpstreamState]) -> Iterator[PollOutcome]:
        """Poll some feeds now, also if they are not due; yield the outcomes as the hosts are done."""
        hosts: dict[str, list[UpstreamState]] = {}
        for state in states:
            hosts.setdefault(feed_urls.host_of(state.address), []).append(state)
        with ThreadPoolExecutor(MAX_CONCURRENT) as pool:
            for outcomes in pool.map(self._poll_in_turn, hosts.values()):
                yield from outcomes

    def _poll_in_turn(self, states: Sequence[UpstreamState]) -> list[PollOutcome]:
        outcomes = []
        for number, state in enumerate(states):
            if number:
                self._stopping.wait(self._pause)
            outcomes.append(self._claim_and_poll(self._upstreams[state.url], state) or PollOutcome(state))
        return outcomes

    def _poll_in_thread(self, upstream: Upstream, state: UpstreamState, host: str) -> None:
        try:
            self._claim_and_poll(upstream, state)
        except FeedsError as error:
            log.error("%s: %s", feed_urls.redact_url(upstream.key), error)
        except Exception:
            log.exception("%s: unexpected error", feed_urls.redact_url(upstream.key))
        finally:
            with self._lock:
                self._free_from[host] = time.monotonic() + self._pause
                self._polling.pop(host, None)
            if self._stopping.is_set():
                self._database.close()  # the others were closed by `close`, this thread's is still open

    def _wait(self) -> None:
        """Wait between two requests to one host."""
        self._stopping.wait(self._pause)

    def _claim_and_poll(self, upstream: Upstream, state: UpstreamState) -> PollOutcome | None:
        """Poll a feed, and store the outcome; None if another process polls it."""
        if not self.states.claim(state, self._clock() + _LEASE):
            return None
        outcome = self._poll(upstream, state)
        self.states.record(outcome.state)
        if outcome.is_new:
            self.new_documents.set()
        return outcome

    def _poll(self, upstream: Upstream, state: UpstreamState) -> PollOutcome:
        """Fetch a feed, store a new document, and schedule the next poll."""
        is_back = state.failures >= MOVED_BACK_FAILURES and state.address != upstream.key
        try:
            if is_back:
                feed = self._fetcher.fetch(upstream, upstream.key)
            else:
                feed = self._fetcher.fetch(
                    upstream, state.address, etag=state.etag, last_modified=state.modified
                )
            is_new = self._store_new(upstream, feed)
        except RequestError as error:
            # Whoever names an address that is gone may name another one meanwhile.
            is_gone = error.is_gone and (is_back or state.address == upstream.key)
            failures = state.failures + 1
            if error.is_gone and not is_gone:
                failures = max(failures, MOVED_BACK_FAILURES)
            return PollOutcome(
                self._failed_state(
                    upstream, state, str(error), error.retry_after, failures=failures, is_gone=is_gone
                )
            )
        except ReadError as error:
            return PollOutcome(self._failed_state(upstream, state, str(error), failures=state.failures + 1))
        return PollOutcome(self._polled_state(upstream, state, feed, is_new=is_new), is_new)

    def _polled_state(
        self, upstream: Upstream, state: UpstreamState, feed: FetchedFeed, *, is_new: bool
    ) -> UpstreamState:
        """Return the state after a successful poll, and log where the feed was found, if that is new."""
        now, response, name = self._clock(), feed.response, feed_urls.redact_url(upstream.key)
        note = feed.note
        if not note and response.url != upstream.key:
            note = state.note  # of the poll that found this address
        if response.url != state.address:
            if feed.note:
                log.info("%s: %s", name, feed.note)
            else:
                log.info("%s has moved to %s", name, feed_urls.redact_url(response.url))
        for remark in feed.remarks:
            log.warning("%s: %s", name, remark)
        wishes, hub, topic = FeedSchedule.from_text(state.wishes), state.hub, state.topic
        if feed.channel is not None:
            channel = feed.channel
            hub, topic = named_hub(response, channel)
            wishes = FeedSchedule(channel.fresh_for, channel.skip_hours, channel.skip_days)
        is_same = response.body is None
        interval = upstream.interval
        if not is_new and self._is_pushed(upstream.key, now):  # what is new was not sent
            interval = max(interval, PUSHED_INTERVAL)
        return replace(
            state,
            address=response.url,
            etag=response.etag or (state.etag if is_same else ""),
            modified=response.last_modified or (state.modified if is_same else ""),
            checked=now,
            changed=now if is_new else state.changed,
            due=schedule.due_after_answer(now, interval, upstream.key, response.fresh_for, wishes),
            failures=0,
            failed=None,
            error="",
            note=note,
            wishes=wishes.to_text(),
            hub=hub,
            topic=topic,
        )

    def _is_pushed(self, key: str, now: datetime) -> bool:
        """Return whether a hub sends what is new in a feed."""
        subscription = self._pushes.find(key) if self._pushes is not None else None
        return subscription is not None and subscription.is_active(now)

    def _store_new(self, upstream: Upstream, feed: FetchedFeed) -> bool:
        """Store a feed for the next run, and return whether it has changed."""
        if feed.response.body is None or not feed.has_entries:
            return False  # the document before is kept
        return self._documents.put(FETCHED, upstream.key, feed.response.body, self._clock())

    def _failed_state(
        self,
        upstream: Upstream,
        state: UpstreamState,
        reason: str,
        retry_after: timedelta = timedelta(0),
        *,
        failures: int,
        is_gone: bool = False,
    ) -> UpstreamState:
        now = self._clock()
        due = schedule.due_after_failure(now, upstream.interval, upstream.key, failures, retry_after)
        next_poll = "no longer polled" if is_gone else f"polled again at {due:%Y-%m-%d %H:%M:%S} UTC"
        log.warning("%s: %s; %s", feed_urls.redact_url(upstream.key), reason, next_poll)
        return replace(
            state,
            checked=now,
            due=None if is_gone else due,
            failures=failures,
            failed=state.failed or now,
            error=to_one_line(reason)[:MAX_REASON_CHARACTERS],
        )
