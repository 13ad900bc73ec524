"""Find the articles, the title and the archives that a feed's URL names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from feeds.cleaning.catalogue import COMBINED
from feeds.config import Config
from feeds.model.articles import Article, Source
from feeds.model.feeds import Deletion, OpmlEntry, SourceState, View
from feeds.model.filters import EVERYTHING, Content, Filter, FilterError, NamedView, Order
from feeds.model.podcasts import Podcast
from feeds.publishing.access import PUBLIC, Access, AccessReader, Visitor
from feeds.publishing.archived_feeds import Period, is_period_name, newest_index, split_into_periods
from feeds.publishing.formats.common import first_recording
from feeds.storage.queries import ArticlePage
from feeds.storage.store import Store

TTL_MINUTES = 15
"""Minutes for which a client may cache a feed: RSS `ttl` and HTTP `max-age` have this value."""

ICON, STYLESHEET = "static/icon.png", "static/feed.css"

# The time of the last change of a feed without entries. The current time would change every response.
_NO_CHANGE = datetime(2000, 1, 1, tzinfo=UTC)
_NO_LIMIT = 1_000_000
_NO_SOURCE = ("-",)  # no source has this slug; an empty filter would let everything pass


class NothingYetError(Exception):
    """No run has ended yet, so there is nothing to serve."""


class PrivateFeedError(Exception):
    """The feed needs a token that the visitor did not give."""


class UnknownFeedError(Exception):
    """There is no such feed."""


class GoneFeedError(Exception):
    """There was such a feed, but all its articles were deleted."""


class MovedFeedError(Exception):
    """The feed has moved. The text is the name in its new URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRequest:
    """The feed that a URL names, for one visitor."""

    name: str
    """`all`, or the slug of a source or of a named view."""
    filter: Filter = EVERYTHING
    """The filter in the query of the URL."""
    period: str = ""
    """Name of the archive; empty for the current feed."""
    visitor: Visitor = PUBLIC
    """The visitor, for a private feed; PUBLIC for a public one, which is the same for everybody."""

    def address(self, base: str, period: str | None = None) -> str:
        """Return the URL of the feed, or of an archive, without the suffix of the format.

        The suffix belongs before the query.
        """
        name = self.period if period is None else period
        path = f"{base}/feeds/{self.name}{f'/{name}' if name else ''}"
        query = "&".join(filter(None, (self.filter.query, self.visitor.query)))
        return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Channel:
    """The texts and the filters of the feed with a name."""

    title: str
    description: str
    home: str
    filters: tuple[Filter, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """One page of all articles of a feed, with its title."""

    title: str
    description: str
    page: ArticlePage


class Views:
    """The views of one store under one configuration."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config = config
        self._store = store
        self.access = AccessReader(config, store)
        self._named = {view.slug: view for view in config.feeds}

    def view(self, request: FeedRequest, base: str) -> View:
        """Return the requested view, with URLs that start with `base`.

        Raises UnknownFeedError, MovedFeedError, GoneFeedError, FilterError, PrivateFeedError, NotSplitError,
        and NothingYetError if no run has ended yet.
        """
        with self._store.snapshot():
            return self._view(self._access(request), request, base)

    def require(self, request: FeedRequest) -> None:
        """Raise the errors of `view` that concern the name of the feed."""
        with self._store.snapshot():
            access = self._access(request)
            states, _ = _visible(access, request.name, self._store.sources())
            self._channel(access, request, states, "")

    def history_page(
        self, request: FeedRequest, base: str, limit: int, *, after: str = "", before: str = ""
    ) -> HistoryPage:
        """Return a page of all articles of the requested feed.

        `Selection.page` describes its arguments. Raises what `view` raises.
        """
        with self._store.snapshot():
            access = self._access(request)
            _, _, channel, filters = self._resolve(access, request, base, self._store.sources())
            order: Order = next(
                (layer.order for layer in (request.filter, *channel.filters) if layer.order), "newest"
            )
            page = self._store.selection.page(filters, limit, order, after=after, before=before)
            return HistoryPage(title=channel.title, description=channel.description, page=page)

    def _access(self, request: FeedRequest) -> Access:
        """Return the rules of access if they let the visitor read the feed.

        Raises PrivateFeedError if they do not, and NotSplitError.
        """
        access = self.access.require_split()
        if not access.may_see(request.visitor, request.name):
            raise PrivateFeedError(request.name)
        return access

    def _resolve(
        self, access: Access, request: FeedRequest, base: str, sources: list[SourceState]
    ) -> tuple[list[SourceState], bool, _Channel, tuple[Filter, ...]]:
        """Return what a request shows.

        These are the sources that the feed may show, whether others are left out, its texts, and the filters
        that its articles must pass.
        """
        states, is_restricted = _visible(access, request.name, sources)
        channel = self._channel(access, request, states, base)
        filters = self._filters(access, request, channel, states)
        if is_restricted:  # allow the visible sources only, so that no new source is shown by mistake
            filters += (Filter(source=tuple(state.source.slug for state in states) or _NO_SOURCE),)
        return states, is_restricted, channel, filters

    def _view(self, access: Access, request: FeedRequest, base: str) -> View:
        sources = self._store.sources()
        states, is_restricted, channel, filters = self._resolve(access, request, base, sources)
        layers = (request.filter, *channel.filters)  # the first one that has a setting decides
        limit = next((layer.limit for layer in layers if layer.limit), self._config.limit)
        order: Order = next((layer.order for layer in layers if layer.order), "newest")
        content: Content = next((layer.content for layer in layers if layer.content), "full")
        archives = _Archives(self._store, request, base, filters)
        if request.period:
            if order != "newest" or (period := archives.period) is None:
                raise UnknownFeedError(f"{request.name} has no archive called {request.period}")
            selected = self._store.selection.newest(
                [*filters, period.filter], _NO_LIMIT, id_prefix=period.id_prefix
            )
            previous, following = archives.neighbours
        else:
            selected = self._store.selection.newest(filters, limit, order)
            older = selected.next_published if order == "newest" else None
            previous, following = (archives.before(older) if older else ""), ""
        is_complete = not request.period and not request.filter.narrows and request.name not in self._named
        source = channel.source
        podcast = self._podcast(source, selected.articles) if source and not request.period else None
        filter_text = f" ({request.filter.description})" if request.filter.narrows else ""
        return View(
            title=f"{channel.title}{filter_text}",
            description=(podcast.description if podcast else "") or channel.description,
            home=channel.home,
            address=request.address(base),
            language=_language(source, selected.articles, self._config.language),
            updated=_last_change(states, source) if is_complete else _last_update(selected.articles),
            articles=_without_hidden_titles(access, request, selected.articles, sources),
            combined=source is None,
            source_addresses={
                state.source.slug: _address(access, request, base, state.source) for state in states
            },
            # An archive depends on its own articles only, so that no other article changes it.
            source_updated={state.source.slug: state.updated for state in states}
            if is_complete
            else _last_updates(selected.articles),
            deleted=() if request.period else self._deletions(access, source, is_restricted),
            hubs=self.hubs(request, access),
            icon=f"{base}/{ICON}",
            stylesheet=f"{base}/{STYLESHEET}",
            content=content,
            archive=bool(request.period),
            current=request.address(base, "") if request.period else "",
            previous=previous,
            next=following,
            podcast=podcast,
            ttl_minutes=TTL_MINUTES,
        )

    def _podcast(self, source: Source, articles: Sequence[Article]) -> Podcast | None:
        """Return the show of a source if most of these articles have a recording.

        A publisher of articles may have a podcast too, but its feed is not that of the podcast.
        """
        episodes = sum(first_recording(article) is not None for article in articles)
        return self._store.podcast(source.slug) if 2 * episodes > len(articles) else None

    def subscriptions(self, states: Sequence[SourceState], base: str) -> list[OpmlEntry]:
        """Return all feeds: the combined feed, the named views, the sources."""

        def feed(slug: str, title: str, description: str, home: str = "", language: str = "") -> OpmlEntry:
            return OpmlEntry(
                title=title,
                description=description,
                home=home or f"{base}/",
                address=f"{base}/feeds/{slug}",
                language=language or self._config.language,
            )

        sources = [state.source for state in states if state.source.slug not in self._named]
        return [
            feed(COMBINED, self._config.title, self._config.description),
            *(feed(view.slug, view.title, self._description(view)) for view in self._config.feeds),
            *(
                feed(source.slug, source.title, self._describe(source.title), source.home, source.language)
                for source in sources
            ),
        ]

    def has_finished_run(self) -> bool:
        """Return whether a run has ended without an error."""
        return any(run.finished and not run.error for run in self._store.runs())

    def hubs(self, request: FeedRequest, access: Access) -> tuple[str, ...]:
        """Return the hubs that announce a feed.

        There are none for an archive, a filtered feed or a private feed. A hub hands a feed on to anybody.
        """
        is_plain = not request.period and request.filter == EVERYTHING
        return self._config.hubs if is_plain and not access.is_private(request.name) else ()

    def _deletions(self, access: Access, source: Source | None, is_restricted: bool) -> tuple[Deletion, ...]:
        slug = source.slug if source else None
        without = access.private_slugs() if is_restricted else ()
        return tuple(self._store.deletions(self._config.limit, source=slug, without=without))

    def _channel(
        self, access: Access, request: FeedRequest, states: Sequence[SourceState], base: str
    ) -> _Channel:
        config, name = self._config, request.name
        if name == COMBINED or name in self._named:
            if not states and not self.has_finished_run():
                raise NothingYetError
            if name == COMBINED:
                return _Channel(title=config.title, description=config.description, home=f"{base}/")
            view = self._named[name]
            return _Channel(
                title=view.title,
                description=self._description(view),
                home=f"{base}/",
                filters=(view.filter,),
            )
        source = next((state.source for state in states if state.source.slug == name), None)
        if source is not None:
            return _Channel(
                title=source.title,
                description=self._describe(source.title),
                home=source.home or f"{base}/",
                filters=(Filter(source=(name,)),),
                source=source,
            )
        moved = access.current_address(name)
        if moved != name:
            if not access.may_see(request.visitor, moved):
                raise PrivateFeedError(name)  # a redirect would tell that there is such a feed
            raise MovedFeedError(moved)
        if self._store.deletions(1, source=name):
            raise GoneFeedError(f"all articles of {name} were deleted")
        # During the first run, nobody knows whether a source is unknown or not read yet.
        raise unknown_feed(access, name) if self.has_finished_run() else NothingYetError

    def _filters(
        self, access: Access, request: FeedRequest, channel: _Channel, states: Sequence[SourceState]
    ) -> tuple[Filter, ...]:
        """Return the filters that the articles must pass.

        They have the current slugs of moved sources. Raises FilterError for an unknown source, and
        NothingYetError if no run has ended yet.
        """
        slugs = {state.source.slug for state in states}
        unknown = [slug for slug in request.filter.source or () if access.current_address(slug) not in slugs]
        if unknown and not self.has_finished_run():
            raise NothingYetError
        if unknown:
            raise FilterError(f"source: no source is called {', '.join(unknown)}")
        return tuple(map(access.with_current_addresses, (*channel.filters, request.filter)))

    def _description(self, view: NamedView) -> str:
        return view.description or self._describe(view.title)

    def _describe(self, title: str) -> str:
        return f"{title} · {self._config.title}"


@dataclass(slots=True)
class _Archives:
    """The archives of a view.

    The articles are counted when the archives are first needed.
    """

    store: Store
    request: FeedRequest
    base: str
    filters: tuple[Filter, ...]
    _periods: list[Period] | None = None

    @property
    def periods(self) -> list[Period]:
        """The periods of all archives, the newest first."""
        if self._periods is None:
            self._periods = split_into_periods(self.store.selection.count_by_day(self.filters))
        return self._periods

    @property
    def period(self) -> Period | None:
        """The period of the requested archive; None if there is no such archive."""
        name = self.request.period
        if not is_period_name(name):
            return None
        return next((period for period in self.periods if period.name == name), None)

    @property
    def neighbours(self) -> tuple[str, str]:
        """The URLs of the archives before and after the requested one.

        A URL is empty if there is no such archive.
        """
        index = [period.name for period in self.periods].index(self.request.period)
        return self._address(index + 1), self._address(index - 1)

    def before(self, time: datetime) -> str:
        """Return the URL of the newest archive that begins by this time.

        Return an empty text if there is none.
        """
        index = newest_index(self.periods, time)
        return "" if index is None else self._address(index)

    def _address(self, index: int) -> str:
        exists = 0 <= index < len(self.periods)
        return self.request.address(self.base, self.periods[index].name) if exists else ""


def unknown_feed(access: Access, name: str) -> PrivateFeedError | UnknownFeedError:
    """Return the error for a feed that does not exist.

    It is the same as for a private feed, if there is any.
    """
    return PrivateFeedError(name) if access.private else UnknownFeedError(f"no feed is called {name}")


def _visible(access: Access, name: str, states: list[SourceState]) -> tuple[list[SourceState], bool]:
    """Return the sources that a feed may show, and whether others are hidden."""
    if access.shows_all(name):
        return states, False
    return [state for state in states if not access.is_private(state.source.slug)], True


def _address(access: Access, request: FeedRequest, base: str, source: Source) -> str:
    """Return the URL of a source's own feed for the visitor.

    It has no suffix of a format.
    """
    query = access.token_query(request.visitor, source.slug)
    return f"{base}/feeds/{source.slug}{f'?{query}' if query else ''}"


def _without_hidden_titles(
    access: Access, request: FeedRequest, articles: tuple[Article, ...], states: Sequence[SourceState]
) -> tuple[Article, ...]:
    """Return the articles without the titles of hidden sources.

    These are sources that the visitor may not see, and does not see here.
    """
    if not access.private:
        return articles
    titles = access.titles(request.visitor, (state.source for state in states))
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


def _last_change(states: Sequence[SourceState], source: Source | None) -> datetime:
    return newest_change([state for state in states if source is None or state.source == source])


def newest_change(states: Sequence[SourceState]) -> datetime:
    """Return the time of the last change of any article of some sources.

    Return 2000-01-01 if there are none.
    """
    return max((state.updated for state in states), default=_NO_CHANGE)


def _last_update(articles: Sequence[Article]) -> datetime:
    return max((article.updated for article in articles), default=_NO_CHANGE)


def _last_updates(articles: Sequence[Article]) -> dict[str, datetime]:
    newest: dict[str, datetime] = {}
    for article in articles:
        slug = article.source.slug
        newest[slug] = max(article.updated, newest.get(slug, article.updated))
    return newest
