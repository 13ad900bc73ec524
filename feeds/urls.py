"""Addresses, `str` to `str`: edited textually, so that every byte that no rule names stays (CRUFT.md 0.6).

Pure, without HTML and without tables of its own: what to strip or unwrap comes in as compiled pack data.
No function here raises on any string, and each one applied twice gives what it gives once.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin

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
    r"https?://(?:[a-z0-9\-]+\.)+[a-z]{2,}(?:[/?#](?:[!#$&'()*+,/:;=?@\[\]~\w.\-]|%[0-9a-fA-F]{2})*)?",
    re.ASCII,
)
_BARE_HOST = re.compile(r"^[\w\-]+(?:\.[\w\-]+)+(?::\d+)?(?:[/?#]|$)")
_UNSAFE = re.compile(r"[^!#$%&'()*+,/:;=?@\[\]~\w.\-]|[^\x00-\x7f]|%(?![0-9a-fA-F]{2})")
# `&#038;` that lost its ampersand or was encoded twice: a query that goes on (CRUFT.md 3.2).
_LOST_AMPERSAND = re.compile("&?#038;")
_LONGEST = 16_000
"""A longer address is none (the longest real one has 4,849 characters, CRUFT.md 1.5): it is not worked on."""


@dataclass(frozen=True, slots=True)
class Names:
    """Parameter names: exact ones, and `utm_*` as the prefix `utm_`."""

    exact: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    def match(self, name: str) -> bool:
        """Whether a parameter of this name is listed; case counts, as it does in addresses."""
        return name in self.exact or name.startswith(self.prefixes)


@dataclass(frozen=True, slots=True)
class Tracking:
    """Which parameters only track: everywhere, and on some hosts (subdomains included)."""

    anywhere: Names = Names()
    hosts: Mapping[str, Names] = field(default_factory=dict)
    keep: Mapping[str, Names] = field(default_factory=dict)
    """Host -> names that do something there, whatever `anywhere` says."""


@dataclass(frozen=True, slots=True)
class Wrapper:
    """An address that holds another one: an image proxy, or a redirect."""

    hosts: frozenset[str]
    parameters: tuple[str, ...] = ()
    """Query parameters that hold the target, in order of preference."""
    options: frozenset[str] = frozenset()
    """The wrapper's own parameters, which end a target that stands unencoded in the query."""
    path: re.Pattern[str] | None = None
    """Matches what follows the host; its group `target` is the original."""


def host(url: str) -> str:
    """The host in lower case without port; empty where there is none."""
    match = _HOST.match(url.strip())
    return match.group(1).lower() if match else ""


def parents(name: str) -> list[str]:
    """A host and its parent domains, nearest first: `a.b.c` -> `a.b.c`, `b.c`, `c`."""
    labels = name.split(".")
    return [".".join(labels[index:]) for index in range(len(labels))]


def lookup(name: str, table: Mapping[str, Names]) -> list[Names]:
    """The entries of a host table that hold for a host: its own and those of its parent domains."""
    return [table[parent] for parent in parents(name) if parent in table]


def _parameter_name(pair: str) -> str:
    """The name in `name=value`, also where the pair is percent-encoded as a whole or has `amp;` debris."""
    name = pair.partition("=")[0]
    if "%" in name:
        name = unquote(name).partition("=")[0]
    return name.removeprefix("amp;").removeprefix("#038;")


def strip_tracking(url: str, tracking: Tracking) -> str:
    """Take the listed parameters out of query and fragment; everything else stays byte for byte.

    Text fragments (`#:~:text=`) go too: they point at a sentence of the page for whoever shared it.
    """
    if "?" not in url and "#" not in url:
        return url
    url = _LOST_AMPERSAND.sub("&", url)
    address, hash_sign, fragment = url.partition("#")
    name = host(url)
    rules = [tracking.anywhere, *lookup(name, tracking.hosts)]
    kept = lookup(name, tracking.keep)

    def tracks(pair: str) -> bool:
        parameter = _parameter_name(pair)
        if any(names.match(parameter) for names in kept):
            return False
        return any(names.match(parameter) for names in rules)

    base, mark, query = address.partition("?")
    if mark:
        pairs = query.split("&")
        rest = [pair for pair in pairs if not tracks(pair)]
        if len(rest) < len(pairs):
            query = "&".join(rest).removeprefix("amp;")
            address = f"{base}?{query}" if query else base
    if hash_sign:
        shown = fragment.partition(":~:")[0]
        if "=" in shown and all(tracks(pair.rpartition("?")[2]) for pair in shown.split("&")):
            shown = ""
        if shown != fragment:
            hash_sign, fragment = ("#", shown) if shown else ("", "")
    return f"{address}{hash_sign}{fragment}"


def _target_in_query(url: str, wrapper: Wrapper) -> str:
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
            (n for n, piece in enumerate(pieces) if n and _parameter_name(piece) in wrapper.options), None
        )
        return "&".join(pieces[:own])
    return ""


def _target(url: str, wrapper: Wrapper) -> str:
    if wrapper.path:
        rest = url[url.index("//") + 2 :] if "//" in url else url
        tail = rest[len(rest.partition("/")[0].partition("?")[0]) :]
        match = wrapper.path.match(tail)
        target = match.group("target") if match else ""
        if re.match(r"https?%3a", target, re.IGNORECASE):
            target = unquote(target)
    else:
        target = _target_in_query(url, wrapper)
    target = target.strip().removeprefix("ssl:")
    if re.match(r"https?:/[^/]", target):  # a path that folds `//` into `/`
        target = target.replace(":/", "://", 1)
    if target.startswith("//"):
        return "https:" + target
    if re.match(r"https?://[^/]", target, re.IGNORECASE):
        return target
    return "https://" + target if _BARE_HOST.match(target) else ""


def _on_host(name: str, wrappers: Mapping[str, Sequence[Wrapper]]) -> Iterator[Wrapper]:
    for parent in parents(name):
        yield from wrappers.get(parent, ())


def unwrap(url: str, wrappers: Mapping[str, Sequence[Wrapper]]) -> str:
    """Unwrap proxies or redirects, nested ones to the end; `wrappers` maps a host to its wrappers."""
    if len(url) > _LONGEST:
        return url
    while True:  # ends: each target leaves out at least the wrapper's host
        for wrapper in _on_host(host(url), wrappers):
            target = _target(url, wrapper)
            if target and target != url:
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
