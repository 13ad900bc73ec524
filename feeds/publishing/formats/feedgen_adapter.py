"""feedgen 1.0.0 without its faults: what RSS and Atom share, set on a FeedGenerator.

What feedgen cannot say is done by `finish` of atom.py and rss.py, on the lxml elements that the feed and its
entries render to, through feedgen's own extension hook. The faults mended here, each with its test:

- it calls locale.setlocale for every date, which changes the whole process;
- lastBuildDate and updated are the clock unless they are set;
- its last link becomes the RSS <link>, so the home page comes last;
- links of Atom entries lose everything but href (lkiesow/python-feedgen#135);
- of the feed's links RSS gets the first `self` only;
- entries are put in front unless one says append;
- its media extension makes groups of one, which are an error.
"""

from __future__ import annotations

from collections.abc import Callable
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
from feeds.publishing.formats.common import carried, past, served_at, view_id

# Neither feedgen nor lxml has types; these names say which of their objects is meant.
Feed: TypeAlias = Any
Entry: TypeAlias = Any
Element: TypeAlias = Any

Finish: TypeAlias = Callable[[Element], None]

HISTORY: Final = "http://purl.org/syndication/history/1.0"

# Both modules hold their own reference. Same text in the C locale, safe with threads.
feedgen.entry.formatRFC2822 = format_datetime
feedgen.feed.formatRFC2822 = format_datetime


def begin(view: View, suffix: str, media_type: str) -> Feed:
    """A FeedGenerator that says about the feed what both formats say, without entries."""
    feed = FeedGenerator()
    feed.load_extension("media")
    feed.id(view_id(view))
    feed.title(view.title or view.address)
    feed.description(view.description or view.title or view.address)  # RSS 2.0: required
    feed.language(view.language)
    feed.updated(view.updated)
    feed.ttl(view.ttl_minutes)
    feed.generator("feeds")  # no version: an upgrade alone is no new document
    feed.link(href=served_at(view.address, suffix), rel="self", type=media_type)
    for hub in view.hubs:
        feed.link(href=hub, rel="hub")
    feed.link(href=view.home, rel="alternate", type="text/html")
    return feed


def add(feed: Feed, view: View, article: Article) -> Entry:
    """The next entry, with what both formats say about an article in the same way."""
    entry = feed.add_entry(order="append")
    entry.id(article.id)
    entry.title(article.title)
    entry.link(href=article.link, rel="alternate", type="text/html")
    entry.published(article.published)
    entry.updated(article.updated)
    body, _ = carried(view, article)
    if body:
        entry.content(body, type="html")  # escaped: CDATA is wrong in Atom and cannot hold "]]>"
    if article.tags:
        entry.category([{"term": tag} for tag in article.tags])
    if article.image:
        entry.media.content(url=article.image, medium="image", group=None)
        entry.media.thumbnail(url=article.image, group=None)
    return entry


def on_atom(entry: Entry, finish: Finish) -> None:
    """Mend the entry's links when it is rendered to Atom, then hand its element to `finish`."""
    entry.register_extension("finish", partial(_Finishing, entry, finish), rss=False)


def on_feed(feed: Feed, view: View, namespaces: dict[str, str], finish: Finish) -> None:
    """When the feed is rendered: name its stylesheet, then hand the root to `finish`, which comes before the
    entries are written.
    """
    names = namespaces | ({"fh": HISTORY} if view.archive else {})
    feed.register_extension("finish", partial(_FeedFinishing, names, view.stylesheet, finish))


def add_past(parent: Element, view: View, suffix: str, media_type: str, link: str) -> None:
    """fh:archive and the links to the feed's other documents (RFC 5005 section 4); `link` is the tag."""
    for rel, address in past(view):
        SubElement(parent, link, rel=rel, type=media_type, href=served_at(address, suffix))
    if view.archive:
        SubElement(parent, f"{{{HISTORY}}}archive")


class _FeedFinishing:
    """A feedgen extension of the whole feed (by shape)."""

    def __init__(self, namespaces: dict[str, str], stylesheet: str, finish: Finish) -> None:
        self.namespaces = namespaces
        self.stylesheet = stylesheet
        self.finish = finish

    def extend_ns(self) -> dict[str, str]:
        return self.namespaces

    def extend_atom(self, root: Element) -> None:
        if self.stylesheet:
            said = f'type="text/css" href="{escape(self.stylesheet)}"'
            root.addprevious(ProcessingInstruction("xml-stylesheet", said))
        self.finish(root)

    extend_rss = extend_atom


class _Finishing:
    """A feedgen extension (by shape): called with the entry's element after feedgen has written it."""

    def __init__(self, entry: Entry, finish: Finish) -> None:
        self.entry = entry
        self.finish = finish

    def extend_atom(self, element: Element) -> None:
        for link, said in zip(element.iterfind("link"), self.entry.link(), strict=True):
            for name, value in said.items():
                link.set(name, value)
        self.finish(element)
