"""A feed's page: its articles through its whole history, and a search whose address is a feed's too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from feeds.model.feeds import Subscription
from feeds.model.filters import EVERYTHING, Filter, parse
from feeds.publishing.views import FeedRequest
from feeds.web.pages.home import ways_in
from feeds.web.pages.rendering import PageContext, Site

_ON_A_PAGE = 30
URN = "urn:uuid:"


def add(routes: Blueprint, site: Site) -> None:
    """The routes of this module."""

    @routes.get("/feeds/<name>")
    def feed(name: str) -> Response:
        context = site.context()
        # `limit` and `content` say how much a feed carries, and nothing about a page.
        narrowed = replace(parse(request.args.items(multi=True)), limit=None, content=None)
        place = {key: request.args.get(key, "") for key in ("after", "before")}
        return site.page(
            "feed.html",
            context,
            lambda: _values(
                site, context, site.documents.feed_request(name, narrowed, "", context.visitor), place
            ),
            name,
            narrowed.query,
            *place.values(),
        )

    @routes.get("/feeds/<name>/<period>")
    def archive(name: str, period: str) -> Response:
        context = site.context()
        asked = site.documents.feed_request(name, EVERYTHING, period, context.visitor)
        return site.page("feed.html", context, lambda: _archive(site, context, asked), name, period)


def _values(
    site: Site, context: PageContext, asked: FeedRequest, place: Mapping[str, str]
) -> Mapping[str, Any]:
    if context.static:
        return _archive(site, context, asked)
    ids = {key: f"{URN}{value}" if value else "" for key, value in place.items()}
    found = site.views.leaf(asked, context.base, _ON_A_PAGE, after=ids["after"], before=ids["before"])
    leaf = found.leaf

    def at(**mark: str) -> str:
        return context.link_to(f"feeds/{asked.name}", *asked.filter.pairs(), *context.options, *mark.items())

    return {
        **_around(site, context, asked, found.title, found.description),
        "articles": leaf.articles,
        "newer": at(before=_mark(leaf.articles[0].id)) if leaf.more_before and leaf.articles else "",
        "older": at(after=_mark(leaf.articles[-1].id)) if leaf.more_after and leaf.articles else "",
    }


def _archive(site: Site, context: PageContext, asked: FeedRequest) -> Mapping[str, Any]:
    """An archive, or for a file the newest articles: the past in pages that no question leads through."""
    view = site.views.view(asked, context.base)

    def page_of(address: str) -> str:
        path = address.removeprefix(f"{context.base}/").partition("?")[0]
        return context.link_to(path, *context.options) if address else ""

    return {
        **_around(site, context, asked, view.title, view.description),
        "articles": view.articles,
        "newer": page_of(view.next or view.current),
        "older": page_of(view.previous),
    }


def _around(
    site: Site, context: PageContext, asked: FeedRequest, title: str, description: str
) -> dict[str, Any]:
    """What stands around the articles."""
    path = f"feeds/{asked.name}"
    query = asked.filter.pairs()
    sources = [state.source for state in site.store.sources()]
    source = next((one for one in sources if one.slug == asked.name), None)
    access = site.views.access.parted()
    choices = [one for one in sources if access.may_see(context.visitor, one.slug)]
    shown = f" ({asked.filter.described})" if asked.filter.narrows else ""
    return {
        "title": title,
        "description": description,
        "source": source,
        "subscription": Subscription(
            title=f"{title}{shown}", description="", home="", address=asked.address(context.base, "")
        ),
        "asked": asked.filter,
        "fields": _fields(asked.filter),
        "more_asked": any(key != "q" for key, _ in query),
        "beginning": context.link_to(path, *query, *context.options),
        "whole": context.link_to(path),
        "action": context.link_to(path).partition("?")[0],
        "choices": [] if source else choices,
        "id_of": _mark,
        **ways_in(context),
    }


def _mark(entry_id: str) -> str:
    """An entry's id as addresses of pages have it."""
    return entry_id.removeprefix(URN)


def _fields(asked: Filter) -> Mapping[str, str]:
    """What stands in the boxes of the search."""
    found: dict[str, str] = {}
    for key, value in asked.pairs():
        found[key] = f"{found[key]},{value}" if key in found else value
    return found
