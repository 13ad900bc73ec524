"""Serve a feed's page: its articles, their history, and a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from feeds.model.feeds import OpmlEntry
from feeds.model.filters import EVERYTHING, Filter
from feeds.publishing.views import FeedRequest
from feeds.web.feed_routes import requested_filter
from feeds.web.pages.home import subscribe_values
from feeds.web.pages.rendering import PageContext, Site

_ARTICLES_PER_PAGE = 30
URN = "urn:uuid:"


def add_routes(routes: Blueprint, site: Site) -> None:
    """Add the routes of this module."""

    @routes.get("/feeds/<name>")
    def feed(name: str) -> Response:
        context = site.context()
        # `limit` and `content` say how much a feed contains. They do not apply to pages.
        page_filter = replace(requested_filter(site.documents, name), limit=None, content=None)
        position = {key: request.args.get(key, "") for key in ("after", "before")}
        return site.page(
            "feed.html",
            context,
            lambda: _page_values(
                site, context, site.documents.feed_request(name, page_filter, "", context.visitor), position
            ),
            name,
            page_filter.query,
            *position.values(),
            query=[*page_filter.pairs(), *(pair for pair in position.items() if pair[1])],
        )

    @routes.get("/feeds/<name>/<period>")
    def archive(name: str, period: str) -> Response:
        context = site.context()
        feed_request = site.documents.feed_request(name, EVERYTHING, period, context.visitor)
        return site.page(
            "feed.html", context, lambda: _archive_values(site, context, feed_request), name, period
        )


def _page_values(
    site: Site, context: PageContext, feed_request: FeedRequest, position: Mapping[str, str]
) -> Mapping[str, Any]:
    if context.static:
        return _archive_values(site, context, feed_request)
    ids = {key: f"{URN}{value}" if value else "" for key, value in position.items()}
    history = site.views.history_page(
        feed_request, context.base, _ARTICLES_PER_PAGE, after=ids["after"], before=ids["before"]
    )
    page = history.page

    def link_to_page(**mark: str) -> str:
        path, query = f"feeds/{feed_request.name}", feed_request.filter.pairs()
        return context.link_to(path, *query, *context.options, *mark.items())

    return {
        **_common_values(site, context, feed_request, history.title, history.description),
        "articles": page.articles,
        "newer": link_to_page(before=_uuid_of(page.articles[0].id))
        if page.more_before and page.articles
        else "",
        "older": link_to_page(after=_uuid_of(page.articles[-1].id))
        if page.more_after and page.articles
        else "",
    }


def _archive_values(site: Site, context: PageContext, feed_request: FeedRequest) -> Mapping[str, Any]:
    """Return the values of an archive's page, or of a feed's exported page.

    The exported page has the newest articles. It leads to the archives, because files cannot depend on a
    query.
    """
    view = site.views.view(feed_request, context.base)

    def link_to_archive(address: str) -> str:
        path = address.removeprefix(f"{context.base}/").partition("?")[0]
        return context.link_to(path, *context.options) if address else ""

    return {
        **_common_values(site, context, feed_request, view.title, view.description),
        "articles": view.articles,
        "newer": link_to_archive(view.next or view.current),
        "older": link_to_archive(view.previous),
    }


def _common_values(
    site: Site, context: PageContext, feed_request: FeedRequest, title: str, description: str
) -> dict[str, Any]:
    """Return the values of the page's head and of its search form."""
    path = f"feeds/{feed_request.name}"
    query = feed_request.filter.pairs()
    sources = [state.source for state in site.store.sources()]
    source = next((source for source in sources if source.slug == feed_request.name), None)
    access = site.views.access.require_split()
    choices = [source for source in sources if access.may_see(context.visitor, source.slug)]
    suffix = f" ({feed_request.filter.description})" if feed_request.filter.narrows else ""
    return {
        "title": title,
        "description": description,
        "source": source,
        "subscription": OpmlEntry(
            title=f"{title}{suffix}", description="", home="", address=feed_request.address(context.base, "")
        ),
        "asked": feed_request.filter,
        "fields": _fields(feed_request.filter),
        "more_asked": any(key != "q" for key, _ in query),
        "beginning": context.link_to(path, *query, *context.options),
        "whole": context.link_to(path),
        "action": context.link_to(path).partition("?")[0],
        "choices": [] if source else choices,
        "id_of": _uuid_of,
        **subscribe_values(context),
    }


def _uuid_of(entry_id: str) -> str:
    """Return the UUID in an entry's id, as in the URLs of pages."""
    return entry_id.removeprefix(URN)


def _fields(filter_: Filter) -> Mapping[str, str]:
    """Return the contents of the search form's fields, several values with commas."""
    fields: dict[str, str] = {}
    for key, value in filter_.pairs():
        fields[key] = f"{fields[key]},{value}" if key in fields else value
    return fields
