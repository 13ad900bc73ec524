"""What is served, made once: a view is selected and written when something in the store has changed,
compressed when somebody first wants it so, and handed out as bytes until something changes again.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import quote

from werkzeug.http import http_date

from feeds.config import Config
from feeds.filters import EVERYTHING, Filter, FilterError
from feeds.model import SourceState, Subscription
from feeds.privacy import PUBLIC, Visitor, is_private, may_see
from feeds.store import State, Store
from feeds.web.encodings import ENCODINGS, IDENTITY
from feeds.web.views import (
    TTL_MINUTES,
    Asked,
    GoneFeedError,
    MovedFeedError,
    NothingYetError,
    UnknownFeedError,
    Views,
    newest_change,
)
from feeds.writers import WRITERS, opml

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
_LOCKS = 16
_ANSWERS = (UnknownFeedError, MovedFeedError, GoneFeedError, FilterError)

Key = tuple[str, ...]


@dataclass(slots=True)
class Document:
    """A finished answer."""

    body: bytes
    etag: str
    """Of the body; of nothing else, above all of no clock."""
    modified: datetime | None
    """When the store last changed. The date of the newest entry would not do: an older article can come in
    later, and who asks If-Modified-Since would never hear of it. None where no date tells."""
    media_type: str
    state: State
    """Of the store that it was made from."""
    last_modified: str = ""
    _encoded: dict[str, bytes] = field(default_factory=dict)
    _encoding: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.last_modified = http_date(self.modified) if self.modified else ""

    @property
    def size(self) -> int:
        """What it costs to keep: itself, and room for its compressed forms."""
        return 2 * len(self.body)

    def encoded(self, encoding: str) -> bytes:
        """The body in one of ENCODINGS, each made once; itself for any other word."""
        if encoding not in ENCODINGS:
            return self.body
        found = self._encoded.get(encoding)
        if found is None:
            with self._encoding:
                if encoding not in self._encoded:
                    self._encoded[encoding] = ENCODINGS[encoding](self.body)
                found = self._encoded[encoding]
        return found

    def tag(self, encoding: str) -> str:
        """The ETag of that form, without its quotation marks."""
        return self.etag if encoding == IDENTITY else f"{self.etag}-{encoding}"


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

    With `seconds` a change is seen that much later at most, and the database is asked that much less.
    """

    def __init__(self, config: Config, store: Store, seconds: float = 0.0) -> None:
        self.config = config
        self.store = store
        self.views = Views(config, store)
        self.evictions = 0
        """How many documents were let go of to make room."""
        self._pulse = _Pulse(store, seconds)
        self._kept: OrderedDict[Key, Document] = OrderedDict()
        self._keeping = threading.Lock()
        self._making = [threading.Lock() for _ in range(_LOCKS)]

    def state(self) -> State:
        """Which state of the store is served. Raises StoreError where the database does not answer."""
        return self._pulse.state()

    def feed(
        self, name: str, suffix: str, base: str, asked: Filter = EVERYTHING, period: str = ""
    ) -> Document:
        """A feed in a format of WRITERS, for readers who came to `base`: `all`, a source's or a named view's,
        narrowed by a filter; with a `period` the archive of that name.

        Raises what `Views.view` raises.
        """
        writer = WRITERS.get(suffix)
        if writer is None:
            raise UnknownFeedError(f"no format is called {suffix}; there are {', '.join(WRITERS)}")
        what = Asked(name=name, filter=asked, period=period)

        def make() -> tuple[bytes, str]:
            return writer.render(self.views.view(what, base)), writer.media_type

        return self._document((name, suffix, base, asked.query, period), make)

    def page(self, about: Key, make: Callable[[], tuple[bytes, str]]) -> Document:
        """A page for people, kept like a feed: `make` gives its bytes and media type, `about` says which it
        is.
        """
        return self._document(("page", *about), make)

    def opml(self, base: str, visitor: Visitor = PUBLIC) -> Document:
        """The list of all feeds that a visitor may see, to import into a reader."""

        def make() -> tuple[bytes, str]:
            states = self.store.sources()
            if not states and not self.views.was_read():
                raise NothingYetError
            listed = [one for _, one in self.listed(states, base, visitor)]
            changed = [state for state in states if may_see(self.config, visitor, state.source.slug)]
            return opml.render(self.config.title, newest_change(changed), listed), opml.MEDIA_TYPE

        if visitor is not PUBLIC:  # made for them alone, and kept for nobody
            state = self.store.state()
            return finished(*make(), state, state.changed)
        return self._document(("feeds", "opml", base), make)

    def listed(
        self, states: list[SourceState], base: str, visitor: Visitor = PUBLIC
    ) -> list[tuple[str, Subscription]]:
        """Every feed that a visitor may see, by name, in the order of `subscriptions`.

        The addresses of private ones carry the visitor's token on, if it came in an address.
        """
        if self.config.private:  # after the states: who was renamed meanwhile is private all the same
            self.config.catalogue.move(self.store.moves())
        query = f"?token={quote(visitor.token, safe='')}" if visitor.token else ""
        named = [(one.address.rpartition("/")[2], one) for one in self.subscriptions(states, base)]
        return [
            (name, replace(one, address=one.address + query) if is_private(self.config, name) else one)
            for name, one in named
            if may_see(self.config, visitor, name)
        ]

    def subscriptions(self, states: list[SourceState], base: str) -> list[Subscription]:
        """Every feed there is: the combined one, the named views, the sources."""
        return self.views.subscriptions(states, base)

    def _document(self, key: Key, make: Callable[[], tuple[bytes, str]]) -> Document:
        kept = self._kept.get(key)
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
                kept = self._kept.get(key)
                if kept is None or kept.state != state:
                    kept = finished(*make(), state, state.changed)
                    self._keep(key, kept)
            finally:
                making.release()
        except _ANSWERS:
            raise
        except Exception as error:  # whatever breaks, subscribers keep what they had
            if kept is None:
                raise
            log.warning("the last good state of %s.%s is served: %r", *key[:2], error)
        return kept

    def _keep(self, key: Key, kept: Document) -> None:
        """Keep it, and let go of those made longest ago: visitors choose what they ask, nothing else bounds
        it.
        """
        with self._keeping:
            self._kept.pop(key, None)
            self._kept[key] = kept
            size = sum(each.size for each in self._kept.values())
            while size > _MOST_BYTES and len(self._kept) > 1:
                size -= self._kept.popitem(last=False)[1].size
                self.evictions += 1


def finished(body: bytes, media_type: str, state: State, modified: datetime | None) -> Document:
    """A document of these bytes."""
    return Document(
        body=body,
        etag=hashlib.blake2b(body, digest_size=12).hexdigest(),
        modified=modified,
        media_type=media_type,
        state=state,
    )
