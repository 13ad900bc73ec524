"""Decide who may read which feed, in one state of the store.

A public feed of several sources shows nothing of the private ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from feeds.cleaning import audiences
from feeds.cleaning.audiences import Audiences
from feeds.cleaning.catalogue import COMBINED, SourceCatalogue
from feeds.config import Config
from feeds.model.articles import Source
from feeds.model.filters import Filter
from feeds.storage.store import State, Store

ANY = ""
"""Value of `Visitor.opens` for a token that opens every feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """The person or program that sends a request."""

    opens: str | None = None
    """The feed that the token opens, or ANY; None without a token."""
    token: str = ""
    """The token if it was in the URL: then the URLs of private feeds in the answer carry it too."""

    @property
    def query(self) -> str:
        """The query that lets the visitor in: `token=…`, or an empty string."""
        return f"token={quote(self.token, safe='')}" if self.token else ""


PUBLIC = Visitor()


class NotSplitError(Exception):
    """No run has split public and private versions yet.

    So public entries may contain private text. Nothing is shown before.
    """


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of access in one state of the store.

    They say what is private, and which sources were moved.
    """

    private: tuple[str, ...]
    """Names of the feeds that need a token, as configured."""
    catalogue: SourceCatalogue
    """The sources, with the moves of this state."""
    is_split: bool = True
    """True if private versions are stored in entries of their own, for the current setting `private`.

    Otherwise a public entry may contain text of a source that has just become private.
    """
    successors: Mapping[str, str] = field(default_factory=dict)
    """The slugs that continue sources without articles (`find_successors`). They give no right to read."""

    def is_private(self, name: str) -> bool:
        """Return whether a feed needs a token, by the name in its URL.

        A moved source stays private.
        """
        return audiences.is_private(self.private, self.catalogue, name)

    def shows_all(self, name: str) -> bool:
        """Return whether the feed of this name may show private sources.

        It may if it is private, or if no source is private.
        """
        return not self.private or self.is_private(name)

    def private_slugs(self) -> frozenset[str]:
        """Return the slugs of all private sources, also those before a move."""
        former = [*(move.slug for move in self.catalogue.moves), *self.successors]
        former += [slug for entry in self.catalogue.configured for slug in entry.formerly]
        return frozenset(
            (
                *self.private,
                *map(self.current_slug, self.private),
                *(slug for slug in former if self.is_private(self.current_address(slug))),
            )
        )

    def may_see(self, visitor: Visitor, name: str) -> bool:
        """Return whether the visitor may read the feed of this name."""
        if not self.is_private(name):
            return True
        opens = visitor.opens
        return opens is not None and (opens in (ANY, name) or self.current_slug(opens) == name)

    def token_query(self, visitor: Visitor, name: str) -> str:
        """Return the query for the URL of a feed: the token if it needs one.

        Return an empty text if the feed needs none, or if the visitor's token does not open it.
        """
        return visitor.query if self.is_private(name) and self.may_see(visitor, name) else ""

    def titles(self, visitor: Visitor, sources: Iterable[Source]) -> frozenset[str]:
        """Return the titles that a visitor may read.

        They are those of these sources and of the configured ones. A title that a hidden source has too is
        left out: it could tell of that source.
        """
        visible, hidden = set[str](), set[str]()
        for source in (*sources, *self.catalogue.all_sources()):
            may_see = self.may_see(visitor, self.current_slug(source.slug))
            (visible if may_see else hidden).add(source.title)
        return frozenset(visible - hidden)

    def current_slug(self, slug: str) -> str:
        """Return the slug that a source has after renaming and merging.

        Return the slug itself if the source was not moved.
        """
        return self.catalogue.current_slug(slug)

    def current_address(self, slug: str) -> str:
        """Return the slug at which the articles of a source are published now.

        It is the one of `current_slug`, or of the source that got the articles by itself, because the
        configuration or a pack changed. Such a move decides where a feed is, never who may read it: a
        source stays private, and tokens stay valid, by `current_slug` alone.
        """
        slug = self.current_slug(slug)
        return self.successors.get(slug, slug)

    def with_current_addresses(self, filter_: Filter) -> Filter:
        """Return a filter that names each of its sources by `current_address`."""
        if not filter_.source:
            return filter_
        return replace(filter_, source=tuple(map(self.current_address, filter_.source)))


class AccessReader:
    """Reads the rules of access of a store, once for each state.

    Safe to share between threads.
    """

    def __init__(self, config: Config, store: Store) -> None:
        self._private = config.private
        self._views = frozenset((COMBINED, *(view.slug for view in config.feeds)))
        self._catalogue = config.catalogue
        self._store = store
        self._last: tuple[State, Access] | None = None

    def now(self) -> Access:
        """Return the rules of the current state.

        Within `Store.snapshot`, return those of the state that it shows.

        Raises StoreError if the database does not answer.
        """
        with self._store.snapshot():
            return self.for_state(self._store.state())

    def require_split(self) -> Access:
        """Return what `now` returns.

        Raises NotSplitError if the entries are not split: then nothing may be shown. Raises StoreError if the
        database does not answer.
        """
        access = self.now()
        if not access.is_split:
            raise NotSplitError
        return access

    def for_state(self, state: State) -> Access:
        """Return the rules of a state, or of a later one.

        Raises StoreError if the database does not answer.

        This reads the database once for each state, and each time while the entries are not split: a run can
        split them without changing the state.
        """
        last = self._last
        if last is not None and last[0] == state and last[1].is_split:
            return last[1]
        with self._store.snapshot():
            catalogue = self._catalogue.with_moves(self._store.moves()).with_feeds(self._store.feed_sources())
            digest = Audiences(self._private, catalogue).digest()
            is_split = (
                not digest
                or self._store.read_number("audiences") == digest
                or not self._store.entry_ids(limit=1)
            )
            access = Access(self._private, catalogue, is_split, self._successors(catalogue))
        self._last = (state, access)
        return access

    def _successors(self, catalogue: SourceCatalogue) -> dict[str, str]:
        """Return the sources that continue those without articles, unless a view hides their feed."""
        found = self._store.successors(catalogue.current_slug)
        return {slug: successor for slug, successor in found.items() if successor not in self._views}
