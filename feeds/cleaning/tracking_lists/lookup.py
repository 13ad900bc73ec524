"""All lists together, looked up for one address: by names and by host, so that few rules are tried."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from feeds.cleaning.tracking_lists.rule import (
    Cut,
    Exemption,
    Redirection,
    Rule,
    Shape,
    TrackingList,
    Where,
    any_of,
)
from feeds.text import urls


class Lookup:
    """Compiled lists; the `url_tracking.Lists` of a recipe."""

    def __init__(self, parts: Sequence[TrackingList]) -> None:
        self.parts = tuple(parts)
        self.digest = hashlib.sha256("\n".join(part.digest for part in parts).encode()).hexdigest()[:16]
        """Changes with what the files say."""
        self._named: dict[str, list[Rule]] = defaultdict(list)
        self._named_in_any_case: dict[str, list[Rule]] = defaultdict(list)
        self._shaped: dict[str, list[Rule]] = defaultdict(list)
        self._exemptions: dict[str, dict[str, list[Where]]] = defaultdict(lambda: defaultdict(list))
        self._cuts: dict[str, list[Cut]] = defaultdict(list)
        redirects: dict[str, list[Redirection]] = defaultdict(list)
        for part in parts:
            for rule in part.rules:
                self._add(rule)
            for exemption in part.exemptions:
                self._exempt(exemption)
            for cut in part.cuts:
                for site in cut.where.sites or {urls.ANY_HOST}:
                    self._cuts[site].append(cut)
            for redirection in part.redirections:
                for site in redirection.where.sites or {urls.ANY_HOST}:
                    redirects[site].append(redirection)
        self.redirects = {site: tuple(listed) for site, listed in redirects.items()}
        """Site -> the lists' wrappers; `urls.ANY_HOST` for those that are tried on every address."""
        pairwise = [rule for rule in self._shaped.get(urls.ANY_HOST, ()) if _by_pair(rule)]
        self._pairwise = pairwise
        self._any_pair = any_of([shape for rule in pairwise for shape in rule.shapes])
        self._shaped[urls.ANY_HOST] = [r for r in self._shaped.get(urls.ANY_HOST, ()) if not _by_pair(r)]

    def __reduce__(self) -> tuple[object, ...]:
        return Lookup, (self.parts,)

    def _add(self, rule: Rule) -> None:
        if rule.names and not rule.inverted:
            table = self._named_in_any_case if rule.any_case else self._named
            for name in rule.names:
                table[name].append(rule)
        else:
            for site in rule.where.sites or {urls.ANY_HOST}:
                self._shaped[site].append(rule)

    def _exempt(self, exemption: Exemption) -> None:
        for site in exemption.where.sites or {urls.ANY_HOST}:
            self._exemptions[exemption.value][site].append(exemption.where)

    def shortened(self, url: str) -> str:
        """An address without what the lists take out of it as text."""
        if not self._cuts or not _encodable(url):
            return url
        sites = urls.host_keys(urls.host(url))
        for site in (*sites, urls.ANY_HOST):
            for cut in self._cuts.get(site, ()):
                if cut.where.holds(url, sites):
                    url = cut.applied(url)
        return url

    def tracks(self, url: str, picture: bool) -> Callable[[str, bool], bool]:
        """For the pairs of one address: whether a pair is listed, in its query or (True) its fragment."""
        if not _encodable(url):
            return lambda pair, in_fragment: False
        sites = urls.host_keys(urls.host(url))
        shaped = [rule for site in (*sites, urls.ANY_HOST) for rule in self._shaped.get(site, ())]
        known: dict[int, bool] = {}

        def holds(rule: Rule, in_fragment: bool) -> bool:
            if rule.of_links_only and (picture or in_fragment):
                return False
            answer = known.get(id(rule))
            if answer is None:
                answer = rule.where.holds(url, sites) and not self._exempted(rule.value, url, sites)
                known[id(rule)] = answer
            return answer

        def tracks(pair: str, in_fragment: bool) -> bool:
            name, _, value = pair.partition("=")
            names = {name, urls.parameter_name(pair)}
            text = unquote(f"{name}={value}")
            return any(
                holds(rule, in_fragment)
                for one in names
                for rule in (*self._named.get(one, ()), *self._named_in_any_case.get(one.lower(), ()))
            ) or any(
                _matches(rule, names, text) and holds(rule, in_fragment)
                for rule in (*shaped, *(self._pairwise if _any(self._any_pair, text) else ()))
            )

        return tracks

    def _exempted(self, value: str | None, url: str, sites: Sequence[str]) -> bool:
        return value is not None and any(
            where.holds(url, sites)
            for listed in {value, ""}
            if listed in self._exemptions
            for site in (*sites, urls.ANY_HOST)
            for where in self._exemptions[listed].get(site, ())
        )


def _by_pair(rule: Rule) -> bool:
    """Whether a rule can be tried together with others, by one pattern over the pair."""
    return bool(rule.shapes) and not rule.inverted and not rule.of_names


def _matches(rule: Rule, names: set[str], text: str) -> bool:
    """Whether a rule that is not looked up by its name is for a pair."""
    if rule.of_names:
        found = any(_any(rule.shapes, name) for name in names)
    else:
        found = _any(rule.shapes, text) or not rule.names.isdisjoint(names)
    return found != rule.inverted


def _any(shapes: Sequence[Shape], text: str) -> bool:
    return any(shape.found(text) for shape in shapes)


def _encodable(url: str) -> bool:
    """Whether an address is text that can be matched at all: half of a surrogate pair is not."""
    return url.isascii() or not any("\ud800" <= char <= "\udfff" for char in url)
