"""Repeat responses before Flask sees the request, at the speed of a static file.

Flask answers a request once. While the store does not change, the same request gets the same bytes. A request
that differs in a header that could matter is left to Flask, and so is every request while the database does
not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Response

from feeds.model.errors import StoreError
from feeds.storage.store import State
from feeds.web.token_middleware import TOKEN

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_RESPONSES = 2000
_KEY_VARIABLES = (
    "PATH_INFO",
    "QUERY_STRING",
    "HTTP_HOST",
    "wsgi.url_scheme",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "HTTP_ACCEPT_ENCODING",
    "HTTP_SEC_FETCH_DEST",
)
# A request with one of these may get a response of its own.
_PERSONAL_VARIABLES = (TOKEN, "HTTP_AUTHORIZATION", "HTTP_COOKIE")
# A 304 has no body, and so none of the headers that describe one.
_BODY_HEADERS = ("content-type", "content-length", "content-encoding", "last-modified")

Headers = list[tuple[str, str]]
Key = tuple[Any, ...]
Version = tuple[State, int]
"""The store's state, and the number of documents that were removed from memory.

Cached responses keep the bytes of such documents alive, so they have to be removed too."""


@dataclass(frozen=True, slots=True)
class _CachedResponse:
    headers: Headers
    not_modified_headers: Headers
    body: list[bytes]
    etag: str
    last_modified: str


class ResponseCache:
    """The responses of one version of the store, by request.

    Holds nothing that is for one visitor only.

    Safe to share between threads. `version` raises StoreError if the database does not answer.
    """

    def __init__(self, version: Callable[[], Version]) -> None:
        self._version = version
        self._entries: tuple[Version | None, dict[Key, _CachedResponse]] = (None, {})
        """The version and its responses are one value, so that no thread can put a response of one version
        among those of another."""

    def get(self, environ: WSGIEnvironment) -> _CachedResponse | None:
        """Return the response to a GET or HEAD request; None if Flask has to answer."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or _is_personal(environ):
            return None
        try:
            version = self._version()
        except StoreError:
            return None
        of_version, responses = self._entries
        if version != of_version or len(responses) > MAX_RESPONSES:
            self._entries = (version, {})
            return None
        return responses.get(_cache_key(environ))

    def put(self, environ: WSGIEnvironment, response: Response, state: State) -> None:
        """Store the response to a GET request, if the store is still in `state`.

        Every visitor may see the response. Partial responses, errors and responses with a cookie are not
        stored.
        """
        version, responses = self._entries
        if version is None or version[0] != state or response.status_code != 200:
            return
        if environ["REQUEST_METHOD"] != "GET" or _is_personal(environ) or "Set-Cookie" in response.headers:
            return
        headers = [pair for pair in response.get_wsgi_headers(environ) if pair[0].lower() != "date"]
        responses[_cache_key(environ)] = _CachedResponse(
            headers=headers,
            not_modified_headers=[pair for pair in headers if pair[0].lower() not in _BODY_HEADERS],
            body=[response.get_data()],
            etag=response.headers.get("ETag", ""),
            last_modified=response.headers.get("Last-Modified", ""),
        )


class ResponseCacheMiddleware:
    """WSGI middleware that answers from a ResponseCache, or calls the application."""

    def __init__(self, application: WSGIApplication, cache: ResponseCache) -> None:
        self._application = application
        self._cache = cache

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request with 200 or 304 from the cache, or pass it on."""
        cached = self._cache.get(environ)
        if cached is not None:
            match, since = environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_IF_MODIFIED_SINCE")
            if match == cached.etag or (match is None and since == cached.last_modified):
                start_response("304 NOT MODIFIED", cached.not_modified_headers[:])
                return ()
            if match is None and since is None:
                start_response("200 OK", cached.headers[:])
                return cached.body if environ["REQUEST_METHOD"] == "GET" else ()
        return self._application(environ, start_response)


def _is_personal(environ: WSGIEnvironment) -> bool:
    return any(name in environ for name in _PERSONAL_VARIABLES)


def _cache_key(environ: WSGIEnvironment) -> Key:
    return tuple(map(environ.get, _KEY_VARIABLES))
