"""Which source an article belongs to, and the recipe that cleans it
(docs/decisions/0056-source-of-an-article.md). Pure.

The order of precedence: what config.yaml says, else the name in the file's front matter, else the pack
whose hosts match the link, else the link's host.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from slugify import slugify

from feeds.cleaning import url_wrappers
from feeds.cleaning.pack_schema import Pack, Rules
from feeds.cleaning.recipe import Recipe, build_recipe
from feeds.model.articles import Draft, Source, SourceMove
from feeds.model.errors import ReadError
from feeds.text import urls

if TYPE_CHECKING:
    from feeds.cleaning.tracking_lists import Lookup

COMBINED = "all"
"""The slug of the feed of everything, which no source can have."""

_LONGEST_SLUG = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredSource:
    """A source as config.yaml describes it."""

    source: Source
    hosts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    formerly: frozenset[str] = frozenset()
    """Slugs of sources whose articles are its own now."""
    rules: Rules = field(default_factory=Rules)


@dataclass(slots=True)
class _Tables:
    """What is looked up in the packs and the configured sources, and the recipes that were built so far.

    Sources that are moved change none of it, so that catalogues with other moves share it.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    channels: dict[str, re.Pattern[str]] = field(default_factory=dict)
    recipes: dict[tuple[str, str], Recipe] = field(default_factory=dict)

    @classmethod
    def of(cls, packs: Iterable[Pack], configured: Iterable[ConfiguredSource]) -> _Tables:
        """Build the tables; what is configured wins over the packs."""
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
    """The packs, the configured sources and the moves of one state; says which source and recipe a draft has.

    It never changes: `with_moves` makes the catalogue of another state.
    """

    packs: Mapping[str, Pack]
    """By name (the file's stem), in the order in which they are merged."""
    configured: Sequence[ConfiguredSource] = ()
    rules: Rules = field(default_factory=Rules)
    """What config.yaml says for every source."""
    moves: Sequence[SourceMove] = ()
    """Sources that were renamed or merged by hand; what config.yaml says about the same slug wins."""
    auto: bool = True
    """Whether a publisher that nothing here knows becomes a source of its own."""
    lists: Lookup | None = None
    """Lists of tracking that hold for every source."""
    _tables: _Tables = field(init=False, repr=False, compare=False)
    _moved: Mapping[str, Source] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tables = _Tables.of(self.packs.values(), self.configured)
        moved = {move.slug: move.into for move in self.moves}
        for entry in self.configured:
            source = tables.sources[entry.source.slug]
            moved.update(dict.fromkeys(entry.formerly, source))
            moved.pop(source.slug, None)  # a configured source is where its configuration puts it
        object.__setattr__(self, "_tables", tables)
        object.__setattr__(self, "_moved", moved)

    def __reduce__(self) -> tuple[object, ...]:
        arguments = (self.packs, self.configured, self.rules, self.moves, self.auto, self.lists)
        return SourceCatalogue, arguments  # the tables are built again in the process that receives it

    def with_moves(self, moves: Iterable[SourceMove]) -> SourceCatalogue:
        """Return the catalogue of the state in which these sources, and no others, were moved."""
        moves = tuple(moves)
        if moves == tuple(self.moves):
            return self
        catalogue = replace(self, moves=moves)
        object.__setattr__(catalogue, "_tables", self._tables)  # with the recipes, which no move changes
        return catalogue

    def place(self, draft: Draft) -> tuple[Source, Recipe]:
        """The source of a draft and the recipe that cleans it.

        Raises ReadError where no source is known for it and `auto` is off.
        """
        origin = self.origin_of(draft)
        return self.moved(origin), self.recipe_for(origin, draft.link)

    def moved(self, source: Source) -> Source:
        """Whose articles a source's are now; itself where it was not moved."""
        seen = {source.slug}
        while (into := self._moved.get(source.slug)) is not None and into.slug not in seen:
            source = into
            seen.add(source.slug)
        return source

    def former_slugs(self, slug: str) -> list[str]:
        """Return the slugs of the sources that were renamed to, or merged into, the source of this slug."""
        return [one for one, into in self._moved.items() if one != slug and self.moved(into).slug == slug]

    def origin_of(self, draft: Draft, *, auto: bool | None = None) -> Source:
        """The source that an article names or its link leads to, whatever was moved since.

        A publisher that nothing here knows becomes a source of its own. Raises ReadError for one where
        `auto` is off; the argument stands in for what is configured.
        """
        auto = self.auto if auto is None else auto
        host = urls.host(draft.link)
        domains = urls.parent_domains(host)
        for entry in self.configured:
            if draft.source_name in entry.names or not entry.hosts.isdisjoint(domains):
                return self._tables.sources[entry.source.slug]
        if draft.source_name:
            slug = self._tables.names.get(draft.source_name)
            return self._tables.sources[slug] if slug else self._unknown(draft.source_name, auto=auto)
        slug = next((self._tables.hosts[domain] for domain in domains if domain in self._tables.hosts), None)
        if slug:
            return self._channel(slug, draft.link, auto=auto) or self._tables.sources[slug]
        name = host.removeprefix("www.")
        home = draft.site_home or f"https://{name}/"
        return self._unknown(name, title=draft.site_title, home=home, auto=auto)

    def _channel(self, slug: str, link: str, *, auto: bool) -> Source | None:
        """The source of one author on a host where many publish, by the path of the link."""
        pattern = self._tables.channels.get(slug)
        match = pattern.search(link) if pattern else None
        if match is None:
            return None
        name, parent = match["name"], self._tables.sources[slug]
        return self._unknown(f"{parent.slug}/{name}", title=name, home=match[0], auto=auto)

    def find(self, name: str) -> Source | None:
        """A source that a pack or config.yaml knows, by its slug, title or another of its names."""
        return self._tables.sources.get(self._tables.names.get(name, name))

    def known(self) -> list[Source]:
        """Every source that a pack or config.yaml knows, by slug."""
        return sorted(self._tables.sources.values(), key=lambda source: source.slug)

    def recipe_for(self, source: Source, link: str) -> Recipe:
        """The merged recipe for a source's article behind a link; made once for each pair of them."""
        host = urls.host(link)
        recipe = self._tables.recipes.get((source.slug, host))
        if recipe is None:
            recipe = self._with_lists(build_recipe(list(self.layers(source, host).values())))
            self._tables.recipes[source.slug, host] = recipe
        return recipe

    def _with_lists(self, recipe: Recipe) -> Recipe:
        if self.lists is None:
            return recipe
        redirects: dict[str, tuple[url_wrappers.Wrapper, ...]] = dict(recipe.redirects)
        for site, listed in self.lists.redirects.items():
            redirects[site] = (*redirects.get(site, ()), *listed)
        return replace(
            recipe,
            tracking=replace(recipe.tracking, lists=self.lists),
            redirects=redirects,
            digest=f"{recipe.digest}-{self.lists.digest}",
        )

    def layers(self, source: Source, host: str) -> dict[str, Rules]:
        """The packs that hold for a source and host, by name, in the order in which they are merged."""
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

    def said(self) -> str:
        """Everything that is said here, as one text: it changes with any of it."""
        said = [f"{name} {pack.model_dump_json(by_alias=True)}" for name, pack in self.packs.items()]
        said.append(self.rules.model_dump_json(by_alias=True))
        said += [
            f"{one.source} {sorted(one.hosts)} {sorted(one.names)} {sorted(one.formerly)} "
            f"{one.rules.model_dump_json(by_alias=True)}"
            for one in self.configured
        ]
        return "\n".join((*said, f"{self.moves} {self.auto} {self.lists.digest if self.lists else ''}"))

    def _unknown(self, name: str, title: str = "", home: str = "", *, auto: bool) -> Source:
        slug = slug_of(name)
        if slug in self._tables.sources:
            return self._tables.sources[slug]
        if not auto:
            raise ReadError(f"no source is configured for {name!r}, and `auto_sources` is off")
        return Source(slug=slug, title=title or name, home=home)


def slug_of(name: str) -> str:
    """A slug for a publisher's name; a digest stands in for what makes none, or none that can be used."""
    slug = slugify(name.replace(".", "-"))
    if slug and slug != COMBINED and len(slug) <= _LONGEST_SLUG:
        return slug
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{slug[: _LONGEST_SLUG - 10].rstrip('-') or 'source'}-{digest}"
