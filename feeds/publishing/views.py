"""What a feed's address means: which articles it shows, under which title, and where the older ones are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from feeds.cleaning.catalogue import COMBINED
from feeds.config import Config
from feeds.model.articles import Article, Source
from feeds.model.feeds import Deletion, OpmlEntry, SourceState, View
from feeds.model.filters import EVERYTHING, Content, Filter, FilterError, NamedView, Order
from feeds.publishing.access import PUBLIC, Access, AccessReader, Visitor
from feeds.publishing.archived_feeds import Period, is_name, periods, position
from feeds.storage.queries import Leaf
from feeds.storage.store import Store

TTL_MINUTES = 15
"""How long a reader may keep a feed before it asks again; RSS `ttl` and HTTP `max-age` say the same."""

ICON, STYLESHEET = "static/icon.png", "static/feed.css"

# The change date of a feed that has no entries yet; the clock would make every answer another one.
_BEFORE_ANYTHING = datetime(2000, 1, 1, tzinfo=UTC)
_ALL_OF_IT = 1_000_000
_NO_SOURCE = ("-",)  # none is called that; an empty filter would let everything through


class NothingYetError(Exception):
    """The database was never filled: nothing can be served yet."""


class PrivateFeedError(Exception):
    """The feed needs a token that the visitor did not give."""


class UnknownFeedError(Exception):
    """There is no such feed."""


class GoneFeedError(Exception):
    """There was such a feed: all that it had is published no more."""


class MovedFeedError(Exception):
    """The feed is at another address now, of which this is the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRequest:
    """Which feed an address names."""

    name: str
    """`all`, or the slug of a source or of a named view."""
    filter: Filter = EVERYTHING
    period: str = ""
    """The archive's name; empty for the feed that goes on."""
    visitor: Visitor = PUBLIC
    """The visitor, for a private feed; PUBLIC for a public one, which is the same for everybody."""

    def address(self, base: str, period: str | None = None) -> str:
        """Where it is, without the format's suffix, which goes before the query."""
        name = self.period if period is None else period
        path = f"{base}/feeds/{self.name}{f'/{name}' if name else ''}"
        query = "&".join(filter(None, (self.filter.query, self.visitor.query)))
        return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Channel:
    """What there is under a name."""

    title: str
    description: str
    home: str
    filters: tuple[Filter, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Browsed:
    """A part of a view's history, for a page."""

    title: str
    description: str
    leaf: Leaf


class Views:
    """The views of a store, as a configuration describes them."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config = config
        self._store = store
        self.access = AccessReader(config, store)
        self._named = {view.slug: view for view in config.feeds}

    def view(self, asked: FeedRequest, base: str) -> View:
        """Return the requested view, with URLs that start with `base`.

        Raises UnknownFeedError, MovedFeedError, GoneFeedError, FilterError, PrivateFeedError, NotPartedError,
        and NothingYetError if no run has ended yet.
        """
        with self._store.snapshot():
            return self._view(self._access(asked), asked, base)

    def require(self, asked: FeedRequest) -> None:
        """Raise what `view` raises about the name of a feed."""
        with self._store.snapshot():
            access = self._access(asked)
            states, _ = _visible(access, asked.name, self._store.sources())
            self._channel(access, asked.name, states, "")

    def leaf(
        self, asked: FeedRequest, base: str, limit: int, *, after: str = "", before: str = ""
    ) -> Browsed:
        """Return a part of the requested feed's whole history, as `Selection.leaf` does, for a page.

        Raises what `view` raises.
        """
        with self._store.snapshot():
            access = self._access(asked)
            _, _, channel, filters = self._chosen(access, asked, base, self._store.sources())
            order: Order = next(
                (one.order for one in (asked.filter, *channel.filters) if one.order), "newest"
            )
            leaf = self._store.selection.leaf(filters, limit, order, after=after, before=before)
            return Browsed(title=channel.title, description=channel.description, leaf=leaf)

    def _access(self, asked: FeedRequest) -> Access:
        """Return the rules of access if they let the visitor read the feed.

        Raises PrivateFeedError if they do not, and NotPartedError.
        """
        access = self.access.parted()
        if not access.may_see(asked.visitor, asked.name):
            raise PrivateFeedError(asked.name)
        return access

    def _chosen(
        self, access: Access, asked: FeedRequest, base: str, known: list[SourceState]
    ) -> tuple[list[SourceState], bool, _Channel, tuple[Filter, ...]]:
        """The sources that may be shown, whether there may be others, what stands under the name, and what
        its articles have to pass.
        """
        states, guarded = _visible(access, asked.name, known)
        channel = self._channel(access, asked.name, states, base)
        filters = self._filters(access, asked, channel, states)
        if guarded:  # what may be seen, not what may not: no source that comes meanwhile slips in
            filters += (Filter(source=tuple(state.source.slug for state in states) or _NO_SOURCE),)
        return states, guarded, channel, filters

    def _view(self, access: Access, asked: FeedRequest, base: str) -> View:
        known = self._store.sources()
        states, guarded, channel, filters = self._chosen(access, asked, base, known)
        form = (asked.filter, *channel.filters)
        limit = next((one.limit for one in form if one.limit), self._config.limit)
        order: Order = next((one.order for one in form if one.order), "newest")
        content: Content = next((one.content for one in form if one.content), "full")
        past = _Past(self._store, asked, base, filters)
        if asked.period:
            if order != "newest" or (period := past.period) is None:
                raise UnknownFeedError(f"{asked.name} has no archive called {asked.period}")
            selected = self._store.selection.newest(
                [*filters, period.filter], _ALL_OF_IT, id_prefix=period.id_prefix
            )
            previous, following = past.neighbours
        else:
            selected = self._store.selection.newest(filters, limit, order)
            older = selected.beyond if order == "newest" else None
            previous, following = (past.before(older) if older else ""), ""
        whole = not asked.period and not asked.filter.narrows and asked.name not in self._named
        source = channel.source
        shown = f" ({asked.filter.description})" if asked.filter.narrows else ""
        return View(
            title=f"{channel.title}{shown}",
            description=channel.description,
            home=channel.home,
            address=asked.address(base),
            language=_language(source, selected.articles, self._config.language),
            updated=_newest(states, source) if whole else _newest_of(selected.articles),
            articles=_naming(access, asked, selected.articles, known),
            combined=source is None,
            source_addresses={one.source.slug: _address(access, asked, base, one.source) for one in states},
            # In an archive only what its own articles say: another one must not change it.
            source_updated={one.source.slug: one.updated for one in states}
            if whole
            else _newest_by_source(selected.articles),
            deleted=() if asked.period else self._deleted(access, source, guarded),
            hubs=self.hubs(asked, access),
            icon=f"{base}/{ICON}",
            stylesheet=f"{base}/{STYLESHEET}",
            content=content,
            archive=bool(asked.period),
            current=asked.address(base, "") if asked.period else "",
            previous=previous,
            next=following,
            ttl_minutes=TTL_MINUTES,
        )

    def subscriptions(self, states: Sequence[SourceState], base: str) -> list[OpmlEntry]:
        """Every feed there is: the combined one, the named views, the sources."""

        def one(slug: str, title: str, description: str, home: str = "", language: str = "") -> OpmlEntry:
            return OpmlEntry(
                title=title,
                description=description,
                home=home or f"{base}/",
                address=f"{base}/feeds/{slug}",
                language=language or self._config.language,
            )

        sources = [state.source for state in states if state.source.slug not in self._named]
        return [
            one(COMBINED, self._config.title, self._config.description),
            *(one(view.slug, view.title, self._described(view)) for view in self._config.feeds),
            *(one(made.slug, made.title, self._of(made.title), made.home, made.language) for made in sources),
        ]

    def was_read(self) -> bool:
        """Whether a run has ended, and ended well."""
        return any(run.finished and not run.error for run in self._store.runs())

    def hubs(self, asked: FeedRequest, access: Access) -> tuple[str, ...]:
        """Return the hubs that announce a feed; none for an archive, a filtered feed or a private feed.

        A hub hands a feed on to anybody.
        """
        plain = not asked.period and asked.filter == EVERYTHING
        return self._config.hubs if plain and not access.is_private(asked.name) else ()

    def _deleted(self, access: Access, source: Source | None, guarded: bool) -> tuple[Deletion, ...]:
        slug = source.slug if source else None
        without = access.private_slugs() if guarded else ()
        return tuple(self._store.deletions(self._config.limit, source=slug, without=without))

    def _channel(self, access: Access, name: str, states: Sequence[SourceState], base: str) -> _Channel:
        config = self._config
        if name == COMBINED or name in self._named:
            if not states and not self.was_read():
                raise NothingYetError
            if name == COMBINED:
                return _Channel(title=config.title, description=config.description, home=f"{base}/")
            view = self._named[name]
            return _Channel(
                title=view.title,
                description=self._described(view),
                home=f"{base}/",
                filters=(view.filter,),
            )
        source = next((state.source for state in states if state.source.slug == name), None)
        if source is not None:
            return _Channel(
                title=source.title,
                description=self._of(source.title),
                home=source.home or f"{base}/",
                filters=(Filter(source=(name,)),),
                source=source,
            )
        moved = access.moved(name)
        if moved != name:
            if access.is_private(moved) and not access.is_private(name):
                raise PrivateFeedError(name)  # a redirect would tell that there is such a feed
            raise MovedFeedError(moved)
        if self._store.deletions(1, source=name):
            raise GoneFeedError(f"all that {name} had is published no more")
        # While the first run goes on there is no telling what is unknown and what is not read yet.
        raise unknown_feed(access, name) if self.was_read() else NothingYetError

    def _filters(
        self, access: Access, asked: FeedRequest, channel: _Channel, states: Sequence[SourceState]
    ) -> tuple[Filter, ...]:
        """What the articles have to pass, with sources as they are called now."""
        known = {state.source.slug for state in states}
        if asked.filter.source and not known.issuperset(map(access.moved, asked.filter.source)):
            if not self.was_read():
                raise NothingYetError
            unknown = [slug for slug in asked.filter.source if access.moved(slug) not in known]
            raise FilterError(f"source: no source is called {', '.join(unknown)}")
        return tuple(
            replace(one, source=tuple(map(access.moved, one.source))) if one.source else one
            for one in (*channel.filters, asked.filter)
        )

    def _described(self, view: NamedView) -> str:
        return view.description or self._of(view.title)

    def _of(self, title: str) -> str:
        return f"{title} · {self._config.title}"


@dataclass(slots=True)
class _Past:
    """The archives of a view; they are counted only where somebody asks."""

    store: Store
    asked: FeedRequest
    base: str
    filters: tuple[Filter, ...]
    _known: list[Period] | None = None

    @property
    def known(self) -> list[Period]:
        if self._known is None:
            self._known = periods(self.store.selection.days(self.filters))
        return self._known

    @property
    def period(self) -> Period | None:
        name = self.asked.period
        if not is_name(name):
            return None
        return next((period for period in self.known if period.name == name), None)

    @property
    def neighbours(self) -> tuple[str, str]:
        """The addresses of the archives before and after the one that is asked for."""
        number = [period.name for period in self.known].index(self.asked.period)
        return self._at(number + 1), self._at(number - 1)

    def before(self, moment: datetime) -> str:
        """The address of the newest archive that has something from that moment or before."""
        number = position(self.known, moment)
        return "" if number is None else self._at(number)

    def _at(self, number: int) -> str:
        inside = 0 <= number < len(self.known)
        return self.asked.address(self.base, self.known[number].name) if inside else ""


def unknown_feed(access: Access, name: str) -> PrivateFeedError | UnknownFeedError:
    """Return the error for a feed that does not exist: the same as for a private one, if there is any."""
    return PrivateFeedError(name) if access.private else UnknownFeedError(f"no feed is called {name}")


def _visible(access: Access, name: str, states: list[SourceState]) -> tuple[list[SourceState], bool]:
    """Return the sources that the feed of this name may show, and whether others are left out for safety."""
    if access.shows_all(name):
        return states, False
    return [state for state in states if not access.is_private(state.source.slug)], True


def _address(access: Access, asked: FeedRequest, base: str, source: Source) -> str:
    """Return the URL of a source's own feed for the visitor, without the suffix of a format."""
    query = access.token_query(asked.visitor, source.slug)
    return f"{base}/feeds/{source.slug}{f'?{query}' if query else ''}"


def _naming(
    access: Access, asked: FeedRequest, articles: tuple[Article, ...], states: Sequence[SourceState]
) -> tuple[Article, ...]:
    """Return the articles without the names of sources that the visitor may not see and does not see here."""
    if not access.private:
        return articles
    titles = access.titles(asked.visitor, (state.source for state in states))
    titles |= {article.source.title for article in articles}
    return tuple(
        article
        if titles.issuperset(article.also_in)
        else replace(article, also_in=tuple(title for title in article.also_in if title in titles))
        for article in articles
    )


def _language(source: Source | None, articles: Sequence[Article], default: str) -> str:
    if source is None:
        return default
    languages = [article.language for article in articles]
    return source.language or max(sorted(set(languages)), key=languages.count, default="")


def _newest(states: Sequence[SourceState], source: Source | None) -> datetime:
    return newest_change([state for state in states if source is None or state.source == source])


def newest_change(states: Sequence[SourceState]) -> datetime:
    """When any article of some sources last changed."""
    return max((state.updated for state in states), default=_BEFORE_ANYTHING)


def _newest_of(articles: Sequence[Article]) -> datetime:
    return max((article.updated for article in articles), default=_BEFORE_ANYTHING)


def _newest_by_source(articles: Sequence[Article]) -> dict[str, datetime]:
    newest: dict[str, datetime] = {}
    for article in articles:
        slug = article.source.slug
        newest[slug] = max(article.updated, newest.get(slug, article.updated))
    return newest
