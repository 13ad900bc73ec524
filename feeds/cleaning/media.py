"""Clean the addresses of enclosures, and of what feeds say about podcasts. Pure.

An address is cleaned by the rules `image-proxies`, `redirects` and `tracking`, as those in bodies are. The
prefixes with which podcasts are measured are redirects, in any order and number. Parameters of a signed
address are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from feeds.cleaning import url_tracking, url_wrappers
from feeds.cleaning.recipe import Recipe
from feeds.cleaning.rules.page import format_change
from feeds.model.articles import Enclosure
from feeds.model.podcasts import PodcastElement
from feeds.text import urls

_MAX_PASSES = 10


@dataclass(slots=True)
class MediaCleaner:
    """Cleans addresses of one entry, and keeps what each rule changed."""

    link: str
    """The base of relative addresses."""
    recipe: Recipe
    changes: dict[str, list[str]] = field(default_factory=dict)
    """Samples of the changes by the name of the rule."""

    def clean(self, url: str) -> str:
        """Clean an address; empty if it is not an http address."""
        url = urls.make_absolute(url, self.link)
        for _ in range(_MAX_PASSES):
            before = url
            url = self._unwrap(url, "image-proxies", self.recipe.proxies)
            url = self._unwrap(url, "redirects", self.recipe.redirects)
            if "tracking" not in self.recipe.off and not url_tracking.is_signed(url):
                after = url_tracking.strip_tracking(url, self.recipe.tracking, picture=True)
                url = self._change("tracking", url, after)
            if url == before:
                break
        return url if url[:4].lower() == "http" else ""

    def clean_enclosures(self, enclosures: Iterable[Enclosure]) -> tuple[Enclosure, ...]:
        """Clean the addresses of enclosures; each address once.

        Enclosures without an http address are left out.
        """
        by_url: dict[str, Enclosure] = {}
        for enclosure in enclosures:
            if url := self.clean(enclosure.url):
                by_url.setdefault(url, replace(enclosure, url=url))
        return tuple(by_url.values())

    def clean_elements(self, elements: Iterable[PodcastElement]) -> tuple[PodcastElement, ...]:
        """Clean the addresses in elements of podcasts."""
        return tuple(
            replace(
                element,
                attributes=tuple(
                    (name, (self.clean(value) or value) if value[:4].lower() == "http" else value)
                    for name, value in element.attributes
                ),
                children=self.clean_elements(element.children),
            )
            for element in elements
        )

    def _unwrap(self, url: str, rule: str, wrappers: url_wrappers.Wrappers) -> str:
        if rule in self.recipe.off:
            return url
        after = url_wrappers.unwrap(url, wrappers)
        return self._change(rule, url, urls.make_absolute(after) or url) if after != url else url

    def _change(self, rule: str, before: str, after: str) -> str:
        if after != before:
            self.changes.setdefault(rule, []).append(format_change(before, after))
        return after
