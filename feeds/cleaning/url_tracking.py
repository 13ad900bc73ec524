"""Remove tracking from URLs, as packs and tracking lists name it.

Every other byte is kept. Pure, without tables of its own: the tracking parameters come from compiled packs.
`strip_tracking` raises for no string, and applied twice it gives the same result as once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from feeds.text import urls

# `&#038;` that lost its ampersand or was encoded twice, between two parameters
# (docs/input-facts.md#image-proxies).
_LOST_AMPERSAND = re.compile("&?#038;")
_MAX_PASSES = 10
# A signature covers the whole address, so that a server refuses it without any of its parameters.
_SIGNATURES = frozenset(
    "signature sig sign hmac hdnts hdnea token policy key-pair-id auth auth_key authkey hash md5 verify hwt "
    "wssecret x-amz-signature x-goog-signature x-oss-signature x-cos-signature q-signature".split()
)


@dataclass(frozen=True, slots=True)
class ParameterNames:
    """Names of parameters: whole names, prefixes, and names with one value.

    `utm_*` of a pack is the prefix `utm_`; `name=value` means the parameter only if it has this value.
    """

    exact: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    pairs: frozenset[str] = frozenset()

    def matches(self, name: str, value: str = "") -> bool:
        """Return whether a parameter is listed, by its name or with its value.

        Upper and lower case differ, as in addresses.
        """
        return (
            name in self.exact
            or name.startswith(self.prefixes)
            or (bool(self.pairs) and f"{name}={value}" in self.pairs)
        )


class TrackingLists(Protocol):
    """Public lists of tracking parameters, compiled (feeds/cleaning/tracking_lists)."""

    def make_pair_matcher(self, url: str, picture: bool) -> Callable[[str, bool], bool]:
        """Return a function that tells whether a list names a parameter of an address.

        Its arguments are the parameter, as `name=value`, and whether it is in the fragment, not in the query.
        `picture`: the address is of a picture, a sound or a film.
        """

    def apply_raw_rules(self, url: str) -> str:
        """Remove from an address the text that raw rules match."""


@dataclass(frozen=True, slots=True)
class Tracking:
    """The tracking that a recipe removes.

    It is in parameters anywhere, and in parameters and parts of paths on some hosts. A host stands for its
    subdomains too, `name.*` for the name under any country's domain.
    """

    anywhere: ParameterNames = ParameterNames()
    hosts: Mapping[str, ParameterNames] = field(default_factory=dict)
    keep: Mapping[str, ParameterNames] = field(default_factory=dict)
    """Names by host that are kept there, also if `anywhere` or a list names them: they have a function."""
    paths: Mapping[str, tuple[re.Pattern[str], ...]] = field(default_factory=dict)
    """Patterns by host for parts of the path."""
    lists: TrackingLists | None = None


def strip_tracking(url: str, tracking: Tracking, *, picture: bool = False) -> str:
    """Remove tracking from query, fragment and path of a URL.

    Everything else is kept byte for byte. Text fragments (`#:~:text=`) are removed too: they point at a
    sentence of the page for the person who shared it. `picture`: the address is of a picture, a sound or a
    film, not of a link. Returns `url` unchanged if it does not settle in 10 passes.
    """
    stripped = url
    for _ in range(_MAX_PASSES):  # one edit may make another one possible
        before, stripped = stripped, _strip_once(stripped, tracking, picture)
        if stripped == before:
            return stripped
    return url


def is_signed(url: str) -> bool:
    """Return whether one of the parameters of a URL is a signature."""
    query = url.partition("#")[0].partition("?")[2]
    return bool(query) and any(urls.parameter_name(pair).lower() in _SIGNATURES for pair in query.split("&"))


def _strip_once(url: str, tracking: Tracking, picture: bool) -> str:
    lists = tracking.lists if len(url) <= urls.MAX_URL_CHARACTERS else None
    if lists:
        url = lists.apply_raw_rules(url)
    host = urls.host(url)
    if tracking.paths and (patterns := urls.lookup(host, tracking.paths)):
        url = _remove_path_pieces(url, [pattern for group in patterns for pattern in group])
    if "?" not in url and "#" not in url:
        return url
    url = _LOST_AMPERSAND.sub("&", url)
    address, hash_sign, fragment = url.partition("#")
    removed = [tracking.anywhere, *urls.lookup(host, tracking.hosts)]
    kept = urls.lookup(host, tracking.keep)
    in_lists = lists.make_pair_matcher(url, picture) if lists else None

    def is_tracking(pair: str, in_fragment: bool, removed: Sequence[ParameterNames] = removed) -> bool:
        parameter, value = urls.parameter_name(pair), pair.partition("=")[2]
        if any(names.matches(parameter, value) for names in kept):
            return False
        return any(names.matches(parameter, value) for names in removed) or (
            in_lists is not None and in_lists(pair, in_fragment)
        )

    base, mark, query = address.partition("?")
    if mark:
        pairs = query.split("&")
        rest = [pair for pair in pairs if not is_tracking(pair, False)]
        if len(rest) < len(pairs):
            query = "&".join(rest).removeprefix("amp;")
            address = f"{base}?{query}" if query else base
    if hash_sign:
        cleaned = fragment.partition(":~:")[0]
        if "=" in cleaned and all(is_tracking(pair.rpartition("?")[2], True) for pair in cleaned.split("&")):
            cleaned = ""
        elif in_lists:
            cleaned = "&".join(pair for pair in cleaned.split("&") if not is_tracking(pair, True, ()))
        if cleaned != fragment:
            hash_sign, fragment = ("#", cleaned) if cleaned else ("", "")
    return f"{address}{hash_sign}{fragment}"


def _remove_path_pieces(url: str, patterns: Sequence[re.Pattern[str]]) -> str:
    """Remove the parts of the path that a pack names.

    Host, query and fragment are kept.
    """
    start, end = urls.path_span(url)
    if start == end:
        return url
    path = url[start:end]
    for pattern in patterns:
        path = pattern.sub("", path)
    return url[:start] + (path if path.startswith("/") or not path else f"/{path}") + url[end:]
