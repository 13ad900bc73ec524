"""Define the values that are published.

These are a feed's window of articles, deletions, and entries of the OPML list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from feeds.model.articles import Article, Source
from feeds.model.podcasts import Podcast


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """An entry that was published and is withdrawn (RFC 6721)."""

    entry_id: str
    source: str
    """The slug of the entry's source."""
    at: datetime
    """Time of the deletion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """A source with the state of its published articles."""

    source: Source
    articles: int
    """Number of published articles."""
    published: datetime
    """Date of the newest article."""
    updated: datetime
    """Time of the newest change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An ordered window of articles with an address, ready to write as a feed."""

    title: str
    description: str
    home: str
    """The absolute URL of the page for people that belongs to this feed."""
    address: str
    """The feed's absolute URL without the format's suffix: `https://host/feeds/all`, also with a query
    (`?tag=tide`). The suffix is inserted before the query.
    """
    language: str
    updated: datetime
    """Time of the newest change of any entry, never the current time: equal articles give equal bytes."""
    articles: tuple[Article, ...] = ()
    """Newest first."""
    combined: bool = False
    """Whether the articles come from several sources, so that each entry names its source."""
    source_addresses: Mapping[str, str] = field(default_factory=dict)
    """Source slug -> the absolute URL (no suffix) of that source's feed, for combined views."""
    source_updated: Mapping[str, datetime] = field(default_factory=dict)
    """Source slug -> time of the newest change in that source's feed, for `atom:source`."""
    deleted: tuple[Deletion, ...] = ()
    """Entries that were published here and are withdrawn, the latest first."""
    icon: str = ""
    """The URL of the feed's icon."""
    hubs: tuple[str, ...] = ()
    """URLs of the WebSub hubs that notify subscribers of changes."""
    content: Literal["full", "summary", "title"] = "full"
    """The part of each article that the feed contains."""
    archive: bool = False
    """Whether this is an archive document, which never changes (RFC 5005 section 4)."""
    current: str = ""
    """In an archive, the URL of the current feed, in the form of `address`."""
    previous: str = ""
    """The URL of the archive with the articles before these, in the form of `address`."""
    next: str = ""
    """In an archive, the URL of the archive with the articles after these, in the form of `address`."""
    stylesheet: str = ""
    """The URL of a CSS file, absolute or from the root, for visitors who open the feed in a browser."""
    podcast: Podcast | None = None
    """The show whose episodes these are; None if the feed is not that of a podcast."""
    ttl_minutes: int = 60
    """Minutes for which a client may cache the feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpmlEntry:
    """One feed in the OPML list."""

    title: str
    description: str
    home: str
    address: str
    """Absolute URL, without the format's suffix."""
    language: str = ""
