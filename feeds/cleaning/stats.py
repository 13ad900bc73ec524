"""What cleaning an article did, in numbers, and what people call what the rules do. Pure, and without a tree.

Counted is what a browser, or a reader that shows HTML, asks for by itself when it shows a body: pictures,
frames, scripts, styles, players, and what lazy pictures name for their scripts. Hosts of the publisher are
left out: the domain of the article's link and that of the source's home page, with all hosts under them.
A domain is what `urls.sites` takes for one, without a list of public suffixes: what a publisher has on
another domain (`bbci.co.uk`) counts as another's.
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
"""Raised with every change to what is counted, so that stored articles are counted again."""

MAX_HOSTS = 50
"""Of one body, how many hosts are named; the others are counted."""


class Kind(NamedTuple):
    """Rules that people would call by one name."""

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
"""Every rule in one kind, in the order in which people care. Counting pixels go by `drop`, as much else does:
what contacts that spared a reader, the hosts tell."""

KIND_OF: Mapping[str, str] = {rule: kind.name for kind in KINDS for rule in kind.rules}

WITHOUT_RECEIPT = frozenset({"referrers", "line-ends", "paragraph", "media"})
"""Rules whose work is no loss, so receipts do not list it (of `media` they list only players without an
address). That a receipt does not name such a rule does not mean that the rule changed nothing."""


def count_by_kind(receipt: Receipt) -> dict[str, int]:
    """How many pieces of each kind were removed or changed; kinds with none are left out."""
    return group_by_kind(receipt.pieces)


def group_by_kind(pieces: Mapping[str, int]) -> dict[str, int]:
    """Pieces by rule as pieces by kind, in the order of KINDS. A rule that is no more has no kind."""
    counts = {kind.name: sum(pieces.get(rule, 0) for rule in kind.rules) for kind in KINDS}
    return {kind: count for kind, count in counts.items() if count}


def count_trackers_removed(pieces: Mapping[str, int]) -> int:
    """How many addresses lost what only tracks."""
    return group_by_kind(pieces).get("trackers", 0)


def count_pictures_returned(pieces: Mapping[str, int]) -> int:
    """How many pictures (and links to pictures) lead to their publisher again, not through a proxy."""
    return group_by_kind(pieces).get("proxies", 0)


def measure(found: str, served: str, *, link: str, home: str) -> CleaningStats:
    """The numbers of one article: the body as found and as served, its link, its source's home page."""
    own = tuple(f".{_domain(host)}" for host in (urls.host(link), urls.host(home)) if host)
    before, more_before = _named(found, own)
    after, more_after = _named(served, own)
    return CleaningStats(
        before=_size(found),
        after=_size(served),
        hosts_before=before,
        hosts_after=after,
        more_before=more_before,
        more_after=more_after,
    )


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=1024)
def _domain(host: str) -> str:
    """A host without what stands before the name that somebody registered."""
    below = sum(site.endswith(".*") for site in urls.sites(host))
    return urls.parents(host)[below - 1] if below else host


def _named(html: str, own: tuple[str, ...]) -> tuple[tuple[str, ...], int]:
    found = [host for host in dict.fromkeys(contacted_hosts(html)) if not f".{host}".endswith(own)]
    return tuple(sorted(found[:MAX_HOSTS])), max(0, len(found) - MAX_HOSTS)


# -- what a browser asks for by itself ----------------------------------------------------------------------


def _either(names: str) -> str:
    """A pattern of names in small or large letters: faster than a flag."""
    return "".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in names)


