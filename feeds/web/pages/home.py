"""Serve the home page: all feeds, and how to subscribe to each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, abort, request

from feeds.cleaning.catalogue import COMBINED
from feeds.model.feeds import OpmlEntry
from feeds.publishing.formats import WRITERS
from feeds.publishing.formats.common import format_url
from feeds.web.cache.policy import ONE_DAY, with_policy
from feeds.web.pages import charts, subscribe_links
from feeds.web.pages.rendering import PageContext, Site

WEEKS = 26
"""Weeks in the small chart of each source."""
_CHART_SIZE = (156, 27.5)


def add_routes(routes: Blueprint, site: Site) -> None:
    """Add the routes of this module."""

    @routes.get("/")
    def home() -> Response:
        context = site.context()
        return site.page("home.html", context, lambda: _values(site, context))

    @routes.get("/qr/<name>.svg")
    def qr(name: str) -> Response:
        context = site.context()
        site.documents.require(name, context.visitor)
        address = f"{context.base}/feeds/{quote(name)}.atom"
        query = request.query_string.decode("ascii", "replace")
        query = "&".join(filter(None, (query, context.visitor.query)))
        try:
            picture = subscribe_links.draw_qr_code(f"{address}?{query}" if query else address)
        except ValueError:
            abort(400, "this address is too long for a QR code")
        response = Response(picture)
        response.headers["Content-Type"] = "image/svg+xml"
        response.headers["Content-Security-Policy"] = "default-src 'none'"
        return with_policy(response, ONE_DAY)


def subscribe_values(context: PageContext) -> Mapping[str, Any]:
    """Return the variables of `_subscribe.html`."""

    def qr_of(subscription: OpmlEntry) -> str:
        path, _, query = subscription.address.partition("?")
        pairs = "&".join(pair for pair in query.split("&") if pair and not pair.startswith("token="))
        link = context.link_to(f"qr/{path.rpartition('/')[2]}.svg")
        return f"{link}{'&' if '?' in link else '?'}{pairs}" if pairs else link

    return {
        "formats": WRITERS,
        "format_url": format_url,
        "qr_of": qr_of,
        "on_this_device": subscribe_links.device_link,
        "in_readers": subscribe_links.reader_links,
    }


def _values(site: Site, context: PageContext) -> Mapping[str, Any]:
    config, store = site.config, site.store
    view_slugs = {view.slug for view in config.feeds}
    states = [state for state in store.sources() if state.source.slug not in view_slugs]
    feeds = dict(site.documents.visible_feeds(states, context.base, context.visitor))
    weekly = store.selection.count_by_week((), WEEKS).articles
    no_articles = (0,) * WEEKS
    source_feeds = [
        (
            feeds[state.source.slug],
            state,
            charts.draw_bars(weekly.get(state.source.slug, no_articles), *_CHART_SIZE),
        )
        for state in states
        if state.source.slug in feeds
    ]
    query = context.visitor.query
    return {
        "combined": feeds.get(COMBINED),
        "named": [feeds[view.slug] for view in config.feeds if view.slug in feeds],
        "listed": source_feeds,
        "weeks": WEEKS,
        "articles": sum(state.articles for _, state, _ in source_feeds),
        "private": bool(config.private),
        "opml": f"{context.base}/feeds.opml{'?' + query if query else ''}",
        "name_of": lambda subscription: subscription.address.partition("?")[0].rpartition("/")[2],
        **subscribe_values(context),
    }
