"""Take tracking out of URLs: what packs and tracking lists name goes, every other byte stays.

Pure, without tables of its own: what only tracks comes in as compiled pack data. `strip_tracking` raises on
no string, and applied twice gives what it gives once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from feeds.text import urls

# `&#038;` that lost its ampersand or was encoded twice: a query that goes on
# (docs/input-facts.md#image-proxies).
_LOST_AMPERSAND = re.compile("&?#038;")
_MAX_PASSES = 10


@dataclass(frozen=True, slots=True)
class Names:
    """Parameter names: exact ones, `utm_*` as the prefix `utm_`, and `name=value` for one value only."""

    exact: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    pairs: frozenset[str] = frozenset()

    def match(self, name: str, value: str = "") -> bool:
        """Whether a parameter of this name, or with this value, is listed; case counts, as in addresses."""
        return (
            name in self.exact
            or name.startswith(self.prefixes)
            or (bool(self.pairs) and f"{name}={value}" in self.pairs)
        )


class Lists(Protocol):
    """Lists of tracking that others keep, compiled (feeds/cleaning/tracking_lists)."""

    def tracks(self, url: str, picture: bool) -> Callable[[str, bool], bool]:
        """For the pairs of one address: whether a pair is listed, in its query or (True) its fragment."""

    def shortened(self, url: str) -> str:
        """An address without what the lists take out of it as text."""


@dataclass(frozen=True, slots=True)
class Tracking:
    """What only tracks: parameters everywhere, parameters and pieces of the path on some hosts.

    A host stands for its subdomains too, `name.*` for the name under any country's domain.
    """

    anywhere: Names = Names()
    hosts: Mapping[str, Names] = field(default_factory=dict)
    keep: Mapping[str, Names] = field(default_factory=dict)
    """Host -> names that do something there, whatever `anywhere` and the lists say."""
    paths: Mapping[str, tuple[re.Pattern[str], ...]] = field(default_factory=dict)
    lists: Lists | None = None


def strip_tracking(url: str, tracking: Tracking, *, picture: bool = False) -> str:
    """Take what is listed out of query, fragment and path; everything else stays byte for byte.

    Text fragments (`#:~:text=`) go too: they point at a sentence of the page for whoever shared it.
    `picture`: the address is not a link's but a picture's, a sound's or a film's.
    """
    made = url
    for _ in range(_MAX_PASSES):  # one edit may make another one possible
        before, made = made, _stripped(made, tracking, picture)
        if made == before:
            return made
    return url


def _stripped(url: str, tracking: Tracking, picture: bool) -> str:
    lists = tracking.lists if len(url) <= urls.MAX_URL_CHARACTERS else None
    if lists:
        url = lists.shortened(url)
    name = urls.host(url)
    if tracking.paths and (shapes := urls.lookup(name, tracking.paths)):
        url = _without_path_pieces(url, [shape for listed in shapes for shape in listed])
    if "?" not in url and "#" not in url:
        return url
    url = _LOST_AMPERSAND.sub("&", url)
    address, hash_sign, fragment = url.partition("#")
    rules = [tracking.anywhere, *urls.lookup(name, tracking.hosts)]
    kept = urls.lookup(name, tracking.keep)
    listed = lists.tracks(url, picture) if lists else None

    def tracks(pair: str, in_fragment: bool, rules: Sequence[Names] = rules) -> bool:
        parameter, value = urls.parameter_name(pair), pair.partition("=")[2]
        if any(names.match(parameter, value) for names in kept):
            return False
        return any(names.match(parameter, value) for names in rules) or (
            listed is not None and listed(pair, in_fragment)
        )

    base, mark, query = address.partition("?")
    if mark:
        pairs = query.split("&")
        rest = [pair for pair in pairs if not tracks(pair, False)]
        if len(rest) < len(pairs):
            query = "&".join(rest).removeprefix("amp;")
            address = f"{base}?{query}" if query else base
    if hash_sign:
        shown = fragment.partition(":~:")[0]
        if "=" in shown and all(tracks(pair.rpartition("?")[2], True) for pair in shown.split("&")):
            shown = ""
        elif listed:
            shown = "&".join(pair for pair in shown.split("&") if not tracks(pair, True, ()))
        if shown != fragment:
            hash_sign, fragment = ("#", shown) if shown else ("", "")
    return f"{address}{hash_sign}{fragment}"


def _without_path_pieces(url: str, shapes: Sequence[re.Pattern[str]]) -> str:
    """A URL without the pieces of its path that a pack names; host, query and fragment stay."""
    start, end = urls.path_span(url)
    if start == end:
        return url
    path = url[start:end]
    for shape in shapes:
        path = shape.sub("", path)
    return url[:start] + (path if path.startswith("/") or not path else f"/{path}") + url[end:]
