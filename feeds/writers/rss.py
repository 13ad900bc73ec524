"""RSS 2.0 as the RSS Advisory Board's Best Practices Profile wants it.

One item: title, link, description (the summary), content:encoded (the body), guid, category, enclosure,
pubDate, source, dc:creator, dc:language, media:content.
"""

from __future__ import annotations

import re
from html import escape
from typing import Final

from feeds.model import Article, View
from feeds.writers.entries import origin, playable
from feeds.writers.feedgen_adapter import Feed, add, begin
from feeds.writers.legal import guarded

SUFFIX: Final = "rss"
MEDIA_TYPE: Final = "application/rss+xml"

TITLE: Final = re.compile(rb"<title>[^<]*")


def render(view: View) -> bytes:
    """The view as an RSS document: UTF-8, newest first."""
    return guarded(_render, view)


def _render(view: View) -> bytes:
    feed = begin(view, SUFFIX, MEDIA_TYPE)
    feed.load_extension("dc", atom=False)
    feed.load_extension("media", atom=False)
    for article in view.articles:
        _add(feed, view, article)
    document: bytes = feed.rss_str()
    # No other place than a title element can hold these bytes: all text is escaped, nothing is CDATA.
    return TITLE.sub(_profile_title, document)


def _add(feed: Feed, view: View, article: Article) -> None:
    item = add(feed, article)
    # A description is HTML to every reader, so the plain summary is escaped to be one: "1 < 2" stays "1 < 2".
    # Where there is none feedgen puts the body there: content:encoded alone is a validator's warning.
    if article.summary:
        item.description(escape(article.summary, quote=False), isSummary=True)
    # Names go to dc:creator: <author> wants an e-mail address, and feedgen drops a name without one.
    if article.authors:
        item.dc.dc_creator(list(article.authors))
    if article.language and article.language != view.language:
        item.dc.dc_language(article.language)
    if article.image:
        item.media.content(url=article.image, medium="image", group=None)  # a group of one is an error
    if recording := playable(article):
        item.enclosure(recording.url, recording.length, recording.type)
    if comes_from := origin(view, article):
        item.source(url=f"{comes_from.address}.{SUFFIX}", title=comes_from.source.title)


def _profile_title(title: re.Match[bytes]) -> bytes:
    """Hexadecimal references, which also those readers decode only once that decode names twice.

    To an XML parser it is the same text; the RSS Best Practices Profile asks for it in titles.
    """
    return title[0].replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;").replace(b"&gt;", b"&#x3E;")
