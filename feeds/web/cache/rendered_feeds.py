"""What is served, made once: a view is selected and written when something in the store has changed,
compressed when somebody first wants it so, and handed out as bytes until something changes again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from werkzeug.exceptions import HTTPException

from feeds.config import Config
from feeds.model.errors import StoreError
from feeds.model.feeds import SourceState, Subscription
from feeds.model.filters import EVERYTHING, Filter, FilterError
from feeds.publishing.access import PUBLIC, Access, NotPartedError, Visitor
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
from feeds.web.cache.disk import Made, Shared
from feeds.web.cache.memory import Document, Kept, Key, compressed, finished

__all__ = [
    "TTL_MINUTES",
    "Document",
    "Documents",
    "GoneFeedError",
    "MovedFeedError",
    "NothingYetError",
    "UnknownFeedError",
]

log = logging.getLogger(__name__)

_MOST_BYTES = 64_000_000
_MOST_BYTES_WITH_TOKENS = 32_000_000
_LOCKS = 16
_ANSWERS = (
    *(UnknownFeedError, MovedFeedError, GoneFeedError, FilterError),
    *(PrivateFeedError, NotPartedError, HTTPException),
)


class _Pulse:
    """The state of the store, looked up at most once in so many seconds, whoever asks."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self._state: State | None = None
        self._until = 0.0
        self._looking = threading.Lock()

    def now(self) -> State:
        """The state at this moment. Raises StoreError where the database does not answer."""
        state = self._store.state()
        self._until = time.monotonic() + self._seconds
        self._state = state
        return state

    def state(self) -> State:
        """The state as of a moment ago. Raises StoreError where the database does not answer."""
        state = self._state
        if state is not None and time.monotonic() < self._until:
            return state
        if not self._seconds:
            return self._store.state()
        if not self._looking.acquire(blocking=state is None) and state is not None:
            return state  # somebody is looking already
        try:
            return self.now()
        except BaseException:
            self._state = None
            raise
        finally:
            self._looking.release()


