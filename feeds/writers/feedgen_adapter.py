"""feedgen 1.0.0 without its faults: what RSS and Atom share, set on a FeedGenerator.

What only Atom can say and feedgen cannot is done by atom.py's `finish`, on the lxml element that an entry
renders to, through feedgen's own extension hook. The faults mended here, each with its test:

- it calls locale.setlocale for every date, which changes the whole process;
- lastBuildDate and updated are the clock unless they are set;
- its last link becomes the RSS <link>, so the home page comes last;
- links of Atom entries lose everything but href (lkiesow/python-feedgen#135);
- entries are put in front unless one says append.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import format_datetime
from functools import partial
from typing import Any, TypeAlias

import feedgen.entry
import feedgen.feed
from feedgen.feed import FeedGenerator

from feeds.model import Article, View
from feeds.writers.entries import feed_id

# Neither feedgen nor lxml has types; these names say which of their objects is meant.
Feed: TypeAlias = Any
Entry: TypeAlias = Any
Element: TypeAlias = Any

Finish: TypeAlias = Callable[[Element], None]

# Both modules hold their own reference. Same text in the C locale, safe with threads.
feedgen.entry.formatRFC2822 = format_datetime
feedgen.feed.formatRFC2822 = format_datetime


def begin(view: View, suffix: str, media_type: str) -> Feed:
    """A FeedGenerator that says about the feed what both formats say, without entries."""
    feed = FeedGenerator()
    feed.id(feed_id(view.address))
    feed.title(view.title or view.address)
    feed.description(view.description or view.title or view.address)  # RSS 2.0: required
    feed.language(view.language)
    feed.updated(view.updated)
    feed.ttl(view.ttl_minutes)
    feed.generator("feeds")  # no version: an upgrade alone is no new document
    feed.link(href=f"{view.address}.{suffix}", rel="self", type=media_type)
    feed.link(href=view.home, rel="alternate", type="text/html")
    return feed


def add(feed: Feed, article: Article) -> Entry:
    """The next entry, with what both formats say about an article in the same way."""
    entry = feed.add_entry(order="append")
    entry.id(article.id)
    entry.title(article.title)
    entry.link(href=article.link, rel="alternate", type="text/html")
    entry.published(article.published)
    entry.updated(article.updated)
    entry.content(article.html, type="html")  # escaped: CDATA is wrong in Atom and cannot hold "]]>"
    if article.tags:
        entry.category([{"term": tag} for tag in article.tags])
    return entry


def on_atom(entry: Entry, finish: Finish) -> None:
    """Mend the entry's links when it is rendered to Atom, then hand its element to `finish`."""
    entry.register_extension("finish", partial(_Finishing, entry, finish), rss=False)


def on_atom_feed(feed: Feed, namespaces: dict[str, str], finish: Finish) -> None:
    """Hand the feed's element to `finish` when it is rendered to Atom, before its entries are written."""
    feed.register_extension("finish", partial(_FeedFinishing, namespaces, finish), rss=False)


class _FeedFinishing:
    """A feedgen extension of the whole feed (by shape)."""

    def __init__(self, namespaces: dict[str, str], finish: Finish) -> None:
        self.namespaces = namespaces
        self.finish = finish

    def extend_ns(self) -> dict[str, str]:
        return self.namespaces

    def extend_atom(self, element: Element) -> None:
        self.finish(element)


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
