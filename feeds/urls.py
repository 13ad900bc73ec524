"""Addresses, `str` to `str`: edited textually, so that every byte that no rule names stays (CRUFT.md 0.6).

Pure, without HTML and without tables of its own: what to strip or unwrap comes in as compiled pack data.
No function here raises on any string, and each one applied twice gives what it gives once.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, TypeVar
from urllib.parse import quote, unquote, urljoin

from feeds import wrapped

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*:")
_HOST = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.\-]*:)?//(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:@]*)")
# `words https:/host/…`: text that ran into the attribute, and a slash that was lost (CRUFT.md 3.9).
_AFTER_TEXT = re.compile(r"^[^:/?#]*\s(?=https?:/)")
_SLASHES = re.compile(r"^(https?):(?:/|/{3,})(?=[^/])", re.IGNORECASE)
# `https://www.economist.comhttps://…` and `http://https://…`: the later address is the meant one
# (CRUFT.md 3.9). The host must run into the scheme, so an archive's path that holds an address stays.
_CONCATENATED = re.compile(r"^https?:/{1,2}(?:[\w.\-]*?)(?=https?://)")
_AUTHORITY = re.compile(
    r"https?://(?:[^/?#@]*@)?(?P<host>[a-zA-Z0-9._\-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{0,5}))?(?=[/?#]|$)",
    re.IGNORECASE,
)
# What most addresses are: nothing in such a one needs mending. A shortcut; the long way says the same.
_GOOD = re.compile(
    r"https?://(?:[a-z0-9\-]+\.)+[a-z]{2,}"
    r"(?:[/?#][!#$&'()*+,/:;=?@\[\]~\w.\-]*+(?:%[0-9a-fA-F]{2}[!#$&'()*+,/:;=?@\[\]~\w.\-]*+)*+)?",
    re.ASCII,
)
_BARE_HOST = re.compile(r"^[\w\-]+(?:\.[\w\-]+)+(?::\d+)?(?:[/?#]|$)")
_UNSAFE = re.compile(r"[^!#$%&'()*+,/:;=?@\[\]~\w.\-]+|[^\x00-\x7f]+|%(?![0-9a-fA-F]{2})")
# `&#038;` that lost its ampersand or was encoded twice: a query that goes on (CRUFT.md 3.2).
_LOST_AMPERSAND = re.compile("&?#038;")
# What follows a publisher's name in his host: a country's or another top-level domain.
_SUFFIX = re.compile(r"\.(?:(?:ac|co|com|edu|go|gov|ne|net|or|org)\.[a-z]{2}|[a-z][a-z0-9\-]+)$")
ANY_HOST = ""
"""The key in a table of wrappers of those that are tried on every address."""
_LONGEST = 16_000
"""A longer address is none (the longest real one has 4,849 characters, CRUFT.md 1.5): it is not worked on."""
_LONGEST_HOST = 253
_MOST_LABELS = 8  # of a host that is to be encoded, which takes long
_MOST_ROUNDS = 10


Entry = TypeVar("Entry")


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
    """Lists of tracking that others keep, compiled (feeds/lists)."""

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


class Wrapper(Protocol):
    """An address that holds another one: an image proxy, or a redirect."""

    def target(self, url: str) -> str:
        """The address that `url` holds; empty where it holds none."""


@dataclass(frozen=True, slots=True)
class HostWrapper:
    """A wrapper as packs describe it: the target stands in a parameter or in the path."""

    parameters: tuple[str, ...] = ()
    """Query parameters that hold the target, in order of preference."""
    options: frozenset[str] = frozenset()
    """The wrapper's own parameters, which end a target that stands unencoded in the query."""
    path: re.Pattern[str] | None = None
    """Matches what follows the host; its group `target` is the original."""
    decode: str = ""
    """How the target is encoded, a key of `wrapped.DECODERS`; empty where it is not."""

    def target(self, url: str) -> str:
        """The address that `url` holds; empty where it holds none."""
        if self.path:
            rest = url[url.index("//") + 2 :] if "//" in url else url
            tail = rest[len(rest.partition("/")[0].partition("?")[0]) :]
            match = self.path.match(tail)
            held = match.group("target") if match else ""
        else:
            held = _held_in_query(url, self)
        return held_address(wrapped.DECODERS[self.decode](held) if self.decode else held)


