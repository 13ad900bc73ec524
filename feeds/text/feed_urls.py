"""Validate, compare and redact the URLs of subscribed feeds. Pure.

Only the feed's server may see the password in a URL: no log, message or table contains it.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

MAX_FEED_URL_BYTES = 2000
"""Largest size of a feed's URL in bytes; PostgreSQL's indexes hold no key beyond 2,704 bytes."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_FORBIDDEN_CHARACTER = re.compile(r"[\s\x00-\x20\x7f<>\"\\^`{|}]")
_QUERY = re.compile(r"^(https?://[^\s?]*)\?\S*")
_SAFE = "!#$%&'()*+,/:;=?@[]~"  # "%": what is encoded already stays so
_FEED_SCHEME = re.compile(r"feed:(?://)?(?=https?://)", re.IGNORECASE)


class Credentials(NamedTuple):
    """User and password for HTTP's basic authentication (RFC 7617)."""

    user: str
    password: str


def validate_feed_url(value: str) -> str:
    """Validate a feed's URL.

    Returns it with its credentials and without its fragment. Removes the prefix `feed:`, which some pages
    write. Raises ValueError for a URL that cannot be requested.
    """
    value = _FEED_SCHEME.sub("", value.strip())
    if value.lower().startswith("feed://"):
        value = f"http{value[4:]}"
    value = value.partition("#")[0]
    if _FORBIDDEN_CHARACTER.search(value) or len(value.encode("utf-8", "replace")) > MAX_FEED_URL_BYTES:
        raise ValueError(_describe_fault(value))
    try:
        parts = urlsplit(value)
        valid = parts.scheme.lower() in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(_describe_fault(value))
    return value


def resolve_redirect(base: str, location: str) -> str:
    """Resolve a redirect's `location` against `base`, without credentials.

    Characters that a path or a query cannot contain, such as blanks and letters beyond ASCII, are
    percent-encoded. A redirect may not set credentials. Raises ValueError if the target cannot be requested.
    """
    return split_credentials(validate_feed_url(_encode_path(urljoin(base, location.strip()))))[0]


def split_credentials(address: str) -> tuple[str, Credentials | None]:
    """Split a URL into the URL without its credentials and the credentials.

    The credentials are None for a URL without any.
    """
    parts = urlsplit(address)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return address, None
    user, _, password = userinfo.partition(":")
    bare = parts._replace(netloc=host).geturl()
    return bare, Credentials(unquote(user), unquote(password)) if user or password else None


def strip_credentials(address: str) -> str:
    """Return a URL without its credentials, which is the key of a subscription."""
    return split_credentials(address)[0]


def comparison_key(address: str) -> str:
    """Return a comparison key: URLs with equal keys are the same feed.

    Credentials, upper case in the host, a written default port and an empty path make no difference. The
    default ports of http and https do.
    """
    parts = urlsplit(strip_credentials(address))
    return parts._replace(scheme="", netloc=f"{_host(parts)}:{_port(parts)}", path=parts.path or "/").geturl()


def origin(address: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL: credentials are sent to this origin only."""
    parts = urlsplit(address)
    return parts.scheme.lower(), _host(parts), _port(parts)


def host_of(address: str) -> str:
    """Return the lower-case host of a URL, empty where it has none."""
    return _host(urlsplit(address))


def redact_url(address: str) -> str:
    """Redact a URL for messages and pages.

    Removes the credentials, and the query, which may contain some.
    """
    try:
        parts = urlsplit(strip_credentials(address))
    except ValueError:
        return "an address that is none"
    return parts._replace(query="", fragment="").geturl() + ("?…" if parts.query else "")


def redact_query(text: str) -> str:
    """Replace the query of the URL that a text begins with by `?…`.

    Other text is left unchanged.
    """
    return _QUERY.sub(r"\1?…", text)


def _encode_path(address: str) -> str:
    """Percent-encode the path, the query and the fragment of a URL where needed, in UTF-8 (RFC 3986)."""
    parts = urlsplit(address)
    path, query, fragment = (quote(part, safe=_SAFE) for part in parts[2:])
    return parts._replace(path=path, query=query, fragment=fragment).geturl()


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".")


def _port(parts: SplitResult) -> int:
    return parts.port or _DEFAULT_PORTS.get(parts.scheme.lower(), 0)


def _describe_fault(value: str) -> str:
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", value, re.IGNORECASE)
    if scheme and scheme[1].lower() not in _DEFAULT_PORTS:
        return "only http and https addresses can be requested"
    return "expected the address of a feed such as https://example.org/feed.xml"
