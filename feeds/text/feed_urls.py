"""Addresses of feeds of others: checked, without their credentials, fit to be shown. Pure.

A password in an address is for the server alone: it stands in no log, no message and no table.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

LONGEST = 2000
"""Bytes; longer ones are no key of a database."""
_PORTS = {"http": 80, "https": 443}
_UNFIT = re.compile(r"[\s\x00-\x20\x7f<>\"\\^`{|}]")
_QUERY = re.compile(r"^(https?://[^\s?]*)\?\S*")
_FEED_SCHEME = re.compile(r"feed:(?://)?(?=https?://)", re.IGNORECASE)


class Credentials(NamedTuple):
    """Who asks, by HTTP's basic authentication (RFC 7617)."""

    user: str
    password: str


def checked(value: str) -> str:
    """An address that can be asked for, with its credentials, without a fragment. Raises ValueError.

    `feed:` before it, which some pages write, goes.
    """
    value = _FEED_SCHEME.sub("", value.strip())
    if value.lower().startswith("feed://"):
        value = f"http{value[4:]}"
    value = value.partition("#")[0]
    if _UNFIT.search(value) or len(value.encode("utf-8", "replace")) > LONGEST:
        raise ValueError(_fault(value))
    try:
        parts = urlsplit(value)
        good = parts.scheme.lower() in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError(_fault(value))
    return value


def followed(base: str, location: str) -> str:
    """Where a redirect from `base` leads, without credentials, which a redirect has no business to give.

    Raises ValueError where it is no address that can be asked for.
    """
    return parted(checked(urljoin(base, location.strip())))[0]


def parted(address: str) -> tuple[str, Credentials | None]:
    """An address without its credentials, and these."""
    parts = urlsplit(address)
    given, at, host = parts.netloc.rpartition("@")
    if not at:
        return address, None
    user, _, password = given.partition(":")
    bare = parts._replace(netloc=host).geturl()
    return bare, Credentials(unquote(user), unquote(password)) if user or password else None


def bare(address: str) -> str:
    """An address without its credentials: what a subscription is known by."""
    return parted(address)[0]


def same(address: str) -> str:
    """A spelling that all writings of one address have in common, to see whether it stands twice."""
    parts = urlsplit(bare(address))
    return parts._replace(scheme="", netloc=f"{_host(parts)}:{_port(parts)}", path=parts.path or "/").geturl()


def origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port: whom credentials are for."""
    parts = urlsplit(address)
    return parts.scheme.lower(), _host(parts), _port(parts)


def host_of(address: str) -> str:
    """The host of an address, in small letters."""
    return _host(urlsplit(address))


def shown(address: str) -> str:
    """An address for messages and pages: without credentials, and without its query, which may hold some."""
    try:
        parts = urlsplit(bare(address))
    except ValueError:
        return "an address that is none"
    return parts._replace(query="", fragment="").geturl() + ("?…" if parts.query else "")


def discreet(text: str) -> str:
    """A text that may begin with an address, without that one's query."""
    return _QUERY.sub(r"\1?…", text)


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".")


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS.get(parts.scheme.lower(), 0)


def _fault(value: str) -> str:
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", value, re.IGNORECASE)
    if scheme and scheme[1].lower() not in _PORTS:
        return "only http and https addresses can be asked"
    return "expected the address of a feed such as https://example.org/feed.xml"
