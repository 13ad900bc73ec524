"""Fill feedgen 1.0.0 with what RSS and Atom share, and work around its faults.

atom.py and rss.py add what feedgen cannot write: their `finish` functions change the lxml elements of the
feed and its entries, through feedgen's extension hook. The faults that are corrected here, each with a test:

- It calls locale.setlocale for every date, which changes the whole process.
- lastBuildDate and updated are the current time unless they are set.
- Its last link becomes the RSS <link>, so the home page is added last.
- Links of Atom entries lose every attribute but href (lkiesow/python-feedgen#135).
- RSS has only the first `self` link of the feed.
- It inserts each entry before the others, unless `append` is given.
- Its media extension writes groups of one element, which are invalid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from email.utils import format_datetime
from functools import partial
from html import escape
from typing import Any, Final, TypeAlias

import feedgen.entry
import feedgen.feed
from feedgen.feed import FeedGenerator
from lxml.etree import ProcessingInstruction, SubElement

from feeds.model.articles import Article
from feeds.model.feeds import View
from feeds.model.podcasts import NAMESPACES, PodcastElement
from feeds.publishing.formats.common import archive_links, ascii_url, format_url, select_content, view_id

# feedgen and lxml have no types. These names tell their objects apart.
Feed: TypeAlias = Any
Entry: TypeAlias = Any
Element: TypeAlias = Any

FinishElement: TypeAlias = Callable[[Element], None]

HISTORY: Final = "http://purl.org/syndication/history/1.0"

# Both modules import the function. This one returns the same text as theirs in the C locale, and is safe with
# threads.
feedgen.entry.formatRFC2822 = format_datetime
feedgen.feed.formatRFC2822 = format_datetime


def make_feed(view: View, suffix: str, media_type: str) -> Feed:
    """Return a FeedGenerator with what both formats say about the feed.

    It has no entries yet.
    """
    feed = FeedGenerator()
    feed.load_extension("media")
    feed.id(view_id(view))
    feed.title(view.title or view.address)
    feed.description(view.description or view.title or view.address)  # RSS 2.0: required
    feed.language(view.language)
    feed.updated(view.updated)
    feed.ttl(view.ttl_minutes)
    feed.generator("feeds")  # without a version: an upgrade must not change documents
    feed.link(href=format_url(view.address, suffix), rel="self", type=media_type)
    for hub in view.hubs:
        feed.link(href=hub, rel="hub")
    feed.link(href=ascii_url(view.home), rel="alternate", type="text/html")
    return feed


def add_entry(feed: Feed, view: View, article: Article) -> Entry:
    """Append an entry with what both formats contain about an article, and return it."""
    entry = feed.add_entry(order="append")
    entry.id(article.id)
    entry.title(article.title)
    entry.link(href=article.link, rel="alternate", type="text/html")
    entry.published(article.published)
    entry.updated(article.updated)
    body, _ = select_content(view, article)
    if body:
        entry.content(body, type="html")  # escaped: CDATA is wrong in Atom and cannot contain "]]>"
    if article.tags:
        entry.category([{"term": tag} for tag in article.tags])
    if article.image:
        entry.media.content(url=article.image, medium="image", group=None)
        entry.media.thumbnail(url=article.image, group=None)
    return entry


def finish_entry(entry: Entry, finish: FinishElement) -> None:
    """Register `finish` for an entry's element.

    In Atom, it is called after the links are corrected.
    """
    entry.register_extension("finish", partial(_EntryExtension, entry, finish))


def finish_feed(feed: Feed, view: View, namespaces: dict[str, str], finish: FinishElement) -> None:
    """Register namespaces, stylesheet and `finish` for a feed's root element.

    `finish` is called when the feed is rendered, before the entries are written.
    """
    all_namespaces = namespaces | ({"fh": HISTORY} if view.archive else {})
    feed.register_extension("finish", partial(_FeedExtension, all_namespaces, view.stylesheet, finish))


def add_archive_links(parent: Element, view: View, suffix: str, media_type: str, link: str) -> None:
    """Add fh:archive and the links to other documents of the feed.

    See RFC 5005 section 4. `link` is the tag of the link elements.
    """
    for rel, address in archive_links(view):
        SubElement(parent, link, rel=rel, type=media_type, href=format_url(address, suffix))
    if view.archive:
        SubElement(parent, f"{{{HISTORY}}}archive")


def add_podcast_elements(parent: Element, elements: Iterable[PodcastElement]) -> None:
    """Add elements about a podcast in their order."""
    for element in elements:
        prefix, _, local = element.name.partition(":")
        child = SubElement(parent, f"{{{NAMESPACES[prefix]}}}{local}", dict(element.attributes))
        child.text = element.text or None
        add_podcast_elements(child, element.children)


class _FeedExtension:
    """A feedgen extension for the whole feed. feedgen calls its methods by name."""

    def __init__(self, namespaces: dict[str, str], stylesheet: str, finish: FinishElement) -> None:
        self.namespaces = namespaces
        self.stylesheet = stylesheet
        self.finish = finish

    def extend_ns(self) -> dict[str, str]:
        return self.namespaces

    def extend_atom(self, root: Element) -> None:
        if self.stylesheet:
            attributes = f'type="text/css" href="{escape(self.stylesheet)}"'
            root.addprevious(ProcessingInstruction("xml-stylesheet", attributes))
        self.finish(root)

    extend_rss = extend_atom


class _EntryExtension:
    """A feedgen extension for an entry.

    feedgen calls it with the element that it has written.
    """

    def __init__(self, entry: Entry, finish: FinishElement) -> None:
        self.entry = entry
        self.finish = finish

    def extend_atom(self, element: Element) -> None:
        for link, attributes in zip(element.iterfind("link"), self.entry.link(), strict=True):
            for name, value in attributes.items():
                link.set(name, value)
        self.finish(element)

    def extend_rss(self, element: Element) -> None:
        self.finish(element)