def host(url: str) -> str:
    """The host in lower case without port; empty where there is none, or one longer than a host can be."""
    match = _HOST.match(url.strip())
    return match.group(1).lower() if match and len(match.group(1)) <= _LONGEST_HOST else ""


def parents(name: str) -> list[str]:
    """A host and its parent domains, nearest first: `a.b.c` -> `a.b.c`, `b.c`, `c`."""
    labels = name.split(".")
    return [".".join(labels[index:]) for index in range(len(labels))]


@lru_cache(maxsize=1024)
def sites(name: str) -> tuple[str, ...]:
    """The keys under which a table may list a host, nearest first: `www.a.co.uk` -> itself, `a.co.uk`,
    `co.uk`, `uk`, `www.a.*`, `a.*`. None for what is longer than a host can be (RFC 1035 section 2.3.4).
    """
    if len(name) > _LONGEST_HOST:
        return ()
    suffix = _SUFFIX.search(name)
    national = parents(name[: suffix.start()]) if suffix else []
    return (*parents(name), *(f"{parent}.*" for parent in national if parent))


def lookup(name: str, table: Mapping[str, Entry]) -> list[Entry]:
    """The entries of a host table that hold for a host: its own and those of its parent domains."""
    return [table[site] for site in sites(name) if site in table]


def parameter_name(pair: str) -> str:
    """The name in `name=value`, also where the pair is percent-encoded as a whole or has `amp;` debris."""
    name = pair.partition("=")[0]
    if "%" in name:
        name = unquote(name).partition("=")[0]
    return name.removeprefix("amp;").removeprefix("#038;")


def strip_tracking(url: str, tracking: Tracking, *, picture: bool = False) -> str:
    """Take what is listed out of query, fragment and path; everything else stays byte for byte.

    Text fragments (`#:~:text=`) go too: they point at a sentence of the page for whoever shared it.
    `picture`: the address is not a link's but a picture's, a sound's or a film's.
    """
    made = url
    for _ in range(_MOST_ROUNDS):  # one edit may make another one possible
        before, made = made, _stripped(made, tracking, picture)
        if made == before:
            return made
    return url


def _stripped(url: str, tracking: Tracking, picture: bool) -> str:
    lists = tracking.lists if len(url) <= _LONGEST else None
    if lists:
        url = lists.shortened(url)
    name = host(url)
    if tracking.paths and (shapes := lookup(name, tracking.paths)):
        url = _without_path_pieces(url, [shape for listed in shapes for shape in listed])
    if "?" not in url and "#" not in url:
        return url
    url = _LOST_AMPERSAND.sub("&", url)
    address, hash_sign, fragment = url.partition("#")
    rules = [tracking.anywhere, *lookup(name, tracking.hosts)]
    kept = lookup(name, tracking.keep)
    listed = lists.tracks(url, picture) if lists else None

    def tracks(pair: str, in_fragment: bool, rules: Sequence[Names] = rules) -> bool:
        parameter, value = parameter_name(pair), pair.partition("=")[2]
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
    """An address without the pieces of its path that a pack names; host, query and fragment stay."""
    authority = _HOST.match(url)
    start = authority.end() if authority else len(url)
    end = next((n for n, char in enumerate(url) if char in "?#" and n >= start), len(url))
    if "/" not in url[start:end]:
        return url
    start = url.index("/", start)
    path = url[start:end]
    for shape in shapes:
        path = shape.sub("", path)
    return url[:start] + (path if path.startswith("/") or not path else f"/{path}") + url[end:]


def _held_in_query(url: str, wrapper: HostWrapper) -> str:
    query = url.partition("?")[2]
    for parameter in wrapper.parameters:
        start = 0 if query.startswith(f"{parameter}=") else query.find(f"&{parameter}=") + 1
        if start == 0 and not query.startswith(f"{parameter}="):
            continue
        value = query[start + len(parameter) + 1 :]
        first, _, _ = value.partition("&")
        if not first:  # `?q=&url=…`
            continue
        if re.search("%2f|%3a", first, re.IGNORECASE) and "/" not in first.partition("%")[0]:
            return unquote(first)
        if not wrapper.options:
            return first
        # Unencoded: the original's own query runs on until one of the wrapper's options.
        pieces = value.split("&")
        own = next(
            (n for n, piece in enumerate(pieces) if n and parameter_name(piece) in wrapper.options), None
        )
        return "&".join(pieces[:own])
    return ""


