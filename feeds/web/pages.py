"""Pages for people: what there is, and how to subscribe."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, current_app, make_response, render_template

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
        listed = documents.listed(states, base, visitor())
        # A page in a file is the same until the feeds change; when they were last read is not.
        runs = [] if current_app.config.get("FEEDS_STATIC") else documents.store.runs(1)
        return _page(
            "home.html",
            config=config,
            base=base,
            combined=next((feed for feed, state in listed if state is None), None),
            listed=[(feed, state) for feed, state in listed if state is not None],
            articles=sum(state.articles for _, state in listed if state is not None),
            private=bool(config.private),
            served_at=served_at,
            opml=f"{base}/feeds.opml" + (f"?token={quote(visitor().token)}" if visitor().token else ""),
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
