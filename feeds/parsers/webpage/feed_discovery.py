"""The feeds that a web page names in its head (https://html.spec.whatwg.org/#rel-alternate)."""

from __future__ import annotations

import re

from turbohtml import parse

from feeds.model.errors import ReadError
from feeds.parsers.document import Document
from feeds.text.urls import make_absolute

_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json"})
_HEAD = 200_000  # characters; heads with all their styles and scripts are no longer
_TAGS = re.compile(r"<[a-zA-Z]")
_MOST_TAGS = 5_000
_MOST = 5


def named(document: Document) -> list[str]:
    """Where a page says that its feeds are; a few at most."""
    try:
        text = document.text[:_HEAD]
    except ReadError:
        return []
    if len(_TAGS.findall(text)) > _MOST_TAGS:
        text = text[: re.search(r"<body|$", text, re.IGNORECASE).start()]  # type: ignore[union-attr]
    if len(_TAGS.findall(text)) > _MOST_TAGS:
        return []
    found: list[str] = []
    for link in parse(text, positions=False).select("link[rel~=alternate i][href]"):
        kind = (link.attr("type") or "").strip().lower()
        address = make_absolute(link.attr("href") or "", document.address)
        if kind in _TYPES and address and address not in found:
            found.append(address)
    return found[:_MOST]
