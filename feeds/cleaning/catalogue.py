"""Find the source of an article, and the recipe that cleans it. Pure.

The first of these decides (docs/decisions/0056-source-of-an-article.md): config.yaml, the name in the file's
front matter, the pack whose hosts match the link; then for an item of a feed the feed
(docs/decisions/0071-source-of-feed-items.md), for a file or page the link's host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from feeds.cleaning import url_wrappers
from feeds.cleaning.feed_sources import FeedSources, host_of, is_named, title_of
from feeds.cleaning.pack_schema import Pack, Rules
from feeds.cleaning.recipe import Recipe, build_recipe
from feeds.cleaning.redirect_hosts import is_redirect_host
from feeds.cleaning.slugs import COMBINED, make_slug
from feeds.model.articles import Draft, FeedItem, FeedSource, Source, SourceMove
from feeds.model.errors import ReadError
from feeds.model.successors import Departure
from feeds.text import urls

if TYPE_CHECKING:
    from feeds.cleaning.tracking_lists import Lookup

__all__ = ["COMBINED", "MAX_HOSTS", "ConfiguredSource", "SourceCatalogue", "make_slug"]

MAX_HOSTS = 10_000
"""Pairs of source and host whose recipe is remembered: 2 MB. To find one again takes 25 µs."""


_NOBODY = Source(slug="", title="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredSource:
    """A source of config.yaml."""

    source: Source
    hosts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    formerly: frozenset[str] = frozenset()
    """Slugs of sources whose articles belong to this source now."""
    rules: Rules = field(default_factory=Rules)


@dataclass(slots=True)
class _Tables:
    """Look-up tables of packs and configured sources, and the recipes built so far.

    Moves of sources do not change them, so that catalogues with different moves share them.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    channels: dict[str, re.Pattern[str]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    """Slugs of sources of packs on whose hosts many publish."""
    recipes: dict[tuple[str, ...], Recipe] = field(default_factory=dict)
    """Recipes by the names of their layers."""
    recipes_by_host: dict[tuple[str, str], Recipe] = field(default_factory=dict)
    """The same recipes by slug and host, for at most MAX_HOSTS pairs."""

    @classmethod
    def build(cls, packs: Iterable[Pack], configured: Iterable[ConfiguredSource]) -> _Tables:
        """Build the tables. Configured sources override those of packs."""
        tables = cls()
        for pack in packs:
            if not pack.source:
                continue
            spec = pack.source
            tables.sources[spec.slug] = Source(
                slug=spec.slug, title=spec.title, home=spec.home, language=spec.language
            )
            if spec.channel:
                tables.channels[spec.slug] = re.compile(spec.channel)
            if spec.shared:
                tables.shared.add(spec.slug)
            hosts = pack.match.hosts if pack.match else ()
            names = (spec.title, *spec.aliases, *(pack.match.sources if pack.match else ()))
            tables.hosts.update(dict.fromkeys(hosts, spec.slug))
            tables.names.update(dict.fromkeys(names, spec.slug))
        for entry in configured:
            of_pack = tables.sources.get(entry.source.slug)
            tables.sources[entry.source.slug] = Source(
                slug=entry.source.slug,
                title=entry.source.title,
                home=entry.source.home or (of_pack.home if of_pack else ""),
                language=entry.source.language or (of_pack.language if of_pack else ""),
            )
            tables.names[entry.source.title] = entry.source.slug
            tables.names.update(dict.fromkeys(entry.names, entry.source.slug))
        return tables


@dataclass(frozen=True, slots=True)
class SourceCatalogue:
    """The packs, the configured sources, the moves and the sources of feeds of one state.

    Tells the source and the recipe of a draft. It never changes: `with_moves` and `with_feeds` return the
    catalogue of another state.
    """

    packs: Mapping[str, Pack]
    """Packs by name (the file's stem), in the order in which they are merged."""
    configured: Sequence[ConfiguredSource] = ()
    rules: Rules = field(default_factory=Rules)
    """The rules of config.yaml for every source."""
    moves: Sequence[SourceMove] = ()
    """Sources that were renamed or merged by hand. If config.yaml has a source of the same slug, it wins."""
    auto: bool = True
    """Whether a publisher that neither a pack nor config.yaml knows becomes a source of its own."""
    lists: Lookup | None = None
    """Lists of tracking parameters, for every source."""
    departures: Sequence[Departure] = ()
    """The articles that changed their source because the configuration or a pack changed.

    They decide about no source, only about `former_slugs`.
    """
    private: Sequence[str] = ()
    """The names of the feeds that need a token: an article whose link leads to one of them belongs to it."""
    feeds: Sequence[FeedSource] = ()
    """The sources of the feeds that were read before."""
    _tables: _Tables = field(init=False, repr=False, compare=False)
    _moved: Mapping[str, Source] = field(init=False, repr=False, compare=False)
    _feeds: FeedSources = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_feeds", FeedSources.build(self.feeds))
        tables = _Tables.build(self.packs.values(), self.configured)
        moved = {move.slug: move.into for move in self.moves}
        for entry in self.configured:
            source = tables.sources[entry.source.slug]
            moved.update(dict.fromkeys(entry.formerly, source))
            moved.pop(source.slug, None)  # a configured source is where its configuration puts it
        object.__setattr__(self, "_tables", tables)
        object.__setattr__(self, "_moved", moved)

    def __reduce__(self) -> tuple[object, ...]:
        arguments = (self.packs, self.configured, self.rules, self.moves, self.auto, self.lists)
        states = (self.departures, self.private, self.feeds)
        return SourceCatalogue, (*arguments, *states)  # the process that receives it builds the tables

    def with_moves(
        self, moves: Iterable[SourceMove], departures: Iterable[Departure] = ()
    ) -> SourceCatalogue:
        """Return the catalogue of the state with these moves of sources and articles, and no others."""
        moves, departures = tuple(moves), tuple(departures)
        if (moves, departures) == (tuple(self.moves), tuple(self.departures)):
            return self
        return self._with_tables_of(replace(self, moves=moves, departures=departures))

    def with_feeds(self, feeds: Iterable[FeedSource]) -> SourceCatalogue:
        """Return the catalogue of the state with these sources of feeds and no others."""
        feeds = tuple(feeds)
        return self if feeds == tuple(self.feeds) else self._with_tables_of(replace(self, feeds=feeds))

    def with_private(self, private: Iterable[str]) -> SourceCatalogue:
        """Return the catalogue of a configuration with these private feeds and no others."""
        private = tuple(private)
        return (
            self if private == tuple(self.private) else self._with_tables_of(replace(self, private=private))
        )

    def _with_tables_of(self, catalogue: SourceCatalogue) -> SourceCatalogue:
        """Return a catalogue that shares the tables of this one, with the recipes: no state changes them."""
        object.__setattr__(catalogue, "_tables", self._tables)
        return catalogue

    @property
    def feed_sources(self) -> FeedSources:
        """The sources of the feeds that were read before, for look-ups."""
        return self._feeds

    def without(self, slugs: Iterable[str]) -> SourceCatalogue:
        """Return a catalogue that does not know these sources: neither from packs nor configured."""
        hidden = frozenset(slugs)
        if not hidden:
            return self
        packs = dict(self.packs)
        for name, pack in packs.items():
            if pack.source and pack.source.slug in hidden:
                packs[name] = pack.model_copy(update={"source": None})
        configured = [entry for entry in self.configured if entry.source.slug not in hidden]
        moves = [move for move in self.moves if not hidden.intersection((move.slug, move.into.slug))]
        return replace(self, packs=packs, configured=configured, moves=moves)

    def source_and_recipe(self, draft: Draft) -> tuple[Source, Recipe]:
        """Return the source that publishes a draft, and the recipe that cleans it.

        Raises ReadError if no source is known for the draft and `auto` is off.
        """
        origin = self.original_source(draft)
        return self.current_source(origin), self.recipe_for(origin, draft.link)

    def current_source(self, source: Source) -> Source:
        """Return the source that has a source's articles now.

        It is the source itself if it was neither renamed nor merged.
        """
        seen = {source.slug}
        while (into := self._moved.get(source.slug)) is not None and into.slug not in seen:
            source = into
            seen.add(source.slug)
        return source

    def current_slug(self, slug: str) -> str:
        """Return the slug that a source has after renaming and merging.

        It is the slug itself if the source was not moved.
        """
        return self.current_source(Source(slug=slug, title=slug)).slug

    def former_slugs(self, slug: str) -> list[str]:
        """Return the slugs of the sources that became the source of this slug.

        They were renamed to it or merged into it, or articles of them moved to it.
        """
        slugs = {
            former
            for former, into in self._moved.items()
            if former != slug and self.current_source(into).slug == slug
        }
        return sorted(slugs | {departure.slug for departure in self.departures if departure.into == slug})

    def original_source(self, draft: Draft, *, auto: bool | None = None) -> Source:
        """Return the source that an article belongs to, before any move.

        A publisher or feed that neither a pack nor config.yaml knows becomes a source of its own. Raises
        ReadError for it if `auto` is off; the argument overrides the setting.
        """
        auto = self.auto if auto is None else auto
        if draft.keeps_source:
            return self._publisher(draft, auto=auto)
        source = self._source(draft, auto=auto)
        if self.private and not self._is_private(source):
            for link in dict.fromkeys((draft.link, self._lead_out(draft.link))):
                publisher = self._publisher(replace(draft, link=link), auto=True)
                if self._is_private(publisher) and (auto or self.is_known_slug(publisher.slug)):
                    return publisher  # it was private in versions in which the link decided
        return source

    def feed_of(self, draft: Draft) -> FeedItem | None:
        """Return a draft's item if its feed can be a source of its own; else None.

        It can although a pack or config.yaml claims the draft: that may change.
        """
        item = draft.item
        return item if item is not None and is_named(item) and not draft.source_name and self.auto else None

    def unclaimed_feed(self, draft: Draft) -> FeedItem | None:
        """Return a draft's item if its feed has to have a source of its own; else None.

        `keeps_source` does not count: the next items of the same feed will not have it.
        """
        item, link = self.feed_of(draft), self._lead_out(draft.link)
        if item is None:
            return None
        is_claimed = self._claiming_source(link, auto=True) or self._source_of_known_feed(item, auto=True)
        return None if is_claimed else item

    def publisher_slug(self, draft: Draft) -> str:
        """Return the slug of the publisher of a draft's link: its source in former versions."""
        return self.current_source(self._publisher(draft, auto=True)).slug

    def is_known_slug(self, slug: str) -> bool:
        """Return whether a pack or config.yaml has a source of this slug."""
        return slug in self._tables.sources

    def _source(self, draft: Draft, *, auto: bool) -> Source:
        link, item = self._lead_out(draft.link), draft.item
        source = self._named_source(draft.source_name, link, auto=auto)
        if source is not None:
            return source
        if item is not None and is_named(item):
            return self._claiming_source(link, auto=auto) or self._source_of_feed(item, auto=auto)
        return self._source_of_pack(link, auto=auto) or self._source_of_host(draft, link, auto=auto)

    def _publisher(self, draft: Draft, *, auto: bool) -> Source:
        """Return the publisher that an article names or its link leads to: former versions' only rule."""
        return (
            self._named_source(draft.source_name, draft.link, auto=auto)
            or self._source_of_pack(draft.link, auto=auto)
            or self._source_of_host(draft, draft.link, auto=auto, is_redirect_left_out=False)
        )

    def _named_source(self, name: str, link: str, *, auto: bool) -> Source | None:
        """Return the source that config.yaml gives a link, or that a file names; None if there is none."""
        domains = urls.parent_domains(urls.host(link))
        for entry in self.configured:
            if (name and name in entry.names) or not entry.hosts.isdisjoint(domains):
                return self._tables.sources[entry.source.slug]
        if not name:
            return None
        slug = self._tables.names.get(name)
        return self._tables.sources[slug] if slug else self._auto_source(name, auto=auto)

    def _source_of_pack(self, link: str, *, auto: bool) -> Source | None:
        domains = urls.parent_domains(urls.host(link))
        slug = next((self._tables.hosts[domain] for domain in domains if domain in self._tables.hosts), None)
        if slug is None:
            return None
        return self._channel_source(slug, link, auto=auto) or self._tables.sources[slug]

    def _source_of_host(
        self, draft: Draft, link: str, *, auto: bool, is_redirect_left_out: bool = True
    ) -> Source:
        host = urls.host(link)
        if is_redirect_left_out and draft.site_title and is_redirect_host(host):
            home = "" if is_redirect_host(urls.host(draft.site_home)) else draft.site_home
            return self._auto_source(draft.site_title, home=home, auto=auto)
        name = host.removeprefix("www.")
        home = draft.site_home or f"https://{name}/"
        return self._auto_source(name, title=draft.site_title, home=home, auto=auto)

    def _claiming_source(self, address: str, *, auto: bool) -> Source | None:
        """Return the source of a pack or config.yaml to which an item's link or a feed's home page belongs.

        The hosts of a pack do not count if many publish there.
        """
        if (source := self._named_source("", address, auto=auto)) is not None:
            return source
        if (source := self._source_of_pack(address, auto=auto)) is not None:
            return None if source.slug in self._tables.shared else source
        return self._tables.sources.get(make_slug(host_of(address) or "-"))

    def _source_of_known_feed(self, item: FeedItem, *, auto: bool) -> Source | None:
        """Return the source of a pack or config.yaml that has a feed's title or home page, or a private one.

        None if there is none.
        """
        if slug := self._tables.names.get(item.title):
            return self._tables.sources[slug]
        if not item.home:
            return None
        return self._claiming_source(item.home, auto=auto) or self.private_source_of(item)

    def private_source_of(self, item: FeedItem) -> Source | None:
        """Return the private source of the host of a feed's home page; None if it is not private."""
        host = host_of(item.home)
        of_host = Source(slug=make_slug(host or "-"), title=title_of(item), home=f"https://{host}/")
        return of_host if host and self._is_private(of_host) else None

    def _source_of_feed(self, item: FeedItem, *, auto: bool) -> Source:
        if (claimed := self._source_of_known_feed(item, auto=auto)) is not None:
            return claimed
        if not auto:
            raise ReadError(f"no source is configured for {title_of(item)!r}, and `auto_sources` is off")

        if (stored := self._feeds.find(item)) is not None:
            return self._feeds.by_slug[stored.slug]

        def is_taken(slug: str, title: str) -> bool:
            return self.is_known_slug(slug) or self._feeds.has_other_title(slug, title)

        return self._feeds.propose(item, is_taken)

    def _is_private(self, source: Source) -> bool:
        slugs = {source.slug, self.current_source(source).slug}
        return not slugs.isdisjoint(self.private) or any(
            self.current_source(Source(slug=name, title=name)).slug in slugs for name in self.private
        )

    def _lead_out(self, link: str) -> str:
        """Return the address behind the redirects that contain it."""
        return url_wrappers.unwrap(link, self.recipe_for(_NOBODY, "").redirects)

    def _channel_source(self, slug: str, link: str, *, auto: bool) -> Source | None:
        """Return the source of one author on a host of many, by the path of the link.

        None if the source of this slug has no channels, or the link is of none.
        """
        pattern = self._tables.channels.get(slug)
        match = pattern.search(link) if pattern else None
        if match is None:
            return None
        name, parent = match["name"], self._tables.sources[slug]
        return self._auto_source(f"{parent.slug}/{name}", title=name, home=match[0], auto=auto)

    def find_source(self, name: str) -> Source | None:
        """Return the source of a pack or config.yaml with this slug, title or other name.

        None if there is none.
        """
        return self._tables.sources.get(self._tables.names.get(name, name))

    def all_sources(self) -> list[Source]:
        """Return all sources of packs and config.yaml, in the order of their slugs."""
        return sorted(self._tables.sources.values(), key=lambda source: source.slug)

    def recipe_for(self, source: Source, link: str) -> Recipe:
        """Return the merged recipe for an article of a source, by the host of its link.

        Sources and hosts with the same layers share a recipe, so their number does not matter.
        """
        host, tables = urls.host(link), self._tables
        recipe = tables.recipes_by_host.get((source.slug, host))
        if recipe is None:
            layers = self.layers(source, host)
            recipe = tables.recipes.get(tuple(layers))
            if recipe is None:
                recipe = self._with_lists(build_recipe(list(layers.values())))
                tables.recipes[tuple(layers)] = recipe
            if len(tables.recipes_by_host) >= MAX_HOSTS:
                tables.recipes_by_host.clear()
            tables.recipes_by_host[source.slug, host] = recipe
        return recipe

    def _with_lists(self, recipe: Recipe) -> Recipe:
        if self.lists is None:
            return recipe
        redirects: dict[str, tuple[url_wrappers.Wrapper, ...]] = dict(recipe.redirects)
        for site, wrappers in self.lists.redirects.items():
            redirects[site] = (*redirects.get(site, ()), *wrappers)
        return replace(
            recipe,
            tracking=replace(recipe.tracking, lists=self.lists),
            redirects=redirects,
            digest=f"{recipe.digest}-{self.lists.digest}",
        )

    def layers(self, source: Source, host: str) -> dict[str, Rules]:
        """Return the packs and settings that apply to a source and host.

        They are in the order in which they are merged, by the name of the pack or of the place in
        config.yaml.
        """
        domains = set(urls.parent_domains(host))
        layers: dict[str, Rules] = {}
        for name, pack in self.packs.items():
            match = pack.match
            if (
                match is None
                or source.title in match.sources
                or (pack.source is not None and pack.source.slug == source.slug)
                or not domains.isdisjoint(match.hosts)
            ):
                layers[name] = pack
        if self.rules != Rules():
            layers["config.yaml"] = self.rules
        for entry in self.configured:
            if entry.source.slug == source.slug:
                layers[f"config.yaml: {source.slug}"] = entry.rules
        return layers

    def serialise(self) -> str:
        """Serialise the catalogue, for fingerprints."""
        lines = [f"{name} {pack.model_dump_json(by_alias=True)}" for name, pack in self.packs.items()]
        lines.append(self.rules.model_dump_json(by_alias=True))
        lines += [
            f"{entry.source} {sorted(entry.hosts)} {sorted(entry.names)} {sorted(entry.formerly)} "
            f"{entry.rules.model_dump_json(by_alias=True)}"
            for entry in self.configured
        ]
        # A class name enters stored fingerprints: it is the one of the version that stored them first.
        moves = [f"Move(slug={move.slug!r}, into={move.into!r})" for move in self.moves]
        moves_text = f"({', '.join(moves)}{',' if len(moves) == 1 else ''})"
        lines.append(f"{moves_text} {self.auto} {self.lists.digest if self.lists else ''}")
        return "\n".join(lines)

    def _auto_source(self, name: str, title: str = "", home: str = "", *, auto: bool) -> Source:
        slug = make_slug(name)
        if slug in self._tables.sources:
            return self._tables.sources[slug]
        if not auto:
            raise ReadError(f"no source is configured for {name!r}, and `auto_sources` is off")
        return self._feeds.by_slug.get(slug) or Source(slug=slug, title=title or name, home=home)
