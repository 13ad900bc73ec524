"""Cache feeds, pages and OPML lists, each rendered once per state of the store.

A document is rendered at the first request after a change of the store, and compressed at the first request
for an encoding. Then its bytes are served until the store changes again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from werkzeug.exceptions import HTTPException

from feeds.config import Config
from feeds.config.settings import STATUS_FEED
from feeds.model.errors import StoreError
from feeds.model.feeds import OpmlEntry, SourceState
from feeds.model.filters import EVERYTHING, Filter, FilterError
from feeds.publishing.access import PUBLIC, Access, NotSplitError, Visitor
from feeds.publishing.formats import WRITERS, opml
from feeds.publishing.views import (
    TTL_MINUTES,
    FeedRequest,
    GoneFeedError,
    MovedFeedError,
    NothingYetError,
    PrivateFeedError,
    UnknownFeedError,
    Views,
    newest_change,
)
from feeds.storage.store import State, Store
from feeds.web.cache.disk import DiskCache, RenderedDocument
from feeds.web.cache.memory import CachedDocument, Key, MemoryCache, build_document, compress_body

__all__ = [
    "TTL_MINUTES",
    "CachedDocument",
    "DocumentCache",
    "GoneFeedError",
    "MovedFeedError",
    "NothingYetError",
    "UnknownFeedError",
]

log = logging.getLogger(__name__)

_MAX_BYTES = 64_000_000
_MAX_BYTES_WITH_TOKENS = 32_000_000
_LOCK_COUNT = 16
# These errors are the right response to a request: no cached document replaces them.
_EXPECTED_ERRORS = (
    *(UnknownFeedError, MovedFeedError, GoneFeedError, FilterError),
    *(PrivateFeedError, NotSplitError, HTTPException),
)


class _StateCache:
    """The state of the store, read at most once in `max_stale_seconds`.

    Safe to share between threads.
    """

    def __init__(self, store: Store, max_stale_seconds: float) -> None:
        self._store = store
        self._max_stale_seconds = max_stale_seconds
        self._state: State | None = None
        self._valid_until = 0.0
        self._reading = threading.Lock()

    def read(self) -> State:
        """Read the current state. Raises StoreError if the database does not answer."""
        state = self._store.state()
        self._valid_until = time.monotonic() + self._max_stale_seconds
        self._state = state
        return state

    def recent(self) -> State:
        """Return a state that is at most `max_stale_seconds` old.

        While another thread reads the state, an older one is returned. Raises StoreError if the database does
        not answer.
        """
        state = self._state
        if state is not None and time.monotonic() < self._valid_until:
            return state
        if not self._max_stale_seconds:
            return self._store.state()
        if not self._reading.acquire(blocking=state is None) and state is not None:
            return state  # another thread reads it
        try:
            return self.read()
        except BaseException:
            self._state = None
            raise
        finally:
            self._reading.release()


class DocumentCache:
    """The documents that are served, each rendered once per state of the store.

    Keys are name, format, base URL and query. A change of the store is noticed `max_stale_seconds` late at
    most, and the database is queried only that often. The processes with one `disk_cache` share their
    documents.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        max_stale_seconds: float = 0.0,
        disk_cache: DiskCache | None = None,
        views: Views | None = None,
    ) -> None:
        self._config = config
        self._store = store
        self._views = views or Views(config, store)
        self._state_cache = _StateCache(store, max_stale_seconds)
        self._disk_cache = disk_cache
        self._access: Access | None = None
        self._public = MemoryCache(_MAX_BYTES)
        self._personal = MemoryCache(_MAX_BYTES_WITH_TOKENS)
        """Documents with tokens. They have a cache of their own, so that they never push out public ones."""
        self._render_locks = [threading.Lock() for _ in range(_LOCK_COUNT)]

    @property
    def evictions(self) -> int:
        """Number of public documents that were removed to make room."""
        return self._public.evictions

    def state(self) -> State:
        """Return the state of the store that is served.

        Raises StoreError if the database does not answer.
        """
        return self._state_cache.recent()

    def refresh_state(self) -> None:
        """Read the state of the store now.

        Raises StoreError if the database does not answer.
        """
        self._state_cache.read()

    def access(self) -> Access:
        """Return the rules of access of the served state, or of a later one.

        While the database does not answer, cached documents are served by the last known rules. Raises
        StoreError if there are none yet.
        """
        try:
            self._access = self._views.access.for_state(self.state())
        except StoreError:
            if self._access is None:
                raise
        return self._access

    def feed_request(self, name: str, filter_: Filter, period: str, visitor: Visitor) -> FeedRequest:
        """Build the request of a visitor for a feed.

        For a public feed the visitor is PUBLIC, so that all visitors share one document.
        """
        is_private = self.access().is_private(name)
        return FeedRequest(
            name=name, filter=filter_, period=period, visitor=visitor if is_private else PUBLIC
        )

    def require(self, name: str, visitor: Visitor) -> None:
        """Raise the errors of `Views.view` that concern the name of the feed."""
        if name != STATUS_FEED:
            self._views.require(self.feed_request(name, EVERYTHING, "", visitor))

    def feed(
        self,
        name: str,
        suffix: str,
        base: str,
        filter_: Filter = EVERYTHING,
        period: str = "",
        visitor: Visitor = PUBLIC,
    ) -> CachedDocument:
        """Return a feed in a format of WRITERS.

        `name` is `all`, or the slug of a source or a named view; `base` is the URL of the site as the client
        sees it. `period` names an archive. A private feed is rendered for the visitor, with their token in
        its URLs if it was in the request's URL. Raises UnknownFeedError for an unknown format, and what
        `Views.view` raises.
        """
        feed_request = self.feed_request(name, filter_, period, visitor)
        writer = WRITERS.get(suffix)
        if writer is None:
            self.require(name, visitor)
            raise UnknownFeedError(f"no format is called {suffix}; there are {', '.join(WRITERS)}")

        def render() -> RenderedDocument:
            # A view that PUBLIC may see is public: otherwise `view` raises PrivateFeedError.
            body = writer.render(self._views.view(feed_request, base))
            return RenderedDocument(body, writer.media_type, private=feed_request.visitor is not PUBLIC)

        key: Key = (name, suffix, base, filter_.query, period)
        if feed_request.visitor != PUBLIC:
            key = (*key, feed_request.visitor.opens or "", feed_request.visitor.token)
        return self._document(key, render, self._personal if feed_request.visitor.token else self._public)

    def page(self, key: Key, render: Callable[[], RenderedDocument]) -> CachedDocument:
        """Return a public page, which is cached like a feed.

        `render` is called within one snapshot of the store.
        """

        def render_snapshot() -> RenderedDocument:
            with self._store.snapshot():
                return render()

        return self._document(("page", *key), render_snapshot, self._public)

    def opml(self, base: str, visitor: Visitor = PUBLIC) -> CachedDocument:
        """Return the OPML list of all feeds that a visitor may see."""

        def render() -> RenderedDocument:
            with self._store.snapshot():
                states = self._store.sources()
                if not states and not self._views.has_finished_run():
                    raise NothingYetError
                subscriptions = [
                    subscription for _, subscription in self.visible_feeds(states, base, visitor)
                ]
                access = self._views.access.require_split()
            visible = [state for state in states if access.may_see(visitor, state.source.slug)]
            body = opml.render(self._config.title, newest_change(visible), subscriptions)
            return RenderedDocument(body, opml.MEDIA_TYPE)

        if visitor is not PUBLIC:  # it is for this visitor only, and not cached
            state = self._store.state()
            return build_document(render(), state)
        return self._document(("feeds", "opml", base), render, self._public)

    def visible_feeds(
        self, states: list[SourceState], base: str, visitor: Visitor = PUBLIC
    ) -> list[tuple[str, OpmlEntry]]:
        """Return every feed that a visitor may see, with its name.

        The order is that of `all_feeds`. The URLs of private feeds contain the visitor's token if it was in
        the request's URL.
        """
        access = self._views.access.require_split()
        feeds = [(feed.address.rpartition("/")[2], feed) for feed in self.all_feeds(states, base)]
        return [
            (name, replace(feed, address=f"{feed.address}?{query}") if query else feed)
            for name, feed in feeds
            if access.may_see(visitor, name)
            for query in [access.token_query(visitor, name)]
        ]

    def all_feeds(self, states: list[SourceState], base: str) -> list[OpmlEntry]:
        """Return every feed: the combined one, the named views, the sources."""
        return self._views.subscriptions(states, base)

    def _document(
        self, key: Key, render: Callable[[], RenderedDocument], cache: MemoryCache
    ) -> CachedDocument:
        """Return the document of a key, from the cache if the store has not changed.

        If anything fails, the document of an older state is returned if there is one.
        """
        cached = cache.get(key)
        try:
            state = self.state()
            if cached is not None and cached.state == state:
                return cached
            lock = self._render_locks[hash(key) % _LOCK_COUNT]
            # One thread renders; the others serve the cached document, or wait if there is none.
            if not lock.acquire(blocking=cached is None) and cached is not None:
                return cached
            try:
                state = self._state_cache.read()  # the following queries see this state or a later one
                cached = cache.get(key)
                if cached is None or cached.state != state:
                    cached = self._render(key, state, render, cached)
                    cache.put(key, cached)
            finally:
                lock.release()
        except _EXPECTED_ERRORS:
            raise
        except Exception as error:  # subscribers get the last good document, whatever fails
            if cached is None:
                raise
            log.warning("the last good state of %s.%s is served: %r", *key[:2], error)
        return cached

    def _render(
        self,
        key: Key,
        state: State,
        render: Callable[[], RenderedDocument],
        cached: CachedDocument | None,
    ) -> CachedDocument:
        """Return the document of a state, rendered here or by another process.

        While another process renders it, `cached` is returned if it is not None.
        """

        def render_here() -> RenderedDocument:
            document = render()
            log.debug("rendered %s.%s of generation %d", *key[:2], state.generation)
            return document

        disk_cache = self._disk_cache
        if disk_cache is None or self.access().is_private(key[0]):  # a private document is for one visitor
            return build_document(render_here(), state)
        rendered = disk_cache.get_or_render(state, key, render_here, wait=cached is None)
        if rendered is None and cached is not None:
            return cached
        document = build_document(rendered or render_here(), state)
        if rendered and not rendered.private:
            document.compress = self._shared_compressor(disk_cache, key, document)
        return document

    def _shared_compressor(
        self, disk_cache: DiskCache, key: Key, document: CachedDocument
    ) -> Callable[[bytes, str], bytes]:
        """Return a function that compresses the document once for all processes."""
        state, etag = document.state, document.etag

        def compress(body: bytes, encoding: str) -> bytes:
            def render() -> RenderedDocument:
                log.debug("compressed %s.%s of generation %d: %s", *key[:2], state.generation, encoding)
                return RenderedDocument(compress_body(body, encoding), encoding)

            compressed = disk_cache.get_or_render(state, (*key, etag, encoding), render, wait=True)
            return (compressed or render()).body

        return compress
