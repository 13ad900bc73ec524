"""Render RSS 2.0, according to the RSS Advisory Board's Best Practices Profile.

Elements of an item: title, link, description (the summary), content:encoded (the body), guid, category,
enclosure, pubDate, source, dc:creator, dc:language, media:content, media:thumbnail. The hubs and archives
(RFC 5005) of the channel are atom:link elements beside its own address. Episodes of podcasts, and the channel
of a podcast, have the elements of iTunes and of the podcast namespace that their source has.
"""

from __future__ import annotations

import re
from functools import partial
from html import escape
from typing import Final

from lxml.etree import SubElement

from feeds.model.articles import Article
from feeds.model.feeds import View
from feeds.model.podcasts import DURATION, NAMESPACES, PodcastElement, prefixes
from feeds.publishing.formats.common import (
    ascii_url,
    entry_origin,
    first_recording,
    format_url,
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

SUFFIX: Final = "rss"
MEDIA_TYPE: Final = "application/rss+xml"

_TITLE: Final = re.compile(rb"<title>[^<]*")

_LINK: Final = "{http://www.w3.org/2005/Atom}link"
_SUMMARIES: Final = ("itunes:subtitle", "itunes:summary")
# RSS 2.0, <image>: "a GIF, JPEG or PNG". A URL may also have no suffix.
_IMAGE_SUFFIXES: Final = frozenset({"gif", "jpeg", "jpg", "png", ""})


def render(view: View) -> bytes:
    """Render a view as an RSS document: UTF-8, in the order of the view."""
    return render_legal(_render, view)


def _render(view: View) -> bytes:
    feed = make_feed(view, SUFFIX, MEDIA_TYPE)
    feed.load_extension("dc", atom=False)
    if view.icon and _suffix(view.icon) in _IMAGE_SUFFIXES:
        feed.image(url=view.icon, title=view.title or view.address, link=ascii_url(view.home))
    finish_feed(feed, view, _podcast_namespaces(view), partial(_finish_feed, view))
    for article in view.articles:
        _add(feed, view, article)
    document: bytes = feed.rss_str()
    # These bytes occur only in title elements: all text is escaped, and nothing is CDATA.
    return _TITLE.sub(_profile_title, document)


def _finish_feed(view: View, rss: Element) -> None:
    """Add what feedgen cannot write: links to hubs and to other documents.

    The links to the hubs are after the channel's own link.
    """
    channel = rss.find("channel")
    previous = channel.find(_LINK)
    for hub in view.hubs:
        link = SubElement(channel, _LINK, rel="hub", href=hub)
        previous.addnext(link)
        previous = link
    add_archive_links(channel, view, SUFFIX, MEDIA_TYPE, _LINK)
    if view.podcast:
        add_podcast_elements(channel, view.podcast.elements)


def _add(feed: Feed, view: View, article: Article) -> None:
    item = add_entry(feed, view, article)
    _, summary = select_content(view, article)
    # Every feed reader takes a description as HTML, so the plain summary is escaped: "1 < 2" stays visible.
    # Without a summary, feedgen writes the body there: validators warn about content:encoded alone.
    if summary:
        item.description(escape(summary, quote=False), isSummary=True)
    # Names are in dc:creator: <author> requires an e-mail address, and feedgen drops a name without one.
    if article.authors:
        item.dc.dc_creator(list(article.authors))
    if article.language and article.language != view.language:
        item.dc.dc_language(article.language)
    if recording := first_recording(article):
        item.enclosure(recording.url, recording.length, recording.type)
    if episode := _episode_elements(view, article):
        finish_entry(item, partial(add_podcast_elements, elements=episode))
    if origin := entry_origin(view, article):
        item.source(url=format_url(origin.address, SUFFIX), title=origin.source.title)


def _episode_elements(view: View, article: Article) -> tuple[PodcastElement, ...]:
    """Return what an item says about an episode; nothing if the item has no recording."""
    recording = first_recording(article)
    if recording is None:
        return ()
    duration = (PodcastElement(DURATION, str(recording.duration)),) if recording.duration else ()
    hidden = () if view.content != "title" else _SUMMARIES
    return duration + tuple(element for element in article.episode if element.name not in hidden)


def _podcast_namespaces(view: View) -> dict[str, str]:
    """Return the namespaces of podcasts that a document uses."""
    elements = [element for article in view.articles for element in _episode_elements(view, article)]
    elements += view.podcast.elements if view.podcast else ()
    used = set(prefixes(elements))
    return {prefix: uri for prefix, uri in NAMESPACES.items() if prefix in used}


def _suffix(address: str) -> str:
    name = address.partition("?")[0].rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def _profile_title(title: re.Match[bytes]) -> bytes:
    """Write `&` and `<` of a title as hexadecimal references.

    Some feed readers decode named references twice, but these only once. An XML parser reads the same text.
    The RSS Best Practices Profile asks for this in titles.
    """
    return title[0].replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;").replace(b"&gt;", b"&#x3E;")
