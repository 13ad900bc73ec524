"""Find the feeds that a web page names, and decide which one is the page's own.

See https://html.spec.whatwg.org/#rel-alternate and https://www.rssboard.org/rss-autodiscovery.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from turbohtml import parse

from feeds.model.errors import ReadError
from feeds.parsers.document import Document
from feeds.text.link_header import Link
from feeds.text.plain_text import to_one_line
from feeds.text.urls import make_absolute

_XML_TYPES = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/rdf+xml", "text/rss+xml", "text/atom+xml"}
)
_JSON_FEED, _JSON = "application/feed+json", "application/json"
_ORDER = {**dict.fromkeys(_XML_TYPES, 0), _JSON_FEED: 1, _JSON: 2}
"""Types of feeds, the best first. `application/json` is often another document than a feed."""
_COMMENTS = re.compile(
    r"comments?(?![a-z])|replies|kommentare?|commentaires?|comentarios?|评论|評論|コメント", re.IGNORECASE
)
_LINK_TAG = re.compile(r"<(?:link|base)\b[^<>]{1,2000}>", re.IGNORECASE)
_MAX_HEAD_CHARACTERS = 200_000  # even heads with embedded styles and scripts are shorter
_MAX_TITLE_CHARACTERS = 100
_TAG = re.compile(r"<[a-zA-Z]")
_MAX_TAGS = 5_000
_MAX_FEEDS = 5


@dataclass(frozen=True, slots=True)
class LinkedFeed:
    """A feed that a page names."""

    url: str
    media_type: str
    title: str = ""

    @property
    def is_of_comments(self) -> bool:
        """Whether it seems to have the comments of the page, not its articles."""
        path = self.url.partition("://")[2].partition("/")[2]
        return bool(_COMMENTS.search(self.title) or _COMMENTS.search(path))


def find_feeds(document: Document) -> list[LinkedFeed]:
    """Return the feeds that a page links in their order; none if it is not text."""
    try:
        text = document.text
    except ReadError:
        return []
    head = text[:_MAX_HEAD_CHARACTERS]
    if len(_TAG.findall(head)) > _MAX_TAGS:
        head = head[: re.search(r"<body|$", head, re.IGNORECASE).start()]  # type: ignore[union-attr]
    if len(_TAG.findall(head)) <= _MAX_TAGS and (found := _links_of(head, document.address)):
        return found
    # Some pages, such as those of YouTube, have scripts of half a million characters before their links.
    tags = (tag[0] for tag in islice(_LINK_TAG.finditer(text), _MAX_TAGS))
    return _links_of("".join(tags), document.address)


def _links_of(markup: str, address: str) -> list[LinkedFeed]:
    page = parse(markup, positions=False)
    bases = (make_absolute(base.attr("href") or "", address) for base in page.select("base[href]"))
    base = next(filter(None, bases), address)
    return [
        LinkedFeed(url, media_type, to_one_line(link.attr("title") or "")[:_MAX_TITLE_CHARACTERS])
        for link in page.select("link[rel~=alternate i][href]")
        if (media_type := (link.attr("type") or "").partition(";")[0].strip().lower()) in _ORDER
        and (url := make_absolute(link.attr("href") or "", base))
    ]


def select_feeds(links: Iterable[Link]) -> list[LinkedFeed]:
    """Return the feeds among the links of a response's headers."""
    return [
        LinkedFeed(link.url, link.media_type, to_one_line(link.title)[:_MAX_TITLE_CHARACTERS])
        for link in links
        if "alternate" in link.relations and link.media_type in _ORDER
    ]


def rank(feeds: Iterable[LinkedFeed]) -> list[LinkedFeed]:
    """Return feeds, the best first, each URL once, five at most.

    A feed of comments is last. RSS and Atom are before JSON Feed, and that before other JSON. Among equal
    ones the order of the page decides.
    """
    each_once: dict[str, LinkedFeed] = {}
    for feed in feeds:
        each_once.setdefault(feed.url, feed)
    ordered = sorted(each_once.values(), key=lambda feed: (feed.is_of_comments, _ORDER[feed.media_type]))
    return ordered[:_MAX_FEEDS]
