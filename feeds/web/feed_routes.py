"""Serve feeds, their archives and the OPML list of feeds over HTTP (RFC 9110, RFC 9111)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, abort, request, send_from_directory
from werkzeug.exceptions import HTTPException

from feeds.config import Config
from feeds.model.errors import StoreError
from feeds.model.filters import FilterError, parse
from feeds.publishing.formats.common import served_at
from feeds.publishing.views import Views
from feeds.web.auth import visitor
from feeds.web.cache.policy import NO_STORE, ONE_DAY, REVALIDATE, CachePolicy, with_policy
from feeds.web.cache.rendered_feeds import (
    TTL_MINUTES,
    Document,
    Documents,
    GoneFeedError,
    MovedFeedError,
    NothingYetError,
    UnknownFeedError,
)
from feeds.web.compression import IDENTITY, preferred
from feeds.web.link_headers import add_links

_MAX_AGE = f"max-age={TTL_MINUTES * 60}, stale-while-revalidate={TTL_MINUTES * 60}, stale-if-error=86400"
_MOVED = CachePolicy(_MAX_AGE, public=True)
_RETRY_SECONDS = 30
_ANY_PAGE = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = {
    **_ANY_PAGE,
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "If-None-Match, If-Modified-Since, Cache-Control",
    "Access-Control-Max-Age": "86400",
    "Allow": "GET, HEAD, OPTIONS",
}
_READ_BY_OTHER_SITES: Mapping[str, Any] = {
    "methods": ["GET", "OPTIONS"],
    "provide_automatic_options": False,  # `preflight` answers instead
}
_POLICY = "default-src 'none'; style-src 'self'"
_XML = "application/xml"
_STYLED = frozenset({"application/rss+xml", "application/atom+xml"})


def base_address(config: Config) -> str:
    """The address that readers came to, without a slash at its end: as configured, else as requested."""
    if config.base_url:
        return config.base_url
    if not request.host:  # absent, or with characters that no host has
        abort(400, "the Host header names no host")
    # Not request.url_root: that one decodes, and what a reader fetched is what the feed has to say.
    return f"{request.scheme}://{request.host}{quote(request.root_path.rstrip('/'))}"


def answer(document: Document) -> Response:
    """A document as a response: compressed as the client likes it best, 304 where it has it already."""
    encoding = preferred(request.headers.get("Accept-Encoding", ""))
    response = Response(document.encoded(encoding))
    response.headers["Content-Type"] = f"{_media_type(document)}; charset=utf-8"
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Vary"] = "Accept-Encoding, Sec-Fetch-Dest"
    response.headers.update(_ANY_PAGE)
    response.headers["Access-Control-Expose-Headers"] = "ETag, Last-Modified, Link"
    # None is later than the answer itself (RFC 9110 section 8.8.2.1): the clock may have been ahead once.
    if document.modified and document.modified <= datetime.now(UTC):
        response.headers["Last-Modified"] = document.last_modified
    response = with_policy(response, CachePolicy(_MAX_AGE, public=True, state=document.state))
    return in_form(response, document, encoding)


def in_form(response: Response, document: Document, encoding: str) -> Response:
    """The response as a document in an encoding, with its ETag; 304 where the client has that already."""
    if encoding != IDENTITY:
        response.headers["Content-Encoding"] = encoding
    response.set_etag(document.tag(encoding))
    response.make_conditional(request)  # RFC 9110 section 13: If-None-Match before If-Modified-Since
    response.headers.pop("Date", None)  # the server says it, once
    return response


def _media_type(document: Document) -> str:
    """A document's media type; plain XML for who opens a feed in a browser: it shows the source of what is
    called a feed, and with its style sheet what is called XML. Readers do not say Sec-Fetch-Dest.
    """
    in_a_browser = request.headers.get("Sec-Fetch-Dest") == "document"
    return _XML if in_a_browser and document.media_type in _STYLED else document.media_type


def preflight() -> Response:
    """What a browser is told that asks before a page of another site may read a feed."""
    return Response(status=204, headers=_PREFLIGHT)


def plain(text: str, status: int) -> Response:
    """Return a short text as a response; nobody may cache it if the server failed (5xx)."""
    response = Response(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
    return with_policy(response, REVALIDATE if status < 500 else NO_STORE)


def blueprint(config: Config, views: Views, documents: Documents) -> Blueprint:
    """The routes of this module."""
    routes = Blueprint("feeds", __name__)

    def respond(name: str, suffix: str, period: str) -> Response:
        if request.method == "OPTIONS":
            return preflight()
        base = base_address(config)
        query = parse(request.args.items(multi=True))
        response = answer(documents.feed(name, suffix, base, query, period, visitor()))
        feed_request = documents.feed_request(name, query, period, visitor())
        address = served_at(feed_request.address(base), suffix)
        return add_links(response, address, views.hubs(feed_request, documents.access()))

    @routes.route("/feeds/<name>.<suffix>", **_READ_BY_OTHER_SITES)
    def feed(name: str, suffix: str) -> Response:
        return respond(name, suffix, "")

    @routes.route("/feeds/<name>/<period>.<suffix>", **_READ_BY_OTHER_SITES)
    def archive(name: str, period: str, suffix: str) -> Response:
        return respond(name, suffix, period)

    @routes.route("/feeds.opml", **_READ_BY_OTHER_SITES)
    def feed_list() -> Response:
        if request.method == "OPTIONS":
            return preflight()
        return answer(documents.opml(base_address(config), visitor()))

    @routes.get("/favicon.ico")
    def favicon() -> Response:
        response = send_from_directory(f"{routes.root_path}/static", "favicon.ico")
        response.headers["Content-Type"] = "image/vnd.microsoft.icon"
        return with_policy(response, ONE_DAY)

    @routes.app_errorhandler(UnknownFeedError)
    def unknown(error: UnknownFeedError) -> Response:
        return plain(f"404: {error}. The feeds are listed at {base_address(config)}/", 404)

    @routes.app_errorhandler(MovedFeedError)
    def moved(error: MovedFeedError) -> Response:
        of = request.view_args or {}
        period = f"/{quote(of['period'])}" if of.get("period") else ""
        query = parse(request.args.items(multi=True)).query
        address = f"{base_address(config)}/feeds/{error}{period}.{of['suffix']}{f'?{query}' if query else ''}"
        response = plain(f"301: this feed is at {address} now", 301)
        response.headers["Location"] = address
        response.headers.update(_ANY_PAGE)
        return with_policy(response, _MOVED)

    @routes.app_errorhandler(GoneFeedError)
    def gone(error: GoneFeedError) -> Response:
        return plain(f"410: {error}. The feeds are listed at {base_address(config)}/", 410)

    @routes.app_errorhandler(FilterError)
    def no_filter(error: FilterError) -> Response:
        response = plain(f"400: {error}", 400)
        response.headers.update(_ANY_PAGE)
        return response

    @routes.app_errorhandler(HTTPException)
    def other(error: HTTPException) -> Response:
        response = plain(f"{error.code}: {error.description}", error.code or 500)
        response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
        return response

    @routes.app_errorhandler(NothingYetError)
    def nothing_yet(_: NothingYetError) -> Response:
        return _later("503: nothing has been read yet; try again in a moment")

    @routes.app_errorhandler(StoreError)
    def no_database(_: StoreError) -> Response:
        return _later("503: the database does not answer; try again in a moment")

    return routes


def _later(text: str) -> Response:
    response = plain(text, 503)
    response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response
