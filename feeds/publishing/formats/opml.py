"""OPML 2.0 (http://opml.org/spec2.opml): all feeds in one file, to import into a reader."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from lxml.etree import Element, SubElement, tostring

from feeds.model.feeds import Subscription
from feeds.publishing.formats.common import served_at
from feeds.publishing.formats.xml_characters import guarded

MEDIA_TYPE: Final = "text/x-opml"


def render(title: str, date_modified: datetime, subscriptions: Iterable[Subscription]) -> bytes:
    """A subscription list, in the order given; `date_modified` is the newest change, never the clock."""

    def write(words: tuple[str, tuple[Subscription, ...]]) -> bytes:
        return _render(words[0], date_modified, words[1])

    return guarded(write, (title, tuple(subscriptions)))


def _render(title: str, date_modified: datetime, subscriptions: tuple[Subscription, ...]) -> bytes:
    root = Element("opml", version="2.0")
    head = SubElement(root, "head")
    SubElement(head, "title").text = title
    SubElement(head, "dateModified").text = format_datetime(date_modified)
    body = SubElement(root, "body")
    for one in subscriptions:
        SubElement(body, "outline", _outline(one))
    document: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return document


def _outline(one: Subscription) -> dict[str, str]:
    """One outline of "Subscription lists": text, type and xmlUrl are required, the rest where known."""
    known = {
        "type": "rss",  # the name of the family: the standard has no other value for Atom either
        "text": one.title,
        "title": one.title,
        "description": one.description,
        "htmlUrl": one.home,
        "xmlUrl": served_at(one.address, "rss"),
        "language": one.language,
        "version": "RSS2",
    }
    return {name: value for name, value in known.items() if value}
