"""What every format says the same way: who wrote an entry, where it comes from, what a feed is called."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from feeds.model import Article, Enclosure, Source, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The feed that an entry of a combined view comes from."""

    source: Source
    address: str
    """Absolute, without the format's suffix."""
    updated: datetime


def feed_id(address: str) -> str:
    """The permanent id of the feed at this address (without suffix), as RFC 4287 section 4.2.6 wants it.

    A UUIDv5 in the URL namespace: no database has to remember it, it does not change with the format, and an
    `atom:source` in a combined view carries the very id that the source's own feed carries.
    """
    return uuid.uuid5(uuid.NAMESPACE_URL, address).urn


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


def playable(article: Article) -> Enclosure | None:
    """The one enclosure that an RSS item may have: the first recording; pictures and documents are none."""
    return next((one for one in article.enclosures if one.type.startswith(("audio/", "video/"))), None)
