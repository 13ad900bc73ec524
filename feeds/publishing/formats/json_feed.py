"""Render JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/).

Unknown members are left out, never empty. In the standard, names that begin with an underscore are extension
objects. An item has two. In combined views `_source: {slug, title, url, feed_url}` describes the source of
the item. `_feeds: {also_in}` has the titles of other sources that published it too.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from feeds.model.articles import Article, Enclosure
from feeds.model.feeds import View
from feeds.publishing.formats.common import (
    author_names,
    entry_origin,
    format_url,
    media_enclosures,
    select_content,
)
from feeds.publishing.formats.xml_characters import render_legal

SUFFIX: Final = "json"
MEDIA_TYPE: Final = "application/feed+json"

VERSION: Final = "https://jsonfeed.org/version/1.1"


def render(view: View) -> bytes:
    """Render a view as a JSON Feed document: UTF-8, in the order of the view."""
    return render_legal(_render, view)


def _render(view: View) -> bytes:
    feed = {
        "version": VERSION,
        "title": view.title or view.address,
        **_known(
            home_page_url=view.home,
            feed_url=format_url(view.address, SUFFIX),
            description=view.description,
            next_url=format_url(view.previous, SUFFIX) if view.previous else "",
            icon=view.icon,
            language=view.language,
            hubs=[{"type": "WebSub", "url": hub} for hub in view.hubs],
        ),
        "items": [_item(view, article) for article in view.articles],
    }
    return json.dumps(feed, ensure_ascii=False, separators=(",", ":")).encode()


def _item(view: View, article: Article) -> dict[str, Any]:
    return {
        "id": article.id,
        "url": article.link,
        "title": article.title,
        **_text(view, article),
        **_known(image=article.image),
        "date_published": _rfc3339(article.published),
        "date_modified": _rfc3339(article.updated),
        "authors": _authors(article),
        **_known(
            tags=article.tags,
            language=article.language,
            attachments=[_attachment(enclosure) for enclosure in media_enclosures(article)],
            _source=_source(view, article),
            _feeds=_known(also_in=article.also_in),
        ),
    }


def _text(view: View, article: Article) -> dict[str, Any]:
    """Return body and summary, or else the title.

    The standard requires a text in every item.
    """
    body, summary = select_content(view, article)
    text = {"content_html": body} if body else {"content_text": summary or article.title}
    return {**text, **_known(summary=summary)}


def _known(**members: Any) -> dict[str, Any]:
    """Return the members that have a value."""
    return {name: value for name, value in members.items() if value}


def _authors(article: Article) -> list[dict[str, Any]]:
    if article.authors:
        return [{"name": name} for name in article.authors]
    return [{"name": name, **_known(url=article.source.home)} for name in author_names(article)]


def _attachment(enclosure: Enclosure) -> dict[str, Any]:
    return {
        "url": enclosure.url,
        "mime_type": enclosure.type or "application/octet-stream",  # required
        **_known(size_in_bytes=enclosure.length, duration_in_seconds=enclosure.duration),
    }


def _source(view: View, article: Article) -> dict[str, Any]:
    if not view.combined:
        return {}
    source, origin = article.source, entry_origin(view, article)
    feed_url = format_url(origin.address, SUFFIX) if origin else ""
    return _known(slug=source.slug, title=source.title, url=source.home, feed_url=feed_url)


def _rfc3339(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
