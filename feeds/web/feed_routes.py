"""Serve feeds, their archives and the OPML list over HTTP (RFC 9110, RFC 9111)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, abort, request, send_from_directory
from werkzeug.exceptions import HTTPException

from feeds.config import Config
from feeds.model.errors import StoreError
from feeds.model.filters import Filter, FilterError, parse
from feeds.publishing.formats.common import format_url
from feeds.publishing.views import Views
from feeds.web.auth import current_visitor
from feeds.web.cache.policy import NO_STORE, ONE_DAY, REVALIDATE, CachePolicy, with_policy
from feeds.web.cache.rendered_feeds import (
    TTL_MINUTES,
    CachedDocument,
    DocumentCache,
    GoneFeedError,
    MovedFeedError,
    NothingYetError,
    UnknownFeedError,
)
from feeds.web.compression import IDENTITY, preferred_encoding
from feeds.web.link_headers import add_links

_MAX_AGE = f"max-age={TTL_MINUTES * 60}, stale-while-revalidate={TTL_MINUTES * 60}, stale-if-error=86400"
_MOVED = CachePolicy(_MAX_AGE, public=True)
_RETRY_SECONDS = 30
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = {
    **_ANY_ORIGIN,
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, If-None-Match, If-Modified-Since, Cache-Control",
    "Access-Control-Max-Age": "86400",
    "Allow": "GET, HEAD, OPTIONS",
}
_FEED_ENDPOINTS = frozenset({"feeds.feed", "feeds.archive", "feeds.feed_list"})
_CORS_ROUTE: Mapping[str, Any] = {
    "methods": ["GET", "OPTIONS"],
    "provide_automatic_options": False,  # `preflight` answers instead
}
_POLICY = "default-src 'none'; style-src 'self'"
_XML = "application/xml"
_STYLED = frozenset({"application/rss+xml", "application/atom+xml"})


def site_url(config: Config) -> str:
    """Return the URL of the site, as configured, else as requested.

    It has no slash at its end. Answers 400 if the Host header is missing or names no host.
    """
    if config.base_url:
        return config.base_url
    if not request.host:  # missing, or with characters that no host has
        abort(400, "the Host header names no host")
    # Not request.url_root: it decodes the path, and a feed has to contain the URL that the reader fetched.
    return f"{request.scheme}://{request.host}{quote(request.root_path.rstrip('/'))}"


def respond_with_document(document: CachedDocument) -> Response:
    """Respond with a document in the encoding that the client prefers.

    Responds with 304 if the client has this document already.
    """
    encoding = preferred_encoding(request.headers.get("Accept-Encoding", ""))
    response = Response(document.encoded_body(encoding))
    response.headers["Content-Type"] = f"{_media_type(document)}; charset=utf-8"
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Vary"] = "Accept-Encoding, Sec-Fetch-Dest"
    response.headers.update(_ANY_ORIGIN)
    response.headers["Access-Control-Expose-Headers"] = "ETag, Last-Modified, Link"
    # Last-Modified may not be later than the response (RFC 9110 section 8.8.2.1), and the clock may have been
    # ahead when the document changed.
    if document.modified and document.modified <= datetime.now(UTC):
        response.headers["Last-Modified"] = document.last_modified
    response = with_policy(response, CachePolicy(_MAX_AGE, public=True, state=document.state))
    return finish_response(response, document, encoding)


def finish_response(response: Response, document: CachedDocument, encoding: str) -> Response:
    """Add the encoding and the ETag of a document to a response.

    The response becomes 304 if the client has this document already.
    """
    if encoding != IDENTITY:
        response.headers["Content-Encoding"] = encoding
    response.set_etag(document.etag_for(encoding))
    response.make_conditional(request)  # RFC 9110 section 13: If-None-Match before If-Modified-Since
    response.headers.pop("Date", None)  # the web server adds it
    return response


def _media_type(document: CachedDocument) -> str:
    """Return a document's media type.

    It is application/xml if a browser opens a feed as a page. Browsers show the source code of a feed's media
    type, but render XML with its style sheet. Feed readers send no Sec-Fetch-Dest header.
    """
    is_browser = request.headers.get("Sec-Fetch-Dest") == "document"
    return _XML if is_browser and document.media_type in _STYLED else document.media_type


def requested_filter(documents: DocumentCache, name: str) -> Filter:
    """Return the filter in the query of the request for a feed.

    Raises FilterError; but what `Views.view` raises about the name, if the visitor may not read the feed.
    """
    try:
        return parse(request.args.items(multi=True))
    except FilterError:
        documents.require(name, current_visitor())
        raise


def preflight() -> Response:
    """Respond to a CORS preflight request: pages of other sites may read feeds."""
    return Response(status=204, headers=_PREFLIGHT)


def respond_with_text(text: str, status: int) -> Response:
    """Respond with a short text; nobody may cache it if the server failed (5xx)."""
    response = Response(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
    return with_policy(response, REVALIDATE if status < 500 else NO_STORE)


def build_blueprint(config: Config, views: Views, documents: DocumentCache) -> Blueprint:
    """Build the routes of this module."""
    routes = Blueprint("feeds", __name__)

    def respond(name: str, suffix: str, period: str) -> Response:
        if request.method == "OPTIONS":
            return preflight()
        base = site_url(config)
        query = requested_filter(documents, name)
        response = respond_with_document(documents.feed(name, suffix, base, query, period, current_visitor()))
        feed_request = documents.feed_request(name, query, period, current_visitor())
        address = format_url(feed_request.address(base), suffix)
        return add_links(response, address, views.hubs(feed_request, documents.access()))

    @routes.before_app_request
    def correct_case() -> Response | None:
        """Redirect the name of a feed in capitals to the one in small letters, whether it exists or not.

        All names are in small letters. Before anything asks whether a feed is private.
        """
        name = (request.view_args or {}).get("name")
        if not isinstance(name, str) or not request.path.startswith("/feeds/"):
            return None
        lowered = request.path.lower()
        if lowered == request.path or request.method == "OPTIONS":
            return None
        query = request.query_string.decode("latin-1")
        return _respond_moved(f"{site_url(config)}{quote(lowered)}{f'?{query}' if query else ''}")

    @routes.after_request
    def allow_other_sites(response: Response) -> Response:
        """Let pages of other sites read why there is no feed too."""
        if request.endpoint in _FEED_ENDPOINTS:
            response.headers.update(_ANY_ORIGIN)
        return response

    @routes.route("/feeds/<name>.<suffix>", **_CORS_ROUTE)
    def feed(name: str, suffix: str) -> Response:
        return respond(name, suffix, "")

    @routes.route("/feeds/<name>/<period>.<suffix>", **_CORS_ROUTE)
    def archive(name: str, period: str, suffix: str) -> Response:
        return respond(name, suffix, period)

    @routes.route("/feeds.opml", **_CORS_ROUTE)
    def feed_list() -> Response:
        if request.method == "OPTIONS":
            return preflight()
        return respond_with_document(documents.opml(site_url(config), current_visitor()))

    @routes.get("/favicon.ico")
    def favicon() -> Response:
        response = send_from_directory(f"{routes.root_path}/static", "favicon.ico")
        response.headers["Content-Type"] = "image/vnd.microsoft.icon"
        return with_policy(response, ONE_DAY)

    @routes.app_errorhandler(UnknownFeedError)
    def unknown(error: UnknownFeedError) -> Response:
        return respond_with_text(f"404: {error}. The feeds are listed at {site_url(config)}/", 404)

    @routes.app_errorhandler(MovedFeedError)
    def moved(error: MovedFeedError) -> Response:
        arguments = request.view_args or {}
        period = f"/{quote(arguments['period'])}" if arguments.get("period") else ""
        query = parse(request.args.items(multi=True)).query
        address = (
            f"{site_url(config)}/feeds/{error}{period}.{arguments['suffix']}{f'?{query}' if query else ''}"
        )
        return _respond_moved(address)

    @routes.app_errorhandler(GoneFeedError)
    def gone(error: GoneFeedError) -> Response:
        return respond_with_text(f"410: {error}. The feeds are listed at {site_url(config)}/", 410)

    @routes.app_errorhandler(FilterError)
    def bad_filter(error: FilterError) -> Response:
        response = respond_with_text(f"400: {error}", 400)
        response.headers.update(_ANY_ORIGIN)
        return response

    @routes.app_errorhandler(HTTPException)
    def other(error: HTTPException) -> Response:
        response = respond_with_text(f"{error.code}: {error.description}", error.code or 500)
        response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
        return response

    @routes.app_errorhandler(NothingYetError)
    def nothing_yet(_: NothingYetError) -> Response:
        return _respond_later("503: nothing has been read yet; try again in a moment")

    @routes.app_errorhandler(StoreError)
    def no_database(_: StoreError) -> Response:
        return _respond_later("503: the database does not answer; try again in a moment")

    return routes


def _respond_moved(address: str) -> Response:
    response = respond_with_text(f"301: this feed is at {address} now", 301)
    response.headers["Location"] = address
    response.headers.update(_ANY_ORIGIN)
    return with_policy(response, _MOVED)


def _respond_later(text: str) -> Response:
    response = respond_with_text(text, 503)
    response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response
