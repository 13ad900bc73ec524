"""Addresses of feeds of others: checked, without their credentials, fit to be shown. Pure.

A password in an address is for the server alone: it stands in no log, no message and no table.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

MAX_FEED_URL_BYTES = 2000
"""Bytes; longer ones are no key of a database."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_FORBIDDEN_CHARACTER = re.compile(r"[\s\x00-\x20\x7f<>\"\\^`{|}]")
_QUERY = re.compile(r"^(https?://[^\s?]*)\?\S*")
_FEED_SCHEME = re.compile(r"feed:(?://)?(?=https?://)", re.IGNORECASE)


class Credentials(NamedTuple):
    """Who asks, by HTTP's basic authentication (RFC 7617)."""

    user: str
    password: str


def validate_feed_url(value: str) -> str:
    """An address that can be asked for, with its credentials, without a fragment. Raises ValueError.

    `feed:` before it, which some pages write, goes.
    """
    value = _FEED_SCHEME.sub("", value.strip())
    if value.lower().startswith("feed://"):
        value = f"http{value[4:]}"
    value = value.partition("#")[0]
    if _FORBIDDEN_CHARACTER.search(value) or len(value.encode("utf-8", "replace")) > MAX_FEED_URL_BYTES:
        raise ValueError(_describe_fault(value))
    try:
        parts = urlsplit(value)
        good = parts.scheme.lower() in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError(_describe_fault(value))
    return value


def resolve_redirect(base: str, location: str) -> str:
    """Where a redirect from `base` leads, without credentials, which a redirect has no business to give.

    Raises ValueError where it is no address that can be asked for.
    """
    return split_credentials(validate_feed_url(urljoin(base, location.strip())))[0]


def split_credentials(address: str) -> tuple[str, Credentials | None]:
    """An address without its credentials, and these."""
    parts = urlsplit(address)
    given, at, host = parts.netloc.rpartition("@")
    if not at:
        return address, None
    user, _, password = given.partition(":")
    bare = parts._replace(netloc=host).geturl()
    return bare, Credentials(unquote(user), unquote(password)) if user or password else None


def strip_credentials(address: str) -> str:
    """An address without its credentials: what a subscription is known by."""
    return split_credentials(address)[0]


def comparison_key(address: str) -> str:
    """A spelling that all writings of one address have in common, to see whether it stands twice."""
    parts = urlsplit(strip_credentials(address))
    return parts._replace(scheme="", netloc=f"{_host(parts)}:{_port(parts)}", path=parts.path or "/").geturl()


def origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port: whom credentials are for."""
    parts = urlsplit(address)
    return parts.scheme.lower(), _host(parts), _port(parts)


def host_of(address: str) -> str:
    """The host of an address, in small letters."""
    return _host(urlsplit(address))


def redact_url(address: str) -> str:
    """An address for messages and pages: without credentials, and without its query, which may hold some."""
    try:
        parts = urlsplit(strip_credentials(address))
    except ValueError:
        return "an address that is none"
    return parts._replace(query="", fragment="").geturl() + ("?…" if parts.query else "")


def redact_query(text: str) -> str:
    """A text that may begin with an address, without that one's query."""
    return _QUERY.sub(r"\1?…", text)


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".")


def _port(parts: SplitResult) -> int:
    return parts.port or _DEFAULT_PORTS.get(parts.scheme.lower(), 0)


def _describe_fault(value: str) -> str:
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", value, re.IGNORECASE)
    if scheme and scheme[1].lower() not in _DEFAULT_PORTS:
        return "only http and https addresses can be asked"
    return "expected the address of a feed such as https://example.org/feed.xml"
