"""Feeds of others, polled: what is due is asked, and what is new is kept for the next run to read.

When a feed is due is decided in `polling`, how it is fetched in `fetch`. Nothing that a server does or leaves
undone holds up a run, or another feed.
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
from feeds.http_client.client import HTTPClient, Limits, Response
from feeds.http_client.errors import RequestError
from feeds.http_client.network_policy import NetworkPolicy
from feeds.model.errors import FeedsError, ReadError
from feeds.model.inbox_names import FETCHED
from feeds.storage.blobs import BlobStore
from feeds.storage.database import Database
from feeds.storage.feed_states import UpstreamState, UpstreamStates
from feeds.subscriptions import schedule
from feeds.subscriptions.upstream import Upstream
from feeds.text import feed_urls
from feeds.text.plain_text import plain

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Feeds that are asked at the same time, each of another host."""
PAUSE = 1.0
"""Seconds between two requests to one host."""
LIMITS = Limits(size=parsers.MOST_TEXT)
_LEASE = timedelta(minutes=5)
"""How long a feed is left to a process that asked for it and was never heard of again."""
_MOVED_BACK = 3
"""After so many failures the address that is configured is asked again, not the one that it moved to."""
_LONGEST_REASON = 500
_STOPPING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of asking one feed."""

    state: UpstreamState
    """As it is from now on."""
    new: bool = False
    """Whether it had anything new."""


class Poller:
    """Polls upstreams within a network policy, over database connections and in threads of its own."""

    def __init__(
        self,
        upstreams: Iterable[Upstream],
        policy: NetworkPolicy,
        database: str,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        limits: Limits = LIMITS,
        pause: float = PAUSE,
    ) -> None:
        self._upstreams = {upstream.key: upstream for upstream in upstreams}
        self._clock = clock
        self._pause = pause
        self._client = HTTPClient(policy=policy, limits=limits, clock=clock)
        self._database = Database(database)
        self._documents = BlobStore(self._database)
        self.states = UpstreamStates(self._database)
        self.news = threading.Event()
        """Something new was kept, that no run has read yet."""
        self._lock = threading.Lock()
        self._asking: dict[str, threading.Thread] = {}
        self._ready: dict[str, float] = {}
        self._stopping = threading.Event()
        self._reading = threading.Lock()
        self._subscribed = self._failed_to_look = False

    def stop(self) -> None:
        """Ask no one any more."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, wait a moment for what is under way, and give back every connection."""
        self.stop()
        give_up = time.monotonic() + _STOPPING_SECONDS
        for thread in list(self._asking.values()):
            thread.join(max(0.0, give_up - time.monotonic()))
        self._database.close()

    def subscribe(self, *, forget: bool) -> None:
        """Know what is configured, and with `forget` nothing else any more. Raises StoreError."""
        titles = {key: upstream.title for key, upstream in self._upstreams.items()}
        self.states.subscribe(titles, self._clock())
        for state in self.states.all() if forget else ():
            if state.url not in self._upstreams:
                log.info("%s is not subscribed to any more; its articles stay", feed_urls.shown(state.url))
                self.states.forget(state.url)

    def begin(self) -> None:
        """Ask what is due, as far as there is room for it now; answers at once. Never raises.

        The first time the database learns what is subscribed to, and what is not any more.
        """
        try:
            if not self._subscribed:
                self.subscribe(forget=True)
                self._subscribed = True
            due = self.states.due(self._clock())
        except FeedsError as error:
            if not self._failed_to_look:  # this comes every second
                log.error("what has to be polled could not be read: %s", error)
            self._failed_to_look = True
            return
        self._failed_to_look = False
        for state in due:
            upstream, host = self._upstreams.get(state.url), feed_urls.host_of(state.address)
            with self._lock:
                if self._stopping.is_set() or len(self._asking) >= AT_ONCE:
                    return
                busy = host in self._asking or time.monotonic() < self._ready.get(host, 0)
                if upstream is None or busy:
                    continue
                # A daemon: a server that never ends its answer does not keep the process alive.
                thread = threading.Thread(target=self._take, args=(upstream, state, host), daemon=True)
                self._asking[host] = thread
            thread.start()

    def now(self, states: Sequence[UpstreamState]) -> Iterator[Outcome]:
        """Ask some feeds now, whenever they are due; answers in the order in which they end."""
        hosts: dict[str, list[UpstreamState]] = {}
        for state in states:
            hosts.setdefault(feed_urls.host_of(state.address), []).append(state)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for outcomes in pool.map(self._one_after_the_other, hosts.values()):
                yield from outcomes

    def _one_after_the_other(self, states: Sequence[UpstreamState]) -> list[Outcome]:
        found = []
        for number, state in enumerate(states):
            if number:
                self._stopping.wait(self._pause)
            found.append(self._claimed(self._upstreams[state.url], state) or Outcome(state))
        return found

    def _take(self, upstream: Upstream, state: UpstreamState, host: str) -> None:
        try:
            self._claimed(upstream, state)
        except FeedsError as error:
            log.error("%s: %s", feed_urls.shown(upstream.key), error)
        except Exception:
            log.exception("%s: unexpected error", feed_urls.shown(upstream.key))
        finally:
            with self._lock:
                self._ready[host] = time.monotonic() + self._pause
                self._asking.pop(host, None)
            if self._stopping.is_set():
                self._database.close()  # what this used, where all else was given back before

    def _claimed(self, upstream: Upstream, state: UpstreamState) -> Outcome | None:
        """Ask, if no other process does; None where one does."""
        if not self.states.claim(state, self._clock() + _LEASE):
            return None
        outcome = self._asked(upstream, state)
        self.states.note(outcome.state)
        if outcome.new:
            self.news.set()
        return outcome

    def _asked(self, upstream: Upstream, state: UpstreamState) -> Outcome:
        """Ask, keep what is new, and say when to ask again."""
        back = state.failures >= _MOVED_BACK and state.address != upstream.key
        try:
            response = self._client.get(
                upstream.key if back else state.address,
                etag=state.etag,
                last_modified=state.modified,
                configured_url=upstream.url,
            )
            new = self._kept(upstream, response)
        except RequestError as error:
            return Outcome(self._failed(upstream, state, str(error), error.retry_after, gone=error.gone))
        except ReadError as error:
            return Outcome(self._failed(upstream, state, str(error)))
        now = self._clock()
        if response.url != state.address:
            log.info("%s has moved to %s", feed_urls.shown(upstream.key), feed_urls.shown(response.url))
        return Outcome(
            replace(
                state,
                address=response.url,
                etag=response.etag or (state.etag if response.body is None else ""),
                modified=response.last_modified or (state.modified if response.body is None else ""),
                checked=now,
                changed=now if new else state.changed,
                due=schedule.due_after_answer(now, upstream.interval, upstream.key, response.fresh),
                failures=0,
                failed=None,
                error="",
            ),
            new,
        )

    def _kept(self, upstream: Upstream, response: Response) -> bool:
        """Keep a feed for the next run; answers whether it differs. Raises ReadError where it is none."""
        if response.body is None:
            return False
        try:
            with (
                self._reading
            ):  # one at a time: the trees of eight large feeds are more than small hosts hold
                parsers.read_feed(response.body, upstream.key)
        except parsers.NoEntriesError:
            return False  # what there was before stays
        return self._documents.put(FETCHED, upstream.key, response.body, self._clock())

    def _failed(
        self,
        upstream: Upstream,
        state: UpstreamState,
        reason: str,
        retry_after: timedelta = timedelta(0),
        *,
        gone: bool = False,
    ) -> UpstreamState:
        now, failures = self._clock(), state.failures + 1
        due = schedule.due_after_failure(now, upstream.interval, upstream.key, failures, retry_after)
        then = "not asked any more" if gone else f"asked again at {due:%Y-%m-%d %H:%M:%S} UTC"
        log.warning("%s: %s; %s", feed_urls.shown(upstream.key), reason, then)
        return replace(
            state,
            checked=now,
            due=None if gone else due,
            failures=failures,
            failed=state.failed or now,
            error=plain(reason)[:_LONGEST_REASON],
        )
