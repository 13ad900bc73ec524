"""The feeds, their list, and the health check: documents over HTTP (RFC 9110, RFC 9111)."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from feeds.config import Config
from feeds.model import StoreError
from feeds.web.documents import (
    TTL_MINUTES,
    Document,
    Documents,
    MovedFeedError,
    NothingYetError,
    UnknownFeedError,
)
from feeds.web.links import linked
from feeds.web.private import visitor

_CACHE_CONTROL = (
    f"public, max-age={TTL_MINUTES * 60}, stale-while-revalidate={TTL_MINUTES * 60}, stale-if-error=86400"
)
_RETRY_SECONDS = 30


def base_address(config: Config) -> str:
    """The address that readers came to, without a slash at its end: as configured, else as requested."""
    if config.base_url:
        return config.base_url
    if not request.host:  # absent, or with characters that no host has
        abort(400, "the Host header names no host")
    # Not request.url_root: that one decodes, and what a reader fetched is what the feed has to say.
    return f"{request.scheme}://{request.host}{quote(request.root_path.rstrip('/'))}"


def answer(document: Document) -> Response:
    """A document as a response: compressed where the client takes it, 304 where it has it already."""
    zipped = request.accept_encodings["gzip"] > 0
    response = Response(document.gzipped if zipped else document.body)
    response.headers["Content-Type"] = f"{document.media_type}; charset=utf-8"
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = _CACHE_CONTROL
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.last_modified = document.modified
    response.set_etag(f"{document.etag}-gzip" if zipped else document.etag)
    response.make_conditional(request)  # RFC 9110 section 13: If-None-Match before If-Modified-Since
    return response


def plain(text: str, status: int) -> Response:
    """A short answer in words."""
    return Response(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")


def blueprint(config: Config, documents: Documents) -> Blueprint:
    """The routes of this module."""
    routes = Blueprint("feeds", __name__)

    @routes.get("/feeds/<name>.<suffix>")
    def feed(name: str, suffix: str) -> Response:
        base = base_address(config)
        response = answer(documents.feed(name, suffix, base))
        return linked(response, f"{base}/feeds/{name}.{suffix}", documents.hubs(name))

    @routes.get("/feeds.opml")
    def opml() -> Response:
        return answer(documents.opml(base_address(config), visitor()))

    @routes.get("/healthz")
    def health() -> Response:
        runs = documents.store.runs(1)
        last = runs[0] if runs else None
        response = jsonify(
            status="ok",
            last_run=last.started.isoformat() if last else None,
            last_run_finished=last.finished.isoformat() if last and last.finished else None,
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.app_errorhandler(UnknownFeedError)
    def unknown(error: UnknownFeedError) -> Response:
        return plain(f"404: {error}. The feeds are listed at {base_address(config)}/", 404)

    @routes.app_errorhandler(MovedFeedError)
    def moved(error: MovedFeedError) -> Response:
        suffix = request.path.rpartition(".")[2]
        address = f"{base_address(config)}/feeds/{error}.{suffix}"
        response = plain(f"301: this feed is at {address} now", 301)
        response.headers["Location"] = address
        response.headers["Cache-Control"] = _CACHE_CONTROL
        response.headers["Access-Control-Allow-Origin"] = "*"
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
    response.headers["Cache-Control"] = "no-store"
    return response
