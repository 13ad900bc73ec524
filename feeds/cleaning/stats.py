"""Measure what cleaning did to an article; group the rules into kinds. Pure.

There is no tree. Counted are the hosts that a browser, or a reader that shows HTML, contacts by itself when
it shows a body: for pictures, frames, scripts, styles and players, and for the addresses in lazy pictures
that a script would load. Hosts of the publisher are left out: the domain of the article's link and that of
the source's home page, with all hosts under them. Domains are those of `urls.host_keys`, without a list of
public suffixes: another domain of the same publisher (`bbci.co.uk`) counts as a third party.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from html import unescape
from typing import NamedTuple

from feeds.model.articles import CleaningStats, Receipt
from feeds.text import urls

VERSION = 1
"""Raised with every change of the measurement, so that stored articles are measured again."""

MAX_HOSTS = 50
"""The number of hosts of one body that are named; further ones are only counted."""


class Kind(NamedTuple):
    """A group of rules that people would call by one name."""

    name: str
    about: str
    rules: tuple[str, ...]


KINDS: tuple[Kind, ...] = (
    Kind("trackers", "tracking taken out of links", ("tracking", "redirects")),
    Kind("proxies", "pictures returned to their publisher", ("image-proxies", "referrers")),
    Kind(
        "furniture",
        "advertising, widgets, scripts and what mirrors append",
        (
            "drop", "asides", "passages", "footers", "endings", "bylines", "stamp", "repeated-title",
        ),
    ),
    Kind("frames", "pages in frames made links", ("placeholders", "embeds")),
    Kind(
        "pictures",
        "pictures, films and sounds put right",
        ("noscript", "lazy-images", "emoji", "captions", "repeated-images", "media"),
    ),
    Kind("links", "links put right", ("emails", "unlink", "addresses", "page-links")),
    Kind(
        "repairs",
        "broken or empty markup mended",
        (
            "entities", "invisible", "foreign", "emphasis", "paragraph", "line-ends", "lists", "breaks",
            "wrappers", "empty",
        ),
    ),
)  # fmt: skip
"""The kinds, those first that interest people most; each rule is in one kind. Tracking pixels count as
`drop`; `hosts_before` and `hosts_after` show the contacts avoided."""

KIND_OF: Mapping[str, str] = {rule: kind.name for kind in KINDS for rule in kind.rules}
"""The name of each rule's kind."""

WITHOUT_RECEIPT = frozenset({"referrers", "line-ends", "paragraph", "media"})
"""Rules whose work is no loss, so receipts do not list it (of `media` they list only players without an
address). That a receipt does not name such a rule does not mean that the rule changed nothing."""


def count_by_kind(receipt: Receipt) -> dict[str, int]:
    """Return how many pieces of each kind were removed or changed.

    Kinds without any are left out.
    """
    return group_by_kind(receipt.pieces)


def group_by_kind(pieces: Mapping[str, int]) -> dict[str, int]:
    """Add up pieces by rule to pieces by kind, in the order of KINDS.

    Rules that do not exist any more are left out, and so are kinds without any piece.
    """
    counts = {kind.name: sum(pieces.get(rule, 0) for rule in kind.rules) for kind in KINDS}
    return {kind: count for kind, count in counts.items() if count}


def count_trackers_removed(pieces: Mapping[str, int]) -> int:
    """Return the number of addresses from which tracking was removed."""
    return group_by_kind(pieces).get("trackers", 0)


def count_pictures_returned(pieces: Mapping[str, int]) -> int:
    """Return the number of pictures that lead to their publisher, not to a proxy.

    Links to pictures are included.
    """
    return group_by_kind(pieces).get("proxies", 0)


def measure(before: str, after: str, *, link: str, home: str) -> CleaningStats:
    """Measure one article: sizes and third-party hosts, before and after cleaning.

    `before` and `after` are the body before and after cleaning, `link` is the article's address, `home` that
    of its source.
    """
    own = tuple(f".{_domain(host)}" for host in (urls.host(link), urls.host(home)) if host)
    hosts_before, more_before = _third_party_hosts(before, own)
    hosts_after, more_after = _third_party_hosts(after, own)
    return CleaningStats(
        before=_utf8_bytes(before),
        after=_utf8_bytes(after),
        hosts_before=hosts_before,
        hosts_after=hosts_after,
        more_before=more_before,
        more_after=more_after,
    )


def _utf8_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=1024)
def _domain(host: str) -> str:
    """Return the registered domain of a host."""
    below = sum(site.endswith(".*") for site in urls.host_keys(host))
    return urls.parent_domains(host)[below - 1] if below else host


def _third_party_hosts(html: str, own: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    hosts = [host for host in dict.fromkeys(contacted_hosts(html)) if not f".{host}".endswith(own)]
    return tuple(sorted(hosts[:MAX_HOSTS])), max(0, len(hosts) - MAX_HOSTS)


# -- what a browser loads by itself -------------------------------------------------------------------------


def _any_case(names: str) -> str:
    """Return a pattern for names in lower or upper case; it is faster than a flag."""
    return "".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in names)


