"""Define what is published: a feed's window of articles, deletions, entries of the OPML list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from feeds.model.articles import Article, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """An entry that was published and is no more (RFC 6721)."""

    entry_id: str
    source: str
    """The slug of the source that it belonged to."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """A source with what is published of it."""

    source: Source
    articles: int
    published: datetime
    """The newest article's date."""
    updated: datetime
    """The newest change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An ordered window of articles, ready to write, with its own address."""

    title: str
    description: str
    home: str
    """The page for people that belongs to this feed: absolute."""
    address: str
    """The feed's own absolute address without the format's suffix: `https://host/feeds/all`, maybe with a
    query (`?tag=tide`); the suffix goes before it.
    """
    language: str
    updated: datetime
    """The newest change of any entry: never the clock, so the same articles give the same bytes."""
    articles: tuple[Article, ...] = ()
    """Newest first."""
    combined: bool = False
    """Whether the articles come from several sources, so that each entry has to name its own."""
    source_addresses: Mapping[str, str] = field(default_factory=dict)
    """Source slug -> the absolute address (no suffix) of that source's feed, for combined views."""
    source_updated: Mapping[str, datetime] = field(default_factory=dict)
    """Source slug -> the newest change in that source's feed, for `atom:source`."""
    deleted: tuple[Deletion, ...] = ()
    """What was published here and is no more, the latest first."""
    icon: str = ""
    """The address of a picture that stands for the feed."""
    hubs: tuple[str, ...] = ()
    """WebSub hubs that tell of changes."""
    content: Literal["full", "summary", "title"] = "full"
    """How much of each article the feed carries."""
    archive: bool = False
    """Whether this is a document of the past, which never changes (RFC 5005 section 4)."""
    current: str = ""
    """In an archive, the address of the feed that goes on; like `address`."""
    previous: str = ""
    """The address of the archive with the articles before these; like `address`."""
    next: str = ""
    """In an archive, the address of the archive with the articles after these; like `address`."""
    stylesheet: str = ""
    """The address of a CSS file, absolute or from the root, for those who open the feed in a browser."""
    ttl_minutes: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One feed in the OPML list."""

    title: str
    description: str
    home: str
    address: str
    """Absolute, without the format's suffix."""
    language: str = ""