def held_address(text: str) -> str:
    """What a wrapper holds as an address, where it is one: decoded, with a scheme; else empty."""
    for _ in range(_MOST_ROUNDS):  # encoded once for each wrapper around it
        if not re.match("https?%(?:25)*3a", text, re.IGNORECASE):
            break
        text = unquote(text)
    text = text.strip().removeprefix("ssl:")
    if re.match(r"https?:/[^/]", text):  # a path that folds `//` into `/`
        text = text.replace(":/", "://", 1)
    if text.startswith("//"):
        return "https:" + text
    if re.match(r"https?://[^/]", text, re.IGNORECASE):
        return text
    return "https://" + text if _BARE_HOST.match(text) else ""


def _on_host(name: str, wrappers: Mapping[str, Sequence[Wrapper]]) -> Iterator[Wrapper]:
    for site in (*sites(name), ANY_HOST):
        yield from wrappers.get(site, ())


def unwrap(url: str, wrappers: Mapping[str, Sequence[Wrapper]]) -> str:
    """Unwrap proxies or redirects, nested ones to the end; `wrappers` maps a host to its wrappers."""
    if len(url) > _LONGEST:
        return url
    while True:  # ends: each target is shorter than what held it
        for wrapper in _on_host(host(url), wrappers):
            target = wrapper.target(url)
            if target and len(target) < len(url):
                url = target
                break
        else:
            return url


def absolute(url: str, base: str = "") -> str:
    """An absolute http(s) or mailto address in ASCII, or an empty string where none can be made.

    Mends host concatenation and blanks, resolves relative and protocol-relative addresses against
    `base` (RFC 3986 section 5), percent-encodes what RSS does not take (CRUFT.md 3.9).
    """
    if len(url) > _LONGEST:
        return ""
    if _GOOD.fullmatch(url):
        return url
    url = _mended(url)
    try:
        if not _SCHEME.match(url):
            url = _mended(urljoin(base, url)) if base and url else ""
        if url[:7].lower() == "mailto:":
            return _UNSAFE.sub(_percent, url)
        return ascii_url(url)
    except ValueError:  # urljoin and idna object to what is no address, such as an open bracket
        return ""


def _mended(url: str) -> str:
    while True:
        made = url.strip().replace("\n", "").replace("\t", "")
        made = _SLASHES.sub(r"\1://", _AFTER_TEXT.sub("", _CONCATENATED.sub("", made)))
        if made.startswith("//"):
            made = "https:" + made
        if made == url:
            return url
        url = made


def ascii_url(url: str) -> str:
    """An http(s) address in ASCII, `%` and delimiters as they stand; empty where it has no host."""
    match = _HOST.match(url)
    if not match or not match.group(1) or url[:4].lower() != "http":
        return ""
    if url.isascii() and not _UNSAFE.search(url):
        parsed = url
    else:
        name = match.group(1)
        if len(name) > _LONGEST_HOST or (not name.isascii() and name.count(".") >= _MOST_LABELS):
            return ""
        shown = name if name.isascii() else name.encode("idna").decode("ascii")
        parsed = url[: match.start(1)] + shown + url[match.end(1) :]
        parsed = _UNSAFE.sub(_percent, parsed)
    return parsed if _has_valid_host(parsed) else ""


def _has_valid_host(url: str) -> bool:
    """Whether scheme, host and port are ones that a browser would take (WHATWG URL, "host parsing")."""
    match = _AUTHORITY.match(url)
    if not match or int(match["port"] or 0) > 65535:
        return False
    name = match["host"]
    if name.startswith("[") or name.rstrip(".").rpartition(".")[2].isdigit():
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
    return True


def canonical(url: str) -> str:
    """An article's link as it is served: ASCII, no doubled slashes in the path (CRUFT.md 1.3, 4)."""
    url = absolute(url)
    if url[:7].lower() == "mailto:":
        return ""
    start = url.find("//") + 2
    end = next((n for n, char in enumerate(url) if char in "?#"), len(url))
    return url[:start] + re.sub("/{2,}", "/", url[start:end]) + url[end:]


def _percent(match: re.Match[str]) -> str:
    return "%25" if match.group(0) == "%" else quote(match.group(0))
