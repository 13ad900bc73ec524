"""Pages for people: what there is, and how to subscribe."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, current_app, make_response, render_template

from feeds.catalogue import COMBINED
from feeds.config import Config
from feeds.web.documents import Documents
from feeds.web.feeds import base_address
from feeds.web.private import visitor
from feeds.writers import WRITERS
from feeds.writers.entries import served_at

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def blueprint(config: Config, documents: Documents) -> Blueprint:
    """The routes of this module; `static/` is served by Flask itself."""
    routes = Blueprint("pages", __name__)

    @routes.get("/")
    def home() -> Response:
        base = base_address(config)
        states = documents.store.sources()
        states = [state for state in states if state.source.slug not in {view.slug for view in config.feeds}]
        asking = visitor()
        feeds = dict(documents.listed(states, base, asking))
        listed = [(feeds[state.source.slug], state) for state in states if state.source.slug in feeds]
        # A page in a file is the same until the feeds change; when they were last read is not.
        runs = [] if current_app.config.get("FEEDS_STATIC") else documents.store.runs(1)
        return _page(
            "home.html",
            config=config,
            base=base,
            combined=feeds.get(COMBINED),
            named=[feeds[view.slug] for view in config.feeds if view.slug in feeds],
            listed=listed,
            articles=sum(state.articles for _, state in listed),
            private=bool(config.private),
            served_at=served_at,
            opml=f"{base}/feeds.opml" + (f"?token={quote(asking.token)}" if asking.token else ""),
            formats=WRITERS,
            last=runs[0] if runs else None,
        )

    @routes.get("/robots.txt")
    def robots() -> Response:
        response = make_response("User-agent: *\nAllow: /\n")
        response.headers["Content-Type"] = "text/plain; charset=utf-8"
        return response

    return routes


def _page(template: str, **values: object) -> Response:
    response = make_response(render_template(template, **values))
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-cache"
    return response
