"""Look up an address in all tracking lists.

Rules are looked up by parameter name and by host, so that few of them are tried for an address.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from feeds.cleaning.tracking_lists.rule import (
    Exemption,
    ParameterRule,
    RawRule,
    Redirection,
    Regex,
    Scope,
    TrackingList,
    join_regexes,
)
from feeds.text import urls


class Lookup:
    """The tracking lists of a configuration, compiled and indexed.

    Implements `url_tracking.TrackingLists`.
    """

    def __init__(self, parts: Sequence[TrackingList]) -> None:
        self.parts = tuple(parts)
        self.digest = hashlib.sha256("\n".join(part.digest for part in parts).encode()).hexdigest()[:16]
        """Changes with the text of the files."""
        self._by_name: dict[str, list[ParameterRule]] = defaultdict(list)
        self._by_lower_name: dict[str, list[ParameterRule]] = defaultdict(list)
        self._by_site: dict[str, list[ParameterRule]] = defaultdict(list)
        self._exemptions: dict[str, dict[str, list[Scope]]] = defaultdict(lambda: defaultdict(list))
        self._raw_rules: dict[str, list[RawRule]] = defaultdict(list)
        redirects: dict[str, list[Redirection]] = defaultdict(list)
        for tracking_list in parts:
            for rule in tracking_list.rules:
                self._add_rule(rule)
            for exemption in tracking_list.exemptions:
                self._add_exemption(exemption)
            for raw_rule in tracking_list.raw_rules:
                for site in raw_rule.scope.sites or {urls.ANY_HOST}:
                    self._raw_rules[site].append(raw_rule)
            for redirection in tracking_list.redirections:
                for site in redirection.scope.sites or {urls.ANY_HOST}:
                    redirects[site].append(redirection)
        self.redirects = {site: tuple(listed) for site, listed in redirects.items()}
        """The wrappers of the lists by site; `urls.ANY_HOST` for those that are tried on every address."""
        anywhere = self._by_site[urls.ANY_HOST]
        self._pairwise = [rule for rule in anywhere if _is_pairwise(rule)]
        self._pairwise_regexes = join_regexes([regex for rule in self._pairwise for regex in rule.regexes])
        self._by_site[urls.ANY_HOST] = [rule for rule in anywhere if not _is_pairwise(rule)]

    def __reduce__(self) -> tuple[object, ...]:
        return Lookup, (self.parts,)

    def _add_rule(self, rule: ParameterRule) -> None:
        if rule.names and not rule.is_inverted:
            table = self._by_lower_name if rule.ignore_case else self._by_name
            for name in rule.names:
                table[name].append(rule)
        else:
            for site in rule.scope.sites or {urls.ANY_HOST}:
                self._by_site[site].append(rule)

    def _add_exemption(self, exemption: Exemption) -> None:
        for site in exemption.scope.sites or {urls.ANY_HOST}:
            self._exemptions[exemption.value][site].append(exemption.scope)

    def apply_raw_rules(self, url: str) -> str:
        """Remove from an address the text that raw rules match."""
        if not self._raw_rules or not _is_encodable(url):
            return url
        sites = urls.host_keys(urls.host(url))
        for site in (*sites, urls.ANY_HOST):
            for raw_rule in self._raw_rules.get(site, ()):
                if raw_rule.scope.contains(url, sites):
                    url = raw_rule.apply(url)
        return url

    def make_pair_matcher(self, url: str, picture: bool) -> Callable[[str, bool], bool]:
        """Return a function that tells whether a list names a parameter of an address.

        Its arguments are the parameter, as `name=value`, and whether it is in the fragment, not in the query.
        """
        if not _is_encodable(url):
            return lambda pair, in_fragment: False
        sites = urls.host_keys(urls.host(url))
        site_rules = [rule for site in (*sites, urls.ANY_HOST) for rule in self._by_site.get(site, ())]
        applicable: dict[int, bool] = {}

        def applies(rule: ParameterRule, in_fragment: bool) -> bool:
            if rule.links_only and (picture or in_fragment):
                return False
            answer = applicable.get(id(rule))
            if answer is None:
                answer = rule.scope.contains(url, sites) and not self._is_exempt(rule.value, url, sites)
                applicable[id(rule)] = answer
            return answer

        def matches_pair(pair: str, in_fragment: bool) -> bool:
            written_name, _, value = pair.partition("=")
            names = {written_name, urls.parameter_name(pair)}
            for name in names:
                rules = (*self._by_name.get(name, ()), *self._by_lower_name.get(name.lower(), ()))
                if any(applies(rule, in_fragment) for rule in rules):
                    return True
            text = unquote(f"{written_name}={value}")
            pairwise = self._pairwise if _any_matches(self._pairwise_regexes, text) else ()
            return any(
                _matches(rule, names, text) and applies(rule, in_fragment)
                for rule in (*site_rules, *pairwise)
            )

        return matches_pair

    def _is_exempt(self, value: str | None, url: str, sites: Sequence[str]) -> bool:
        return value is not None and any(
            scope.contains(url, sites)
            for exempt_value in {value, ""}
            if exempt_value in self._exemptions
            for site in (*sites, urls.ANY_HOST)
            for scope in self._exemptions[exempt_value].get(site, ())
        )


def _is_pairwise(rule: ParameterRule) -> bool:
    """Return whether a rule can be joined with others to one regex for `name=value`."""
    return bool(rule.regexes) and not rule.is_inverted and not rule.match_names_only


def _matches(rule: ParameterRule, names: set[str], text: str) -> bool:
    """Return whether a rule that is not looked up by name matches a parameter."""
    if rule.match_names_only:
        is_match = any(_any_matches(rule.regexes, name) for name in names)
    else:
        is_match = _any_matches(rule.regexes, text) or not rule.names.isdisjoint(names)
    return is_match != rule.is_inverted


def _any_matches(regexes: Sequence[Regex], text: str) -> bool:
    return any(regex.matches(text) for regex in regexes)


def _is_encodable(url: str) -> bool:
    """Return whether RE2 can search an address.

    It cannot if the address has half of a surrogate pair.
    """
    return url.isascii() or not any("\ud800" <= char <= "\udfff" for char in url)
