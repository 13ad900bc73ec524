"""What is served, made once: a view is selected, written and compressed when something in the store has
changed, and handed out as bytes until something changes again.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

from feeds.catalogue import COMBINED
from feeds.config import Config
from feeds.model import Source, SourceState, Subscription, View
from feeds.privacy import PUBLIC, Visitor, hidden, is_private, may_see
from feeds.store import State, Store
from feeds.writers import WRITERS, opml

log = logging.getLogger(__name__)

TTL_MINUTES = 15
"""How long a reader may keep a feed before it asks again; RSS `ttl` and HTTP `max-age` say the same."""

_MOST_BYTES = 64_000_000
# The change date of a feed that has no entries yet; the clock would make every answer another one.
_BEFORE_ANYTHING = datetime(2000, 1, 1, tzinfo=UTC)


class NothingYetError(Exception):
    """The database was never filled: nothing can be served yet."""


class UnknownFeedError(Exception):
    """There is no such feed."""


class MovedFeedError(Exception):
    """The feed is at another address now, of which this is the name."""


@dataclass(frozen=True, slots=True)
class Document:
    """A finished answer."""

    body: bytes
    gzipped: bytes
    etag: str
    """Of the body; of nothing else, above all of no clock."""
    modified: datetime
    """When the store last changed. The date of the newest entry would not do: an older article can come in
    later, and who asks If-Modified-Since would never hear of it."""
    media_type: str

    @property
    def size(self) -> int:
        """What it costs to keep."""
        return len(self.body) + len(self.gzipped)


@dataclass(slots=True)
class _Kept:
    state: State
    document: Document


class Documents:
    """Documents by name, format and base address, each made once for each state of the store."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config = config
        self.store = store
        self._kept: OrderedDict[tuple[str, str, str], _Kept] = OrderedDict()
        self._making = threading.Lock()

    def feed(self, name: str, suffix: str, base: str) -> Document:
        """A feed: `all` or a source's slug, in a format of WRITERS, for readers who came to `base`.

        Raises UnknownFeedError or MovedFeedError, and NothingYetError where no run has ended yet.
        """
        writer = WRITERS.get(suffix)
        if writer is None:
            raise UnknownFeedError(f"no format is called {suffix}; there are {', '.join(WRITERS)}")

        def make() -> tuple[bytes, str]:
            return writer.render(self._view(name, base)), writer.media_type

        return self._document((name, suffix, base), make)

    def opml(self, base: str, visitor: Visitor = PUBLIC) -> Document:
        """The list of all feeds that a visitor may see, to import into a reader."""

        def make() -> tuple[bytes, str]:
            states = self.store.sources()
            if not states and not self._was_read():
                raise NothingYetError
            listed = [listed for listed, _ in self.listed(states, base, visitor)]
            changed = [state for state in states if may_see(self.config, visitor, state.source.slug)]
            return opml.render(self.config.title, _newest_change(changed), listed), opml.MEDIA_TYPE

        if visitor is not PUBLIC:  # made for them alone, and kept for nobody
            return _finished(*make(), self.store.state().changed)
        return self._document(("feeds", "opml", base), make)

    def listed(
        self, states: list[SourceState], base: str, visitor: Visitor = PUBLIC
    ) -> list[tuple[Subscription, SourceState | None]]:
        """Every feed that a visitor may see, the combined one (of no one source) first.

        The addresses of private ones carry the visitor's token on, if it came in an address.
        """
        names = [COMBINED, *(state.source.slug for state in states)]
        pairs = zip(self.subscriptions(states, base), [None, *states], names, strict=True)
        query = f"?token={quote(visitor.token, safe='')}" if visitor.token else ""
        return [
            (replace(one, address=one.address + query) if is_private(self.config, name) else one, state)
            for one, state, name in pairs
            if may_see(self.config, visitor, name)
        ]

    def subscriptions(self, states: list[SourceState], base: str) -> list[Subscription]:
        """Every feed there is, the combined one first."""
        combined = Subscription(
            title=self.config.title,
            description=self.config.description,
            home=f"{base}/",
            address=f"{base}/feeds/{COMBINED}",
            language=self.config.language,
        )
        return [combined] + [
            Subscription(
                title=state.source.title,
                description=self._description(state),
                home=state.source.home or f"{base}/",
                address=f"{base}/feeds/{state.source.slug}",
                language=state.source.language or self.config.language,
            )
            for state in states
        ]

    def _description(self, state: SourceState) -> str:
        return f"{state.source.title} · {self.config.title}"

    def _view(self, name: str, base: str) -> View:
        states = self.store.sources()
        if name == COMBINED:
            if not states and not self._was_read():
                raise NothingYetError
            self._learn_moves()
            secret = hidden(self.config, name, (state.source.slug for state in states))
            states = [state for state in states if state.source.slug not in secret]
            return View(
                title=self.config.title,
                description=self.config.description,
                home=f"{base}/",
                address=f"{base}/feeds/{COMBINED}",
                language=self.config.language,
                updated=_newest_change(states),
                articles=tuple(self.store.newest(self.config.limit, without=secret)),
                combined=True,
                source_addresses={state.source.slug: f"{base}/feeds/{state.source.slug}" for state in states},
                source_updated={state.source.slug: state.updated for state in states},
                deleted=tuple(self.store.deletions(self.config.limit, without=secret)),
                hubs=self.hubs(name),
                ttl_minutes=TTL_MINUTES,
            )
        state = next((state for state in states if state.source.slug == name), None)
        if state is None:
            moved = self._moved(name)
            if moved != name:
                raise MovedFeedError(moved)
            # While the first run goes on there is no telling what is unknown and what is not read yet.
            raise UnknownFeedError(f"no feed is called {name}") if self._was_read() else NothingYetError
        articles = tuple(self.store.newest(self.config.limit, source=name))
        return View(
            title=state.source.title,
            description=self._description(state),
            home=state.source.home or f"{base}/",
            address=f"{base}/feeds/{name}",
            language=state.source.language or _commonest([article.language for article in articles]),
            updated=state.updated,
            articles=articles,
            deleted=tuple(self.store.deletions(self.config.limit, source=name)),
            hubs=self.hubs(name),
            ttl_minutes=TTL_MINUTES,
        )

    def _moved(self, slug: str) -> str:
        """Where a source's feed is now that was renamed or merged into another."""
        self._learn_moves()
        return self.config.catalogue.moved(Source(slug=slug, title=slug)).slug

    def _learn_moves(self) -> None:
        self.config.catalogue.move(self.store.moves())

    def hubs(self, name: str) -> tuple[str, ...]:
        """The hubs that tell of a feed: they hand it on to anybody, and so never get a private one."""
        return () if is_private(self.config, name) else self.config.hubs

    def _was_read(self) -> bool:
        """Whether a run has ended, and ended well."""
        return any(run.finished and not run.error for run in self.store.runs())

    def _document(self, key: tuple[str, str, str], make: Callable[[], tuple[bytes, str]]) -> Document:
        kept = self._kept.get(key)
        try:
            state = self.store.state()
            if kept is not None and kept.state == state:
                return kept.document
            with self._making:  # one thread makes it, the others find it made
                kept = self._kept.get(key)
                if kept is None or kept.state != state:
                    kept = _Kept(state, _finished(*make(), state.changed))
                    self._keep(key, kept)
        except (UnknownFeedError, MovedFeedError):
            raise
        except Exception as error:  # whatever breaks, subscribers keep what they had
            if kept is None:
                raise
            log.warning("the last good state of %s.%s is served: %r", *key[:2], error)
        return kept.document

    def _keep(self, key: tuple[str, str, str], kept: _Kept) -> None:
        """Keep it, and let go of those made longest ago: visitors choose the Host, nothing else bounds it."""
        self._kept.pop(key, None)
        self._kept[key] = kept
        size = sum(each.document.size for each in self._kept.values())
        while size > _MOST_BYTES and len(self._kept) > 1:
            size -= self._kept.popitem(last=False)[1].document.size


def _commonest(languages: list[str]) -> str:
    return max(sorted(set(languages)), key=languages.count, default="")


def _newest_change(states: list[SourceState]) -> datetime:
    return max((state.updated for state in states), default=_BEFORE_ANYTHING)


def _finished(body: bytes, media_type: str, modified: datetime) -> Document:
    return Document(
        body=body,
        gzipped=gzip.compress(body, compresslevel=6, mtime=0),
        etag=hashlib.blake2b(body, digest_size=12).hexdigest(),
        modified=modified,
        media_type=media_type,
    )
