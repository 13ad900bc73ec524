"""Atom 1.0 (RFC 4287), which can say everything that a View knows.

One entry: id, title, updated, author, content, link alternate and enclosure, summary, category, published,
source; xml:lang where it is not the feed's. What is published no more is an at:deleted-entry (RFC 6721).
"""

from __future__ import annotations

from functools import partial
from typing import Final

from lxml.etree import SubElement

from feeds.model import Article, View
from feeds.writers.entries import Origin, bylines, feed_id, origin
from feeds.writers.feedgen_adapter import Element, Feed, add, begin, on_atom, on_atom_feed
from feeds.writers.legal import guarded

SUFFIX: Final = "atom"
MEDIA_TYPE: Final = "application/atom+xml"

_TOMBSTONES: Final = "http://purl.org/atompub/tombstones/1.0"
XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


def render(view: View) -> bytes:
    """The view as an Atom document: UTF-8, newest first."""
    return guarded(_render, view)


def _render(view: View) -> bytes:
    feed = begin(view, SUFFIX, MEDIA_TYPE)
    if view.deleted:
        on_atom_feed(feed, {"at": _TOMBSTONES}, partial(_mark_deleted, view))
    for article in view.articles:
        _add(feed, view, article)
    document: bytes = feed.atom_str()
    return document


def _mark_deleted(view: View, feed: Element) -> None:
    """at:deleted-entry (RFC 6721 section 3) for each entry that is published no more."""
    for deletion in view.deleted:
        when = deletion.at.isoformat()
        SubElement(feed, f"{{{_TOMBSTONES}}}deleted-entry", ref=deletion.entry_id, when=when)


def _add(feed: Feed, view: View, article: Article) -> None:
    entry = add(feed, article)
    on_atom(entry, partial(_finish, view, article))
    if article.summary:
        entry.summary(article.summary, type="text")
    entry.author([{"name": name} for name in bylines(article)])
    for enclosure in article.enclosures:
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
    SubElement(source, "link", rel="self", type=MEDIA_TYPE, href=f"{comes_from.address}.{SUFFIX}")
    if comes_from.source.home:
        SubElement(source, "link", rel="alternate", type="text/html", href=comes_from.source.home)