class Documents:
    """Documents by name, format, base address and question, each made once for each state of the store.

    With `seconds` a change is seen that much later at most, and the database is asked that much less. What is
    `shared` other processes have made, or have from here.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        seconds: float = 0.0,
        shared: Shared | None = None,
        views: Views | None = None,
    ) -> None:
        self._config = config
        self._store = store
        self._views = views or Views(config, store)
        self._pulse = _Pulse(store, seconds)
        self._shared = shared
        self._access: Access | None = None
        self._kept = Kept(_MOST_BYTES)
        self._personal = Kept(_MOST_BYTES_WITH_TOKENS)
        """What has tokens in it: however many there are, they push out nothing of the others."""
        self._making = [threading.Lock() for _ in range(_LOCKS)]

    @property
    def evictions(self) -> int:
        """How many documents were let go of to make room."""
        return self._kept.evictions

    def state(self) -> State:
        """Which state of the store is served. Raises StoreError where the database does not answer."""
        return self._pulse.state()

    def look(self) -> None:
        """Look for another state of the store now. Raises StoreError if the database does not answer."""
        self._pulse.now()

    def access(self) -> Access:
        """Return the rules of access of the served state, or of a later one.

        While the database does not answer, cached documents are served by the last known rules. Raises
        StoreError if there are none yet.
        """
        try:
            self._access = self._views.access.of(self.state())
        except StoreError:
            if self._access is None:
                raise
        return self._access

    def feed_request(self, name: str, asked: Filter, period: str, visitor: Visitor) -> FeedRequest:
        """What a visitor asks for; what is public is the same for everybody."""
        is_private = self.access().is_private(name)
        return FeedRequest(name=name, filter=asked, period=period, visitor=visitor if is_private else PUBLIC)

    def feed(
        self,
        name: str,
        suffix: str,
        base: str,
        asked: Filter = EVERYTHING,
        period: str = "",
        visitor: Visitor = PUBLIC,
    ) -> Document:
        """A feed in a format of WRITERS, for readers who came to `base`: `all`, a source's or a named view's,
        narrowed by a filter; with a `period` the archive of that name.

        A private feed is made for the visitor, with their token in the addresses if it came in one. Whether
        they may see it is decided elsewhere. Raises what `Views.view` raises.
        """
        writer = WRITERS.get(suffix)
        if writer is None:
            raise UnknownFeedError(f"no format is called {suffix}; there are {', '.join(WRITERS)}")
        what = self.feed_request(name, asked, period, visitor)

        def make() -> Made:
            # A view that PUBLIC may see is public: else `view` raises PrivateFeedError.
            body = writer.render(self._views.view(what, base))
            return Made(body, writer.media_type, private=what.visitor is not PUBLIC)

        key: Key = (name, suffix, base, asked.query, period)
        if what.visitor != PUBLIC:
            key = (*key, what.visitor.opens or "", what.visitor.token)
        return self._document(key, make, self._personal if what.visitor.token else self._kept)

    def page(self, about: Key, make: Callable[[], Made]) -> Document:
        """A page that everybody may see, kept like a feed; `about` says which it is."""

        def make_of_one_state() -> Made:
            with self._store.snapshot():
                return make()

        return self._document(("page", *about), make_of_one_state, self._kept)

    def opml(self, base: str, visitor: Visitor = PUBLIC) -> Document:
        """The list of all feeds that a visitor may see, to import into a reader."""

        def make() -> Made:
            with self._store.snapshot():
                states = self._store.sources()
                if not states and not self._views.was_read():
                    raise NothingYetError
                listed = [one for _, one in self.listed(states, base, visitor)]
                access = self._views.access.parted()
            changed = [state for state in states if access.may_see(visitor, state.source.slug)]
            return Made(opml.render(self._config.title, newest_change(changed), listed), opml.MEDIA_TYPE)

        if visitor is not PUBLIC:  # made for them alone, and kept for nobody
            state = self._store.state()
            return finished(make(), state)
        return self._document(("feeds", "opml", base), make, self._kept)

    def listed(
        self, states: list[SourceState], base: str, visitor: Visitor = PUBLIC
    ) -> list[tuple[str, Subscription]]:
        """Every feed that a visitor may see, by name, in the order of `subscriptions`.

        The addresses of private ones carry the visitor's token on, if it came in an address.
        """
        access = self._views.access.parted()
        named = [(one.address.rpartition("/")[2], one) for one in self.subscriptions(states, base)]
        return [
            (name, replace(one, address=f"{one.address}?{query}") if query else one)
            for name, one in named
            if access.may_see(visitor, name)
            for query in [access.token_query(visitor, name)]
        ]

    def subscriptions(self, states: list[SourceState], base: str) -> list[Subscription]:
        """Every feed there is: the combined one, the named views, the sources."""
        return self._views.subscriptions(states, base)

    def _document(self, key: Key, make: Callable[[], Made], among: Kept) -> Document:
        kept = among.get(key)
        try:
            state = self.state()
            if kept is not None and kept.state == state:
                return kept
            making = self._making[hash(key) % _LOCKS]
            # One thread makes it; the others serve what there was, or wait where there was nothing.
            if not making.acquire(blocking=kept is None) and kept is not None:
                return kept
            try:
                state = self._pulse.now()  # what is selected next is of no older state
                kept = among.get(key)
                if kept is None or kept.state != state:
                    kept = self._made(key, state, make, kept)
                    among.put(key, kept)
            finally:
                making.release()
        except _ANSWERS:
            raise
        except Exception as error:  # whatever breaks, subscribers keep what they had
            if kept is None:
                raise
            log.warning("the last good state of %s.%s is served: %r", *key[:2], error)
        return kept

    def _made(self, key: Key, state: State, make: Callable[[], Made], kept: Document | None) -> Document:
        """The document of a state, made here or by another process; while one makes it, what was kept."""

        def here() -> Made:
            made = make()
            log.debug("made %s.%s of generation %d", *key[:2], state.generation)
            return made

        shared = self._shared
        if shared is None or self.access().is_private(key[0]):  # a private document is for one visitor
            return finished(here(), state)
        made = shared.once(state, key, here, wait=kept is None)
        if made is None and kept is not None:
            return kept
        document = finished(made or here(), state)
        if made and not made.private:
            document.compress = self._compressed_once(shared, key, document)
        return document

    def _compressed_once(self, shared: Shared, key: Key, document: Document) -> Callable[[bytes, str], bytes]:
        state, etag = document.state, document.etag

        def compress(body: bytes, encoding: str) -> bytes:
            def make() -> Made:
                log.debug("compressed %s.%s of generation %d: %s", *key[:2], state.generation, encoding)
                return Made(compressed(body, encoding), encoding)

            return (shared.once(state, (*key, etag, encoding), make, wait=True) or make()).body

        return compress
