"""What every format says the same way: where a document is, what of an article it carries, who wrote it,
where it comes from, what a feed is called.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from feeds.model.articles import Article, Enclosure, Source
from feeds.model.feeds import View

# RFC 6838 section 4.2, without parameters; validators refuse anything else.
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The feed that an entry of a combined view comes from."""

    source: Source
    address: str
    """Absolute, without the format's suffix."""
    updated: datetime


def served_at(address: str, suffix: str) -> str:
    """Where a format of the feed at this address is served: the suffix goes before a query."""
    path, mark, query = address.partition("?")
    return f"{path}.{suffix}{mark}{query}"


def feed_id(address: str) -> str:
    """The permanent id of the feed at this address (without suffix), as RFC 4287 section 4.2.6 wants it.

    A UUIDv5 in the URL namespace: no database has to remember it, it does not change with the format, and an
    `atom:source` in a combined view carries the very id that the source's own feed carries. A token that
    lets somebody in (`token=…`) is no part of what a feed is.
    """
    path, _, query = address.partition("?")
    query = "&".join(pair for pair in query.split("&") if pair and not pair.startswith("token="))
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{path}?{query}" if query else path).urn


def view_id(view: View) -> str:
    """The feed's id; an archive is a part of the feed that goes on, and so has its id (RFC 5005)."""
    return feed_id(view.current if view.archive and view.current else view.address)


def past(view: View) -> list[tuple[str, str]]:
    """The other documents of the same feed: RFC 5005's name of each, and its address without suffix."""
    named = (("current", view.current), ("prev-archive", view.previous), ("next-archive", view.next))
    return [(name, address) for name, address in named if address]


def carried(view: View, article: Article) -> tuple[str, str]:
    """What the view carries of an article: its body and its plain summary, either maybe empty."""
    html = article.html if view.content == "full" else ""
    summary = article.summary if view.content != "title" else ""
    return html, summary


def bylines(article: Article) -> tuple[str, ...]:
    """The authors, or the publisher where nobody signed: Atom wants an author on every entry (4.1.2)."""
    return article.authors or (article.source.title,)


def origin(view: View, article: Article) -> Origin | None:
    """Where an entry comes from; None in a source's own feed, or where the source has no feed."""
    slug = article.source.slug
    address = view.source_addresses.get(slug, "") if view.combined else ""
    if not address:
        return None
    updated = view.source_updated.get(slug, article.updated)
    return Origin(source=article.source, address=address, updated=updated)


def enclosed(article: Article) -> tuple[Enclosure, ...]:
    """The media files without the lead picture, which has its own place; a type that is none is empty."""
    return tuple(
        replace(one, type=_media_type(one.type)) for one in article.enclosures if one.url != article.image
    )


def playable(article: Article) -> Enclosure | None:
    """The one enclosure that an RSS item may have: the first recording; pictures and documents are none."""
    return next((one for one in enclosed(article) if one.type.startswith(("audio/", "video/"))), None)


def _media_type(said: str) -> str:
    """`Audio/MPEG; codecs="mp3"` -> `audio/mpeg`; empty where it is none."""
    plain = said.partition(";")[0].strip().lower()
    return plain if _MEDIA_TYPE.fullmatch(plain) else ""