# Possessive quantifiers never backtrack, so that the time is linear in the length of any text.
_COMMENT = r"!--(?:-?>|(?:[^-]++|-(?!->))*+)"
_ATTRIBUTES = r"((?:[\s/=]++|[^\s=>/]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+)?)?)*+)"
_ATTRIBUTE = re.compile(r"([^\s=>/]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"'][^\s>]*+)?)?)?")
_RAW = (  # elements whose content is not HTML
    rf"({_any_case('script')}|{_any_case('style')})(?=[\s/>]){_ATTRIBUTES}"
    rf">?+((?:[^<]++|<(?!/(?:{_any_case('scr')}|{_any_case('sty')})))*+)"
)
_LOADING_ELEMENTS = "img|iframe|source|link|video|audio|embed|object|input|image|track|frame"
_LOADING_TAG = re.compile(
    rf"<(?=[!iIsSlLvVaAeEoOtTfF])(?:{_COMMENT}|{_RAW}|({_any_case(_LOADING_ELEMENTS)}"
    rf"|{_any_case('table|td|th')}(?=[^<>]*?{_any_case('background')}))(?=[\s/>]){_ATTRIBUTES})"
)
# Every element, for HTML whose styles may load something.
_ANY_TAG = re.compile(rf"<(?:{_COMMENT}|{_RAW}|([a-zA-Z][^\s/>]*+){_ATTRIBUTES})")

_LAZY_ATTRIBUTES = "src lazy-src original cfsrc actualsrc original-src hi-res-src url srcset lazy-srcset"
_SOURCES = frozenset({"src", "srcset", "poster", *(f"data-{name}" for name in _LAZY_ATTRIBUTES.split())})
_ADDRESSES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys([*_LOADING_ELEMENTS.split("|"), "script"], _SOURCES),
    "object": frozenset({"data"}),
    "image": frozenset({"href", "xlink:href", "src"}),
    "link": frozenset({"href"}),
}
_ANYWHERE = frozenset({"background"})
_LOADING_REL = re.compile(r"stylesheet|preload|prefetch|preconnect|icon|manifest", re.IGNORECASE)

_HOST = (
    r"[/\\]{2,}+(?:[^/\\?#@\s\"']*+@)?+([^/\\?#@:\s\x00-\x20\x7f\"'()<>\[\]]{1,253}+|\[[0-9a-fA-F:.]{2,45}\])"
)
_SCHEME = f"(?:{_any_case('http')}[sS]?:)?"
_ADDRESS = re.compile(rf"\A\s*+{_SCHEME}{_HOST}")
# A candidate of `srcset` is at the beginning, after a blank, or after the size of the candidate before it.
_CANDIDATE = re.compile(rf"(?<!\S)(?:[\d.]{{1,10}}[wxh],+)?{_SCHEME}{_HOST}")
_STYLE = re.compile(rf"(?:{_any_case('url')}\(|@{_any_case('import')})\s*+[\"']?{_SCHEME}{_HOST}")
_MAX_BRACKETS = 1_000
_PREFIX_CHARACTERS = 16  # characters of an address in which scheme and slashes may be written as entities


def contacted_hosts(html: str) -> list[str]:
    """Return the host of each address that a browser loads to show this HTML.

    The hosts are in the order of the addresses; a host can occur several times.
    """
    hosts: list[str] = []
    pattern = _ANY_TAG if _is_styled(html) else _LOADING_TAG
    for raw, raw_attributes, content, element, attributes in pattern.findall(html):
        if element:
            _add_hosts(hosts, element.lower(), attributes)
        elif raw:
            _add_hosts(hosts, raw.lower(), raw_attributes)
            if raw[1] in "tT":
                hosts += _STYLE.findall(content)
    return [host for host in map(_normalise, hosts) if host]


def _is_styled(html: str) -> bool:
    """Return whether the text contains `url(`, or at least 1,000 brackets.

    It is searched for by the bracket, which is rare.
    """
    bracket = -1
    for _ in range(_MAX_BRACKETS):
        bracket = html.find("(", bracket + 1)
        if bracket < 0:
            return False
        if html[max(0, bracket - 3) : bracket].lower() == "url":
            return True
    return True


def _add_hosts(hosts: list[str], element: str, attributes: str) -> None:
    if element == "link" and not _LOADING_REL.search(attributes):
        return
    addresses = _ADDRESSES.get(element, _ANYWHERE)
    for name, double, single, bare in _ATTRIBUTE.findall(attributes):
        name = name.lower()
        if name in addresses:
            pattern = _CANDIDATE if name[-3:] == "set" else _ADDRESS
        elif name == "style":
            pattern = _STYLE
        else:
            continue
        value = double or single or bare
        hosts += pattern.findall(unescape(value) if "&" in value[:_PREFIX_CHARACTERS] else value)


@lru_cache(maxsize=1024)
def _normalise(host: str) -> str:
    """Return a host in lower case and ASCII; empty if it is not a valid host."""
    if not host.isascii():
        return urls.host(urls.make_absolute(f"https://{host}/"))
    return host.lower().rstrip(".")
