"""Take access tokens out of URLs before anything else sees them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TOKEN: Final = "feeds.token"
"""The WSGI variable with the token of the URL.

It exists only where the query had a `token`.
"""


class TokenMiddleware:
    """WSGI middleware that moves `token=…` from the query to the variable TOKEN.

    So no log contains the token.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass one request on without its token."""
        query = environ.get("QUERY_STRING", "")
        if not query:  # most requests
            return self._application(environ, start_response)
        other_pairs = []
        for pair in query.split("&"):
            key, _, value = pair.partition("=")
            if unquote_plus(key) == "token":
                environ[TOKEN] = unquote_plus(value)
            else:
                other_pairs.append(pair)
        if TOKEN in environ:
            environ["QUERY_STRING"] = "&".join(other_pairs)
            for raw in ("RAW_URI", "REQUEST_URI"):  # gunicorn and other servers repeat the query here
                environ.pop(raw, None)
        return self._application(environ, start_response)
