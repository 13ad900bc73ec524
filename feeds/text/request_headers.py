"""Check the headers that are configured for a feed's server, and fill in their secrets. Pure.

A message names a header, never its value (RFC 9110 section 5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MAX_HEADERS = 20
MAX_VALUE_CHARACTERS = 8000
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,99})\}")
_OWN = frozenset(
    "accept-encoding connection content-length expect host if-modified-since if-none-match keep-alive "
    "proxy-authorization range te trailer transfer-encoding upgrade".split()
)
"""Headers that the client itself decides on."""


def check_user_agent(value: str) -> str:
    """Return a user agent. Raises ValueError if a header cannot contain it."""
    if not value.strip() or not _is_sendable(value):
        raise ValueError("expected a user agent of printable ASCII characters")
    return value.strip()


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as they are written. Raises ValueError, which names no value, if one cannot be sent."""
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"more than {MAX_HEADERS} headers")
    names = set[str]()
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a header")
        if name.lower() == "user-agent":
            raise ValueError("the user agent has its own key, `user_agent`")
        if name.lower() in _OWN:
            raise ValueError(f"feeds decides on the header `{name}` itself")
        if name.lower() in names:
            raise ValueError(f"the header `{name}` is there twice")
        names.add(name.lower())
        if not _is_sendable(value):
            raise ValueError(f"the value of `{name}` has characters that a header cannot contain")
    return dict(headers)


def fill_variables(headers: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Replace each `${NAME}` in the values by that variable of the environment.

    Raises ValueError, which names the variable only, if it is not set or if a header cannot contain it.
    """

    def value_of(match: re.Match[str]) -> str:
        value = environ.get(match[1], "").strip()
        if not value:
            raise ValueError(f"the environment has no variable {match[1]}")
        if not _is_sendable(value):
            raise ValueError(f"the variable {match[1]} has characters that a header cannot contain")
        return value

    return {name: _VARIABLE.sub(value_of, value) for name, value in headers.items()}


def _is_sendable(value: str) -> bool:
    return value.isascii() and value.isprintable() and len(value) <= MAX_VALUE_CHARACTERS
