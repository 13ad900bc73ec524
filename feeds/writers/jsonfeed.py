"""JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/): what is not known is left out, never empty.

In combined views an item names its source in an extension object, for which the standard sets names that
begin with an underscore aside: `_source: {slug, title, url, feed_url}`.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from feeds.model import Article, Enclosure, View
from feeds.writers.entries import bylines, origin
from feeds.writers.legal import guarded

SUFFIX: Final = "json"
MEDIA_TYPE: Final = "application/feed+json"

VERSION: Final = "https://jsonfeed.org/version/1.1"


def render(view: View) -> bytes:
    """The view as a JSON Feed document: UTF-8, newest first."""
    return guarded(_render, view)


def _render(view: View) -> bytes:
    feed = {
        "version": VERSION,
        "title": view.title or view.address,
        **_known(
            home_page_url=view.home,
            feed_url=f"{view.address}.{SUFFIX}",
            description=view.description,
            language=view.language,
        ),
        "items": [_item(view, article) for article in view.articles],
    }
    return json.dumps(feed, ensure_ascii=False, separators=(",", ":")).encode()


def _item(view: View, article: Article) -> dict[str, Any]:
    return {
        "id": article.id,
        "url": article.link,
        "title": article.title,
        "content_html": article.html,
        **_known(summary=article.summary, image=article.image),
        "date_published": _rfc3339(article.published),
        "date_modified": _rfc3339(article.updated),
        "authors": _authors(article),
        **_known(
            tags=article.tags,
            language=article.language,
            attachments=[_attachment(enclosure) for enclosure in article.enclosures],
            _source=_source(view, article),
        ),
    }


def _known(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


def _authors(article: Article) -> list[dict[str, Any]]:
    if article.authors:
        return [{"name": name} for name in article.authors]
    return [{"name": name, **_known(url=article.source.home)} for name in bylines(article)]


def _attachment(enclosure: Enclosure) -> dict[str, Any]:
    return {
        "url": enclosure.url,
        "mime_type": enclosure.type,
        **_known(size_in_bytes=enclosure.length),
    }


def _source(view: View, article: Article) -> dict[str, Any]:
    if not view.combined:
        return {}
    source, comes_from = article.source, origin(view, article)
    feed_url = f"{comes_from.address}.{SUFFIX}" if comes_from else ""
    return _known(slug=source.slug, title=source.title, url=source.home, feed_url=feed_url)


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
