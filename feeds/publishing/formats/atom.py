"""Render Atom 1.0 (RFC 4287), which can express everything that a View contains.

Elements of an entry: id, title, updated, author, content, link (alternate and enclosure), summary, category,
published, media:content, media:thumbnail, source, itunes:duration; xml:lang if it is not that of the feed.
Deletions are at:deleted-entry (RFC 6721), older articles are in archives (RFC 5005).
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
from feeds.model.podcasts import DURATION, NAMESPACES, PodcastElement
from feeds.publishing.formats.common import (
    Origin,
    author_names,
    entry_origin,
    feed_id,
    format_url,
    media_enclosures,
    recording_duration,
    select_content,
)
from feeds.publishing.formats.feedgen_adapter import (
    Element,
    Feed,
    add_archive_links,
    add_entry,
    add_podcast_elements,
    finish_entry,
    finish_feed,
    make_feed,
)
from feeds.publishing.formats.xml_characters import render_legal

SUFFIX: Final = "atom"
MEDIA_TYPE: Final = "application/atom+xml"

_TOMBSTONES: Final = "http://purl.org/atompub/tombstones/1.0"
XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


def render(view: View) -> bytes:
    """Render a view as an Atom document: UTF-8, in the order of the view."""
    return render_legal(_render, view)


def _render(view: View) -> bytes:
    feed = make_feed(view, SUFFIX, MEDIA_TYPE)
    feed.author(name=view.title or view.address)
    if view.icon:
        feed.icon(view.icon)
    namespaces = {"at": _TOMBSTONES} if view.deleted else {}
    if any(map(recording_duration, view.articles)):
        namespaces["itunes"] = NAMESPACES["itunes"]
    finish_feed(feed, view, namespaces, partial(_finish_feed, view))
    for article, updated in zip(view.articles, _distinct_updates(view.articles), strict=True):
        _add(feed, view, article, updated)
    document: bytes = feed.atom_str()
    return document


def _distinct_updates(articles: tuple[Article, ...]) -> list[datetime]:
    """Return the time of each article's update, all times distinct.

    Equal times get distinct fractions of a second. Validators warn about two entries with the same `updated`.
    The fraction is computed from the entry's id, so it does not depend on the other entries of the feed. The
    second is not changed.
    """
    counts = Counter(article.updated for article in articles)
    used = set(counts)
    updates = []
    for article in articles:
        updated = article.updated
        if counts[updated] > 1:
            left = 999_999 - updated.microsecond
            start = crc32(article.id.encode("utf-8", "replace"))
            candidates = (
                updated.replace(microsecond=updated.microsecond + 1 + (start + offset) % left)
                for offset in range(left)
            )
            updated = next((candidate for candidate in candidates if candidate not in used), updated)
            used.add(updated)
        updates.append(updated)
    return updates


def _finish_feed(view: View, feed: Element) -> None:
    """Add what feedgen cannot write: archive links and deletions."""
    add_archive_links(feed, view, SUFFIX, MEDIA_TYPE, "link")
    for deletion in view.deleted:  # RFC 6721 section 3
        when = deletion.at.isoformat()
        SubElement(feed, f"{{{_TOMBSTONES}}}deleted-entry", ref=deletion.entry_id, when=when)


def _add(feed: Feed, view: View, article: Article, updated: datetime) -> None:
    entry = add_entry(feed, view, article)
    entry.updated(updated)
    finish_entry(entry, partial(_finish_entry, view, article))
    body, summary = select_content(view, article)
    if summary:
        entry.summary(summary, type="text")
    elif not body:
        # Validators warn about an entry without text, and a summary should not repeat the title (4.2.13).
        entry.content(article.title, type="text")
    entry.author([{"name": name} for name in author_names(article)])
    for enclosure in media_enclosures(article):
        link = {"href": enclosure.url, "rel": "enclosure"}
        if enclosure.type:
            link["type"] = enclosure.type
        if enclosure.length:  # 0 is "unknown"; the length is only a hint (4.2.7.6)
            link["length"] = str(enclosure.length)
        entry.link(link)


def _finish_entry(view: View, article: Article, entry: Element) -> None:
    entry.find("title").set("type", "text")
    if article.language and article.language != view.language:
        entry.set(XML_LANG, article.language)
    if origin := entry_origin(view, article):
        _add_source(entry, origin)
    if seconds := recording_duration(article):
        add_podcast_elements(entry, [PodcastElement(DURATION, str(seconds))])


def _add_source(entry: Element, origin: Origin) -> None:
    """Add a complete atom:source (RFC 4287 section 4.2.11).

    feedgen writes its title and link only, which gives two validator warnings.
    """
    # The elements have no namespace, like all of feedgen: it writes xmlns as an attribute.
    source = SubElement(entry, "source")
    SubElement(source, "id").text = feed_id(origin.address)
    SubElement(source, "title").text = origin.source.title
    SubElement(source, "updated").text = origin.updated.isoformat()
    own = format_url(origin.address, SUFFIX)
    SubElement(source, "link", rel="self", type=MEDIA_TYPE, href=own)
    if origin.source.home:
        SubElement(source, "link", rel="alternate", type="text/html", href=origin.source.home)
