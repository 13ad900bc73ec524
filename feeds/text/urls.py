"""Edit and take apart URLs as text, so that every byte that needs no mending stays
(docs/input-facts.md#urls).

Pure, without HTML. No function here raises on any string, and each edit applied twice gives what it gives
once.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar
from urllib.parse import quote, unquote, urljoin

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*:")
_HOST = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.\-]*:)?//(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:@]*)")
# `words https:/host/…`: text that ran into the attribute, and a slash that was lost
# (docs/input-facts.md#urls).
_AFTER_TEXT = re.compile(r"^[^:/?#]*\s(?=https?:/)")
_SLASHES = re.compile(r"^(https?):(?:/|/{3,})(?=[^/])", re.IGNORECASE)
# `https://www.economist.comhttps://…` and `http://https://…`: the later address is the meant one
# (docs/input-facts.md#urls). The host must run into the scheme, so an archive's path that holds an address
# stays.
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
_UNSAFE = re.compile(r"[^!#$%&'()*+,/:;=?@\[\]~\w.\-]+|[^\x00-\x7f]+|%(?![0-9a-fA-F]{2})")
# What follows a publisher's name in his host: a country's or another top-level domain.
_SUFFIX = re.compile(r"\.(?:(?:ac|co|com|edu|go|gov|ne|net|or|org)\.[a-z]{2}|[a-z][a-z0-9\-]+)$")
ANY_HOST = ""
"""The key in a host table of entries that are tried on every URL."""
MAX_URL_CHARACTERS = 16_000
"""A longer URL is left unchanged by edits (the longest real one has 4,849 characters,
docs/input-facts.md#sizes).
"""
MAX_HOST_CHARACTERS = 253
MAX_IDNA_LABELS = 8  # of a host that is to be encoded, which takes long


Entry = TypeVar("Entry")


def host(url: str) -> str:
    """The host in lower case without port; empty where there is none, or one longer than a host can be."""
    match = _HOST.match(url.strip())
    return match.group(1).lower() if match and len(match.group(1)) <= MAX_HOST_CHARACTERS else ""


def path_span(url: str) -> tuple[int, int]:
    """Return where the path of a URL begins and ends; an empty span where it has none."""
    authority = _HOST.match(url)
    start = authority.end() if authority else len(url)
    end = next((n for n, char in enumerate(url) if char in "?#" and n >= start), len(url))
    start = url.find("/", start, end)
    return (start, end) if start >= 0 else (end, end)


def parents(name: str) -> list[str]:
    """A host and its parent domains, nearest first: `a.b.c` -> `a.b.c`, `b.c`, `c`."""
    labels = name.split(".")
    return [".".join(labels[index:]) for index in range(len(labels))]


@lru_cache(maxsize=1024)
def host_keys(name: str) -> tuple[str, ...]:
    """The keys under which a table may list a host, nearest first: `www.a.co.uk` -> itself, `a.co.uk`,
    `co.uk`, `uk`, `www.a.*`, `a.*`. None for what is longer than a host can be (RFC 1035 section 2.3.4).
    """
    if len(name) > MAX_HOST_CHARACTERS:
        return ()
    suffix = _SUFFIX.search(name)
    national = parents(name[: suffix.start()]) if suffix else []
    return (*parents(name), *(f"{parent}.*" for parent in national if parent))


def lookup(name: str, table: Mapping[str, Entry]) -> list[Entry]:
    """The entries of a host table that hold for a host: its own and those of its parent domains."""
    return [table[site] for site in host_keys(name) if site in table]


def parameter_name(pair: str) -> str:
    """The name in `name=value`, also where the pair is percent-encoded as a whole or has `amp;` debris."""
    name = pair.partition("=")[0]
    if "%" in name:
        name = unquote(name).partition("=")[0]
    return name.removeprefix("amp;").removeprefix("#038;")


def make_absolute(url: str, base: str = "") -> str:
    """An absolute http(s) or mailto address in ASCII, or an empty string where none can be made.

    Mends host concatenation and blanks, resolves relative and protocol-relative addresses against
    `base` (RFC 3986 section 5), percent-encodes what RSS does not take (docs/input-facts.md#urls).
    """
    if len(url) > MAX_URL_CHARACTERS:
        return ""
    if _GOOD.fullmatch(url):
        return url
    url = _mend(url)
    try:
        if not _SCHEME.match(url):
            url = _mend(urljoin(base, url)) if base and url else ""
        if url[:7].lower() == "mailto:":
            return _UNSAFE.sub(_percent, url)
        encoded = encode_url(url)
        # IDNA drops zero-width characters: `https://a.example\u200bhttp://b` becomes two joined addresses.
        return encoded if _mend(encoded) == encoded else encode_url(_mend(encoded))
    except ValueError:  # urljoin and idna object to what is no address, such as an open bracket
        return ""


def _mend(url: str) -> str:
    while True:
        made = url.strip().replace("\n", "").replace("\t", "")
        made = _SLASHES.sub(r"\1://", _AFTER_TEXT.sub("", _CONCATENATED.sub("", made)))
        if made.startswith("//"):
            made = "https:" + made
        if made == url:
            return url
        url = made


def encode_url(url: str) -> str:
    """An http(s) address in ASCII, `%` and delimiters as they stand; empty where it has no host."""
    match = _HOST.match(url)
    if not match or not match.group(1) or url[:4].lower() != "http":
        return ""
    if url.isascii() and not _UNSAFE.search(url):
        parsed = url
    else:
        name = match.group(1)
        if len(name) > MAX_HOST_CHARACTERS or (not name.isascii() and name.count(".") >= MAX_IDNA_LABELS):
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


def canonicalise(url: str) -> str:
    """An article's link as it is served: ASCII, no doubled slashes in the path
    (docs/input-facts.md#title-line and #duplicate-articles).
    """
    url = make_absolute(url)
    if url[:7].lower() == "mailto:":
        return ""
    start = url.find("//") + 2
    end = next((n for n, char in enumerate(url) if char in "?#"), len(url))
    return url[:start] + re.sub("/{2,}", "/", url[start:end]) + url[end:]


def _percent(match: re.Match[str]) -> str:
    return "%25" if match.group(0) == "%" else quote(match.group(0))
