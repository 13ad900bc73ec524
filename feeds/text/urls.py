"""Repair and split URLs as text.

Bytes that need no repair are left unchanged (docs/input-facts.md#urls). Pure, without HTML. No function here
raises an error for any string, and every edit is idempotent.
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
# `words https:/host/…`: text was joined to the attribute, and a slash is missing (docs/input-facts.md#urls).
_WEB_ADDRESS = re.compile(r"https?://[^/]", re.IGNORECASE)
_AFTER_TEXT = re.compile(r"^[^:/?#]*\s(?=https?:/)")
_SLASHES = re.compile(r"^(https?):(?:/|/{3,})(?=[^/])", re.IGNORECASE)
# `https://www.economist.comhttps://…` and `http://https://…`: the second URL is the intended one
# (docs/input-facts.md#urls). The scheme must follow the host directly, so that the URL in an archive's path
# is kept.
_CONCATENATED = re.compile(r"^https?:/{1,2}(?:[\w.\-]*?)(?=https?://)")
_AUTHORITY = re.compile(
    r"https?://(?:[^/?#@]*@)?(?P<host>[a-zA-Z0-9._\-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{0,5}))?(?=[/?#]|$)",
    re.IGNORECASE,
)
# Most URLs look like this and need no repair. A shortcut: the whole procedure returns the same URL.
_GOOD = re.compile(
    r"https?://(?:[a-z0-9\-]+\.)+[a-z]{2,}"
    r"(?:[/?#][!#$&'()*+,/:;=?@\[\]~\w.\-]*+(?:%[0-9a-fA-F]{2}[!#$&'()*+,/:;=?@\[\]~\w.\-]*+)*+)?",
    re.ASCII,
)
_UNSAFE = re.compile(r"[^!#$%&'()*+,/:;=?@\[\]~\w.\-]+|[^\x00-\x7f]+|%(?![0-9a-fA-F]{2})")
# The part of a host behind the publisher's name: a top-level domain, with `co.` and the like before it.
_SUFFIX = re.compile(r"\.(?:(?:ac|co|com|edu|go|gov|ne|net|or|org)\.[a-z]{2}|[a-z][a-z0-9\-]+)$")
ANY_HOST = ""
"""Key in a host table for the entries that are tried on every URL."""
MAX_URL_CHARACTERS = 16_000
"""Edits leave a longer URL unchanged. The longest real one has 4,849 (docs/input-facts.md#sizes)."""
MAX_HOST_CHARACTERS = 253
"""Longest host (RFC 1035 section 2.3.4)."""
MAX_IDNA_LABELS = 8
"""A host with more labels is not encoded to ASCII: IDNA takes 0.6 ms for 8 labels of 28 characters."""

Entry = TypeVar("Entry")


def host(url: str) -> str:
    """Return the lower-case host without its port.

    Returns an empty string for a URL without a host or with one longer than MAX_HOST_CHARACTERS.
    """
    match = _HOST.match(url.strip())
    return match.group(1).lower() if match and len(match.group(1)) <= MAX_HOST_CHARACTERS else ""


def path_span(url: str) -> tuple[int, int]:
    """Return the start and end index of a URL's path, an empty span where it has none."""
    authority = _HOST.match(url)
    start = authority.end() if authority else len(url)
    end = next((n for n, char in enumerate(url) if char in "?#" and n >= start), len(url))
    start = url.find("/", start, end)
    return (start, end) if start >= 0 else (end, end)


def parent_domains(name: str) -> list[str]:
    """Return a host and its parent domains, nearest first.

    For example, `a.b.c` -> `a.b.c`, `b.c`, `c`.
    """
    labels = name.split(".")
    return [".".join(labels[index:]) for index in range(len(labels))]


@lru_cache(maxsize=1024)
def host_keys(name: str) -> tuple[str, ...]:
    """Return the keys that a host has in a host table, nearest first.

    `www.a.co.uk` -> `www.a.co.uk`, `a.co.uk`, `co.uk`, `uk`, `www.a.*`, `a.*`. Returns an empty tuple for a
    name longer than MAX_HOST_CHARACTERS.
    """
    if len(name) > MAX_HOST_CHARACTERS:
        return ()
    suffix = _SUFFIX.search(name)
    national = parent_domains(name[: suffix.start()]) if suffix else []
    return (*parent_domains(name), *(f"{parent}.*" for parent in national if parent))


def lookup(name: str, table: Mapping[str, Entry]) -> list[Entry]:
    """Return the entries of a host table for a host and its parents, nearest first."""
    return [table[key] for key in host_keys(name) if key in table]


def parameter_name(pair: str) -> str:
    """Return the name in `name=value`.

    The whole pair may be percent-encoded or begin with `amp;`.
    """
    name = pair.partition("=")[0]
    if "%" in name:
        name = unquote(name).partition("=")[0]
    return name.removeprefix("amp;").removeprefix("#038;")


def make_absolute(url: str, base: str = "") -> str:
    """Make an absolute http(s) or mailto URL in ASCII.

    Repairs joined URLs and blanks, resolves relative and protocol-relative URLs against `base` (RFC 3986
    section 5), and percent-encodes characters that RSS does not allow (docs/input-facts.md#urls). Returns an
    empty string where that is impossible, and for more than MAX_URL_CHARACTERS.
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
    except ValueError:  # from urljoin and idna, for an open bracket or a lone surrogate for example
        return ""


def resolve(base: str, url: str) -> str:
    """Resolve a URL against a base as it is (RFC 3986 section 5).

    Returns an empty string if the result is not an http or https URL.
    """
    try:
        resolved = urljoin(base, url.strip()) if url.strip() else ""
    except ValueError:  # an open bracket
        return ""
    return resolved if _WEB_ADDRESS.match(resolved) else ""


def _mend(url: str) -> str:
    while True:
        mended = url.strip().replace("\n", "").replace("\t", "")
        mended = _SLASHES.sub(r"\1://", _AFTER_TEXT.sub("", _CONCATENATED.sub("", mended)))
        if mended.startswith("//"):
            mended = "https:" + mended
        if mended == url:
            return url
        url = mended


def encode_url(url: str) -> str:
    """Encode an http(s) URL in ASCII, leaving `%` and delimiters unchanged.

    Returns an empty string for a URL without a valid host. Raises ValueError if the host cannot be encoded.
    """
    match = _HOST.match(url)
    if not match or not match.group(1) or url[:4].lower() != "http":
        return ""
    if url.isascii() and not _UNSAFE.search(url):
        encoded = url
    else:
        name = match.group(1)
        if len(name) > MAX_HOST_CHARACTERS or (not name.isascii() and name.count(".") >= MAX_IDNA_LABELS):
            return ""
        ascii_name = name if name.isascii() else name.encode("idna").decode("ascii")
        encoded = _UNSAFE.sub(_percent, url[: match.start(1)] + ascii_name + url[match.end(1) :])
    return encoded if _has_valid_host(encoded) else ""


def _has_valid_host(url: str) -> bool:
    """Return whether a browser accepts scheme, host and port.

    Source: WHATWG URL, "host parsing".
    """
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
    """Return an article's link as it is served.

    It is an http(s) URL in ASCII without double slashes in the path. Returns an empty string where
    `make_absolute` does, and for mailto. Source: docs/input-facts.md#title-line and #duplicate-articles.
    """
    url = make_absolute(url)
    if url[:7].lower() == "mailto:":
        return ""
    start = url.find("//") + 2
    end = next((n for n, char in enumerate(url) if char in "?#"), len(url))
    return url[:start] + re.sub("/{2,}", "/", url[start:end]) + url[end:]


def _percent(match: re.Match[str]) -> str:
    return "%25" if match.group(0) == "%" else quote(match.group(0))
