"""Compute what all formats share.

These are addresses, ids, content, authors, enclosures and the origin of an entry.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from feeds.model.articles import Article, Enclosure, Source
from feeds.model.feeds import View
from feeds.text import urls

# RFC 6838 section 4.2, without parameters. Validators accept nothing else.
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The feed that an entry of a combined view comes from."""

    source: Source
    address: str
    """Absolute URL of the feed, without the suffix of the format."""
    updated: datetime
    """Time of the newest change in that feed."""


def format_url(address: str, suffix: str) -> str:
    """Return the URL of a feed in one format.

    The suffix is added to the path, before a query.
    """
    path, mark, query = address.partition("?")
    return f"{path}.{suffix}{mark}{query}"


def ascii_url(url: str) -> str:
    """Return an address as RSS requires it: the host in Punycode, other characters percent-encoded.

    An address that cannot be encoded is returned unchanged.
    """
    return url if url.isascii() else urls.make_absolute(url) or url


def feed_id(address: str) -> str:
    """Return the permanent id of the feed at an address without suffix.

    See RFC 4287 section 4.2.6. The id is a UUIDv5 in the URL namespace. So no database has to store it, it is
    the same in every format, and an `atom:source` in a combined view has the id of the source's own feed. An
    access token (`token=…`) is not a part of the id.
    """
    path, _, query = address.partition("?")
    query = "&".join(pair for pair in query.split("&") if pair and not pair.startswith("token="))
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{path}?{query}" if query else path).urn


def view_id(view: View) -> str:
    """Return the id of a view's feed.

    An archive has the id of its current feed (RFC 5005).
    """
    return feed_id(view.current if view.archive and view.current else view.address)


def archive_links(view: View) -> list[tuple[str, str]]:
    """Return the links to other documents of the feed (RFC 5005).

    A link is its relation and its address without suffix.
    """
    links = (("current", view.current), ("prev-archive", view.previous), ("next-archive", view.next))
    return [(relation, address) for relation, address in links if address]


def select_content(view: View, article: Article) -> tuple[str, str]:
    """Return the body and the plain summary that a view shows of an article.

    Each may be empty.
    """
    html = article.html if view.content == "full" else ""
    summary = article.summary if view.content != "title" else ""
    return html, summary


def author_names(article: Article) -> tuple[str, ...]:
    """Return the authors of an article, or else its publisher.

    Atom requires an author (RFC 4287 section 4.1.2).
    """
    return article.authors or (article.source.title,)


def entry_origin(view: View, article: Article) -> Origin | None:
    """Return the origin of an entry of a combined view.

    Return None in a source's own feed, or if the source has no feed.
    """
    slug = article.source.slug
    address = view.source_addresses.get(slug, "") if view.combined else ""
    if not address:
        return None
    updated = view.source_updated.get(slug, article.updated)
    return Origin(source=article.source, address=address, updated=updated)


def media_enclosures(article: Article) -> tuple[Enclosure, ...]:
    """Return the enclosures without the lead picture, which has its own element.

    Invalid types are empty.
    """
    return tuple(
        replace(enclosure, type=_media_type(enclosure.type))
        for enclosure in article.enclosures
        if enclosure.url != article.image
    )


def first_recording(article: Article) -> Enclosure | None:
    """Return the first audio or video enclosure, the only one in an RSS item.

    Return None if there is none.
    """
    recordings = (
        enclosure
        for enclosure in media_enclosures(article)
        if enclosure.type.startswith(("audio/", "video/"))
    )
    return next(recordings, None)


def recording_duration(article: Article) -> int:
    """Return the seconds of the first recording; 0 if there is none, or if they are not known."""
    recording = first_recording(article)
    return recording.duration if recording else 0


def _media_type(text: str) -> str:
    """Return `audio/mpeg` for `Audio/MPEG; codecs="mp3"`.

    Return an empty text if it is not a media type.
    """
    plain = text.partition(";")[0].strip().lower()
    return plain if _MEDIA_TYPE.fullmatch(plain) else ""
