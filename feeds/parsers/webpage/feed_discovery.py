"""Find the feeds that the head of a web page links.

See https://html.spec.whatwg.org/#rel-alternate.
"""

from __future__ import annotations

import re

from turbohtml import parse

from feeds.model.errors import ReadError
from feeds.parsers.document import Document
from feeds.text.urls import make_absolute

_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json"})
_MAX_HEAD_CHARACTERS = 200_000  # even heads with embedded styles and scripts are shorter
_TAG = re.compile(r"<[a-zA-Z]")
_MAX_TAGS = 5_000
_MAX_FEEDS = 5


def find_feed_urls(document: Document) -> list[str]:
    """Return the URLs of the feeds that a page links, five at most; none if it is not text."""
    try:
        text = document.text[:_MAX_HEAD_CHARACTERS]
    except ReadError:
        return []
    if len(_TAG.findall(text)) > _MAX_TAGS:
        text = text[: re.search(r"<body|$", text, re.IGNORECASE).start()]  # type: ignore[union-attr]
    if len(_TAG.findall(text)) > _MAX_TAGS:
        return []
    feed_urls: list[str] = []
    for link in parse(text, positions=False).select("link[rel~=alternate i][href]"):
        media_type = (link.attr("type") or "").strip().lower()
        url = make_absolute(link.attr("href") or "", document.address)
        if media_type in _FEED_TYPES and url and url not in feed_urls:
            feed_urls.append(url)
    return feed_urls[:_MAX_FEEDS]
