"""Keep the cookies of one chain of redirects (RFC 6265), in cookie jars of the standard library.

Some sites answer only to a browser that returns the cookie of their first answer. No cookie outlives the
chain, so it tells the site nothing about the next poll.
"""

from __future__ import annotations

from http.cookiejar import CookieJar
from urllib.request import Request

from urllib3 import BaseHTTPResponse

from feeds.text import feed_urls

_MAX_CHARACTERS = 16_000  # of a Cookie header: servers accept 8,000 to 16,000 bytes of headers
_DEFAULT_PORTS = (80, 443)


class RedirectCookies:
    """The cookies of one chain of redirects. A cookie is returned to the host and port that set it only."""

    def __init__(self) -> None:
        self._jars: dict[tuple[str, int], CookieJar] = {}

    def store(self, response: BaseHTTPResponse, url: str) -> None:
        """Store the cookies that a response sets."""
        if "Set-Cookie" in response.headers:
            jar = self._jars.setdefault(_site(url), CookieJar())
            jar.extract_cookies(_Answer(response), Request(url))  # type: ignore[arg-type] # all it needs

    def header(self, url: str) -> str:
        """Return the header Cookie for a URL; empty if there is none for its site and path."""
        jar, request = self._jars.get(_site(url)), Request(url)
        if jar is None:
            return ""
        jar.add_cookie_header(request)
        text = request.get_header("Cookie") or ""
        return text if len(text) <= _MAX_CHARACTERS else ""


class _Answer:
    """A response as the cookie jar reads it."""

    def __init__(self, response: BaseHTTPResponse) -> None:
        self._response = response

    def info(self) -> _Answer:
        return self

    def get_all(self, name: str, default: list[str]) -> list[str]:
        return list(self._response.headers.getlist(name)) or default


def _site(url: str) -> tuple[str, int]:
    """Return host and port; a host is one site over http and https."""
    _, host, port = feed_urls.origin(url)
    return host, 0 if port in _DEFAULT_PORTS else port
