"""Which source an article belongs to, and the recipe that cleans it (DESIGN "Identity, time, source"). Pure.

The order of precedence: what config.yaml says, else the name in the file's front matter, else the pack
whose hosts match the link, else the link's host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from slugify import slugify

from feeds import urls
from feeds.lists import Lookup
from feeds.model import Draft, Source
from feeds.recipe import Pack, Recipe, Rules, build

COMBINED = "all"
"""The slug of the feed of everything, which no source can have."""

_LONGEST_SLUG = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredSource:
    """A source as config.yaml describes it."""

    source: Source
    hosts: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    rules: Rules = field(default_factory=Rules)


@dataclass(slots=True)
class Catalogue:
    """The packs and the configured sources; answers `source_of` and `recipe_for`."""

    packs: Mapping[str, Pack]
    """By name (the file's stem), in the order in which they are merged."""
    configured: Sequence[ConfiguredSource] = ()
    rules: Rules = field(default_factory=Rules)
    """What config.yaml says for every source."""
    lists: Lookup | None = None
    """Lists of tracking that hold for every source."""
    _sources: dict[str, Source] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _hosts: dict[str, str] = field(default_factory=dict)
    _recipes: dict[tuple[str, str], Recipe] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for pack in self.packs.values():
            if not pack.source:
                continue
            spec = pack.source
            self._sources[spec.slug] = Source(
                slug=spec.slug, title=spec.title, home=spec.home, language=spec.language
            )
            hosts = pack.match.hosts if pack.match else ()
            names = (spec.title, *spec.aliases, *(pack.match.sources if pack.match else ()))
            self._hosts.update(dict.fromkeys(hosts, spec.slug))
            self._names.update(dict.fromkeys(names, spec.slug))
        for entry in self.configured:
            known = self._sources.get(entry.source.slug)
            self._sources[entry.source.slug] = Source(
                slug=entry.source.slug,
                title=entry.source.title,
                home=entry.source.home or (known.home if known else ""),
                language=entry.source.language or (known.language if known else ""),
            )
            self._names[entry.source.title] = entry.source.slug
            self._names.update(dict.fromkeys(entry.names, entry.source.slug))

    def source_of(self, draft: Draft) -> Source:
        """The source of an article; a publisher that nothing here knows becomes a source of its own."""
        host = urls.host(draft.link)
        domains = urls.parents(host)
        for entry in self.configured:
            if draft.source_name in entry.names or not entry.hosts.isdisjoint(domains):
                return self._sources[entry.source.slug]
        if draft.source_name:
            slug = self._names.get(draft.source_name)
            return self._sources[slug] if slug else self._unknown(draft.source_name)
        slug = next((self._hosts[domain] for domain in domains if domain in self._hosts), None)
        if slug:
            return self._sources[slug]
        name = host.removeprefix("www.")
        return self._unknown(name, home=f"https://{name}/")  # the same whichever link comes first

    def find(self, name: str) -> Source | None:
        """A source that a pack or config.yaml knows, by its slug, title or another of its names."""
        return self._sources.get(self._names.get(name, name))

    def known(self) -> list[Source]:
        """Every source that a pack or config.yaml knows, by slug."""
        return sorted(self._sources.values(), key=lambda source: source.slug)

    def recipe_for(self, source: Source, link: str) -> Recipe:
        """The merged recipe for a source's article behind a link; made once for each pair of them."""
        host = urls.host(link)
        recipe = self._recipes.get((source.slug, host))
        if recipe is None:
            recipe = self._with_lists(build(list(self.layers(source, host).values())))
            self._recipes[source.slug, host] = recipe
        return recipe

    def _with_lists(self, recipe: Recipe) -> Recipe:
        if self.lists is None:
            return recipe
        redirects: dict[str, tuple[urls.Wrapper, ...]] = dict(recipe.redirects)
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
        domains = set(urls.parents(host))
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

    def _unknown(self, name: str, home: str = "") -> Source:
        slug = slug_of(name)
        return self._sources.get(slug) or Source(slug=slug, title=name, home=home)


def slug_of(name: str) -> str:
    """A slug for a publisher's name; a digest stands in for what makes none, or none that can be used."""
    slug = slugify(name.replace(".", "-"))
    if slug and slug != COMBINED and len(slug) <= _LONGEST_SLUG:
        return slug
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{slug[: _LONGEST_SLUG - 10].rstrip('-') or 'source'}-{digest}"
