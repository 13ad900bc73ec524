"""Render the list of all feeds as OPML 2.0, to import into a feed reader.

The standard is http://opml.org/spec2.opml.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from lxml.etree import Element, SubElement, tostring

from feeds.model.feeds import OpmlEntry
from feeds.publishing.formats.common import format_url
from feeds.publishing.formats.xml_characters import render_legal

MEDIA_TYPE: Final = "text/x-opml"


def render(title: str, date_modified: datetime, subscriptions: Iterable[OpmlEntry]) -> bytes:
    """Render a subscription list, in the order given.

    `date_modified` is the time of the newest change, never the current time.
    """

    def write(texts: tuple[str, tuple[OpmlEntry, ...]]) -> bytes:
        return _render(texts[0], date_modified, texts[1])

    return render_legal(write, (title, tuple(subscriptions)))


def _render(title: str, date_modified: datetime, subscriptions: tuple[OpmlEntry, ...]) -> bytes:
    root = Element("opml", version="2.0")
    head = SubElement(root, "head")
    SubElement(head, "title").text = title
    SubElement(head, "dateModified").text = format_datetime(date_modified)
    body = SubElement(root, "body")
    for subscription in subscriptions:
        SubElement(body, "outline", _outline(subscription))
    document: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return document


def _outline(subscription: OpmlEntry) -> dict[str, str]:
    """Return the attributes of an outline.

    text, type and xmlUrl are required. Other attributes are left out if they are empty.
    """
    attributes = {
        "type": "rss",  # the standard has no other value, for Atom neither
        "text": subscription.title,
        "title": subscription.title,
        "description": subscription.description,
        "htmlUrl": subscription.home,
        "xmlUrl": format_url(subscription.address, "rss"),
        "language": subscription.language,
        "version": "RSS2",
    }
    return {name: value for name, value in attributes.items() if value}
