"""Serve the pages for people: feeds, articles, cleaning and status."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, make_response, request
from werkzeug.exceptions import HTTPException

from feeds.model.errors import StoreError
from feeds.model.filters import FilterError
from feeds.web.cache.policy import NO_STORE, REVALIDATE, with_policy
from feeds.web.cache.rendered_feeds import (
    GoneFeedError,
    MovedFeedError,
    NothingYetError,
    UnknownFeedError,
)
from feeds.web.pages import article, feed, home, playground, report, status
from feeds.web.pages.rendering import Site, respond_with_page

# Keys of translations.
_TITLE_KEYS = {400: "wrong_question", 404: "not_here", 410: "gone", 413: "too_large"}
_KEYS_WITH_HINT = ("not_here", "gone", "broken")


def build_blueprint(site: Site) -> Blueprint:
    """Build the routes of all pages. Flask itself serves `static/`."""
    routes = Blueprint("pages", __name__)
    for page in (home, feed, article, report, status, playground):
        page.add_routes(routes, site)

    @routes.get("/robots.txt")
    def robots() -> Response:
        response = make_response("User-agent: *\nAllow: /\n")
        response.headers["Content-Type"] = "text/plain; charset=utf-8"
        return with_policy(response, REVALIDATE)

    def refuse(status: int, title_key: str, reason: str) -> Response:
        context = site.context(allow_any_host=True)
        reason = reason or context.translation(f"{title_key}_hint")
        values = {"title": context.translation(title_key), "reason": reason}
        return respond_with_page(site.render("refusal.html", context, values), status)

    @routes.errorhandler(UnknownFeedError)
    def unknown(_: UnknownFeedError) -> Response:
        return refuse(404, "not_here", "")

    @routes.errorhandler(MovedFeedError)
    def moved(error: MovedFeedError) -> Response:
        response = respond_with_page(b"", 301)
        # The name is the second part of every path; a suffix or an archive can follow it.
        page, part, *archive = request.path.removeprefix("/").split("/")
        suffix = part.removeprefix((request.view_args or {}).get("name", part))
        path = quote("/".join((page, f"{error}{suffix}", *archive)))
        response.headers["Location"] = site.context().link_to(path, *request.args.items(multi=True))
        return response

    @routes.errorhandler(GoneFeedError)
    def gone(_: GoneFeedError) -> Response:
        return refuse(410, "gone", "")

    @routes.errorhandler(FilterError)
    def bad_filter(error: FilterError) -> Response:
        return refuse(400, "wrong_question", str(error))

    @routes.errorhandler(HTTPException)
    def other(error: HTTPException) -> Response:
        title_key = _TITLE_KEYS.get(error.code or 500, "broken")
        reason = "" if title_key in _KEYS_WITH_HINT else error.description or ""
        return refuse(error.code or 500, title_key, reason)

    @routes.errorhandler(NothingYetError)
    @routes.errorhandler(StoreError)
    def later(_: Exception) -> Response:
        response = refuse(503, "later", "")
        response.headers["Retry-After"] = "30"
        return with_policy(response, NO_STORE)

    return routes
