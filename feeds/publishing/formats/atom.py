"""Atom 1.0 (RFC 4287), which can say everything that a View knows.

One entry: id, title, updated, author, content, link alternate and enclosure, summary, category, published,
media:content, media:thumbnail, source; xml:lang where it is not the feed's. What is published no more is an
at:deleted-entry (RFC 6721), the past stands in archives (RFC 5005).
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import partial
from typing import Final
from zlib import crc32

from lxml.etree import SubElement

from feeds.model.articles import Article
from feeds.model.feeds import View
from feeds.publishing.formats.common import Origin, bylines, carried, enclosed, feed_id, origin, served_at
from feeds.publishing.formats.feedgen_adapter import Element, Feed, add, add_past, begin, on_atom, on_feed
from feeds.publishing.formats.xml_characters import guarded

SUFFIX: Final = "atom"
MEDIA_TYPE: Final = "application/atom+xml"

_TOMBSTONES: Final = "http://purl.org/atompub/tombstones/1.0"
XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


def render(view: View) -> bytes:
    """The view as an Atom document: UTF-8, newest first."""
    return guarded(_render, view)


def _render(view: View) -> bytes:
    feed = begin(view, SUFFIX, MEDIA_TYPE)
    feed.author(name=view.title or view.address)
    if view.icon:
        feed.icon(view.icon)
    on_feed(feed, view, {"at": _TOMBSTONES} if view.deleted else {}, partial(_finish_feed, view))
    for article, updated in zip(view.articles, _told_apart(view.articles), strict=True):
        _add(feed, view, article, updated)
    document: bytes = feed.atom_str()
    return document


def _told_apart(articles: tuple[Article, ...]) -> list[datetime]:
    """When each was updated, in fractions of a second where several say the same moment.

    Validators warn of two entries with one `updated`. The fraction comes from the entry's id, so it does not
    depend on what else is in the feed; the second stays.
    """
    times = Counter(article.updated for article in articles)
    taken = set(times)
    told = []
    for article in articles:
        moment = article.updated
        if times[moment] > 1:
            left = 999_999 - moment.microsecond
            start = crc32(article.id.encode("utf-8", "replace"))
            tries = (moment.microsecond + 1 + (start + more) % left for more in range(left))
            fractions = (moment.replace(microsecond=one) for one in tries)
            moment = next((one for one in fractions if one not in taken), moment)
            taken.add(moment)
        told.append(moment)
    return told


def _finish_feed(view: View, feed: Element) -> None:
    """What feedgen cannot say of a feed: its other documents, and what is published in it no more."""
    add_past(feed, view, SUFFIX, MEDIA_TYPE, "link")
    for deletion in view.deleted:  # RFC 6721 section 3
        when = deletion.at.isoformat()
        SubElement(feed, f"{{{_TOMBSTONES}}}deleted-entry", ref=deletion.entry_id, when=when)


def _add(feed: Feed, view: View, article: Article, updated: datetime) -> None:
    entry = add(feed, view, article)
    entry.updated(updated)
    on_atom(entry, partial(_finish, view, article))
    body, summary = carried(view, article)
    if summary:
        entry.summary(summary, type="text")
    elif not body:
        # An entry without text is a warning, and a summary should not repeat the title (4.2.13).
        entry.content(article.title, type="text")
    entry.author([{"name": name} for name in bylines(article)])
    for enclosure in enclosed(article):
        link = {"href": enclosure.url, "rel": "enclosure"}
        if enclosure.type:
            link["type"] = enclosure.type
        if enclosure.length:  # 0 is "unknown" (4.2.7.6: a hint, so rather none)
            link["length"] = str(enclosure.length)
        entry.link(link)


def _finish(view: View, article: Article, entry: Element) -> None:
    entry.find("title").set("type", "text")
    if article.language and article.language != view.language:
        entry.set(XML_LANG, article.language)
    if comes_from := origin(view, article):
        _source(entry, comes_from)


def _source(entry: Element, comes_from: Origin) -> None:
    """atom:source (4.2.11) whole; feedgen knows its title and link only, two validator warnings."""
    # feedgen's tree has no namespace (xmlns is written as an attribute), so neither have these.
    source = SubElement(entry, "source")
    SubElement(source, "id").text = feed_id(comes_from.address)
    SubElement(source, "title").text = comes_from.source.title
    SubElement(source, "updated").text = comes_from.updated.isoformat()
    own = served_at(comes_from.address, SUFFIX)
    SubElement(source, "link", rel="self", type=MEDIA_TYPE, href=own)
    if comes_from.source.home:
        SubElement(source, "link", rel="alternate", type="text/html", href=comes_from.source.home)
