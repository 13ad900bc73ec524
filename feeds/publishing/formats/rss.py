"""RSS 2.0 as the RSS Advisory Board's Best Practices Profile wants it.

One item: title, link, description (the summary), content:encoded (the body), guid, category, enclosure,
pubDate, source, dc:creator, dc:language, media:content, media:thumbnail. The channel's hubs and archives
(RFC 5005) are atom:links beside its own address.
"""

from __future__ import annotations

import re
from functools import partial
from html import escape
from typing import Final

from lxml.etree import SubElement

from feeds.model.articles import Article
from feeds.model.feeds import View
from feeds.publishing.formats.common import carried, origin, playable, served_at
from feeds.publishing.formats.feedgen_adapter import Element, Feed, add, add_past, begin, on_feed
from feeds.publishing.formats.xml_characters import guarded

SUFFIX: Final = "rss"
MEDIA_TYPE: Final = "application/rss+xml"

TITLE: Final = re.compile(rb"<title>[^<]*")

_LINK: Final = "{http://www.w3.org/2005/Atom}link"
# RSS 2.0, <image>: "a GIF, JPEG or PNG". An address may also say nothing of it.
_PICTURES: Final = frozenset({"gif", "jpeg", "jpg", "png", ""})


def render(view: View) -> bytes:
    """The view as an RSS document: UTF-8, newest first."""
    return guarded(_render, view)


def _render(view: View) -> bytes:
    feed = begin(view, SUFFIX, MEDIA_TYPE)
    feed.load_extension("dc", atom=False)
    if view.icon and _suffix(view.icon) in _PICTURES:
        feed.image(url=view.icon, title=view.title or view.address, link=view.home)
    on_feed(feed, view, {}, partial(_finish_feed, view))
    for article in view.articles:
        _add(feed, view, article)
    document: bytes = feed.rss_str()
    # No other place than a title element can hold these bytes: all text is escaped, nothing is CDATA.
    return TITLE.sub(_profile_title, document)


def _finish_feed(view: View, rss: Element) -> None:
    """What feedgen cannot say of a channel: its hubs, beside its own address, and its other documents."""
    channel = rss.find("channel")
    before = channel.find(_LINK)
    for hub in view.hubs:
        link = SubElement(channel, _LINK, rel="hub", href=hub)
        before.addnext(link)
        before = link
    add_past(channel, view, SUFFIX, MEDIA_TYPE, _LINK)


def _add(feed: Feed, view: View, article: Article) -> None:
    item = add(feed, view, article)
    _, summary = carried(view, article)
    # A description is HTML to every reader, so the plain summary is escaped to be one: "1 < 2" stays "1 < 2".
    # Where there is none feedgen puts the body there: content:encoded alone is a validator's warning.
    if summary:
        item.description(escape(summary, quote=False), isSummary=True)
    # Names go to dc:creator: <author> wants an e-mail address, and feedgen drops a name without one.
    if article.authors:
        item.dc.dc_creator(list(article.authors))
    if article.language and article.language != view.language:
        item.dc.dc_language(article.language)
    if recording := playable(article):
        item.enclosure(recording.url, recording.length, recording.type)
    if comes_from := origin(view, article):
        item.source(url=served_at(comes_from.address, SUFFIX), title=comes_from.source.title)


def _suffix(address: str) -> str:
    name = address.partition("?")[0].rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def _profile_title(title: re.Match[bytes]) -> bytes:
    """Hexadecimal references, which also those readers decode only once that decode names twice.

    To an XML parser it is the same text; the RSS Best Practices Profile asks for it in titles.
    """
    return title[0].replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;").replace(b"&gt;", b"&#x3E;")