# What is possessive here never goes back, so that no text takes longer than its length.
_COMMENT = r"!--(?:-?>|(?:[^-]++|-(?!->))*+)"
_ATTRIBUTES = r"((?:[\s/=]++|[^\s=>/]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+)?)?)*+)"
_ATTRIBUTE = re.compile(r"([^\s=>/]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"'][^\s>]*+)?)?)?")
_RAW = (  # what stands in these is no HTML
    rf"({_either('script')}|{_either('style')})(?=[\s/>]){_ATTRIBUTES}"
    rf">?+((?:[^<]++|<(?!/(?:{_either('scr')}|{_either('sty')})))*+)"
)
_ASKING = "img|iframe|source|link|video|audio|embed|object|input|image|track|frame"
_LOADING = re.compile(
    rf"<(?=[!iIsSlLvVaAeEoOtTfF])(?:{_COMMENT}|{_RAW}|({_either(_ASKING)}"
    rf"|{_either('table|td|th')}(?=[^<>]*?{_either('background')}))(?=[\s/>]){_ATTRIBUTES})"
)
# Where styles may ask for something, every element is looked at.
_ANY = re.compile(rf"<(?:{_COMMENT}|{_RAW}|([a-zA-Z][^\s/>]*+){_ATTRIBUTES})")

_WAITING = "src lazy-src original cfsrc actualsrc original-src hi-res-src url srcset lazy-srcset"
_SOURCES = frozenset({"src", "srcset", "poster", *(f"data-{name}" for name in _WAITING.split())})
_ADDRESSES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys([*_ASKING.split("|"), "script"], _SOURCES),
    "object": frozenset({"data"}),
    "image": frozenset({"href", "xlink:href", "src"}),
    "link": frozenset({"href"}),
}
_ANYWHERE = frozenset({"background"})
_LINKED = re.compile(r"stylesheet|preload|prefetch|preconnect|icon|manifest", re.IGNORECASE)

_HOST = (
    r"[/\\]{2,}+(?:[^/\\?#@\s\"']*+@)?+([^/\\?#@:\s\x00-\x20\x7f\"'()<>\[\]]{1,253}+|\[[0-9a-fA-F:.]{2,45}\])"
)
_SCHEME = f"(?:{_either('http')}[sS]?:)?"
_ADDRESS = re.compile(rf"\A\s*+{_SCHEME}{_HOST}")
# A candidate stands at the beginning, behind a blank, or behind the size of the one before it.
_CANDIDATE = re.compile(rf"(?<!\S)(?:[\d.]{{1,10}}[wxh],+)?{_SCHEME}{_HOST}")
_STYLE = re.compile(rf"(?:{_either('url')}\(|@{_either('import')})\s*+[\"']?{_SCHEME}{_HOST}")
_MAX_BRACKETS = 1_000
_BEGINNING = 16  # characters; scheme and slashes may be written as entities


def contacted_hosts(html: str) -> list[str]:
    """The host of every address that showing this HTML asks for, in its order, repeated ones repeated."""
    hosts: list[str] = []
    pattern = _ANY if _is_styled(html) else _LOADING
    for raw, raw_attributes, content, element, attributes in pattern.findall(html):
        if element:
            _add(hosts, element.lower(), attributes)
        elif raw:
            _add(hosts, raw.lower(), raw_attributes)
            if raw[1] in "tT":
                hosts += _STYLE.findall(content)
    return [host for host in map(_as_written_in_addresses, hosts) if host]


def _is_styled(html: str) -> bool:
    """Whether `url(` stands in it, or may: looked for by its bracket, which is rare."""
    bracket = -1
    for _ in range(_MAX_BRACKETS):
        bracket = html.find("(", bracket + 1)
        if bracket < 0:
            return False
        if html[max(0, bracket - 3) : bracket].lower() == "url":
            return True
    return True


def _add(hosts: list[str], element: str, attributes: str) -> None:
    if element == "link" and not _LINKED.search(attributes):
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
        hosts += pattern.findall(unescape(value) if "&" in value[:_BEGINNING] else value)


@lru_cache(maxsize=1024)
def _as_written_in_addresses(host: str) -> str:
    """A host in small letters and ASCII; empty where it can be none."""
    if not host.isascii():
        return urls.host(urls.absolute(f"https://{host}/"))
    return host.lower().rstrip(".")
