"""Define an article on its way: as found (Draft), as kept (Original), as served (Article), and what was done.

Every value is frozen, every datetime is aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A media file that belongs to an entry (RSS 2.0 `enclosure`, RFC 4287 section 4.2.7.2)."""

    url: str
    type: str
    length: int = 0
    """Size in bytes; 0 where it is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An article as found in a file: fields may be missing, the body is whatever was there."""

    link: str
    html: str
    """The body as found, decoded, newlines as `\\n`."""
    title: str = ""
    """Plain text: entities decoded, no markup."""
    published: datetime | None = None
    updated: datetime | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    source_name: str = ""
    """The publisher as the file names it (front matter category or tag); empty where it does not."""
    language: str = ""
    enclosures: tuple[Enclosure, ...] = ()
    summary: str = ""
    """Plain text, where the file gives one beside the body."""
    image: str = ""
    """The lead picture, where the file names one beside the body."""
    site_title: str = ""
    """What the site calls itself (a page's `og:site_name`, a feed's title): the title of a source that
    nothing else knows."""
    site_home: str = ""
    """The site's home page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A publisher, and so a feed of its own at /feeds/<slug>."""

    slug: str
    title: str
    home: str = ""
    language: str = ""
    """BCP 47; empty where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A source that was renamed or merged into another: what was at its slug is the other's now."""

    slug: str
    into: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one rule did to one article."""

    rule: str
    count: int
    samples: tuple[str, ...] = ()
    """A few of the removed or changed pieces, shortened; `before → after` where something stayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What cleaning did to an article, rule by rule in the order of RULES; silent rules are absent."""

    changes: tuple[Change, ...] = ()

    @property
    def total(self) -> int:
        """How many pieces were removed or changed."""
        return sum(change.count for change in self.changes)

    @property
    def pieces(self) -> dict[str, int]:
        """How many pieces each rule removed or changed."""
        return {change.rule: change.count for change in self.changes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """An article as served: nothing missing, the body clean. The store takes nothing else."""

    id: str
    """Permanent, `urn:uuid:…` (see identity.py)."""
    link: str
    """The publisher's page: absolute, http or https, ASCII."""
    title: str
    """Plain text, never empty, legal XML characters only."""
    html: str
    """The clean body: allowed elements, attributes and schemes only, all addresses absolute."""
    summary: str
    """Plain text from the beginning of the body; empty where the body has no text."""
    source: Source
    published: datetime
    updated: datetime
    """When the text that a reader sees last changed significantly; never before `published`."""
    language: str
    """BCP 47."""
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    image: str = ""
    """The first picture of the body; empty where there is none."""
    enclosures: tuple[Enclosure, ...] = ()
    also_in: tuple[str, ...] = ()
    """The titles of other sources whose files told of it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningStats:
    """What cleaning an article did, in numbers; how many pieces each rule changed, its receipt says."""

    before: int = 0
    """Size of the body as found, in bytes of UTF-8."""
    after: int = 0
    """Size of the body as served."""
    hosts_before: tuple[str, ...] = ()
    """Hosts of others than the publisher that showing the body as found would have contacted, sorted."""
    hosts_after: tuple[str, ...] = ()
    """Those that showing the body as served contacts."""
    more_before: int = 0
    """How many more hosts than those that are named."""
    more_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedWeek:
    """What cleaning did to one source's articles of one week, as the store counts it."""

    source: str
    """The source's slug."""
    week: date
    """Its Monday, in UTC."""
    before: int
    """Bytes of all bodies as found."""
    after: int
    """Bytes of all bodies as served."""
    pieces: Sequence[Mapping[str, int]]
    """For each article: how many pieces each rule changed."""
    hosts_before: Sequence[str]
    """Hosts of others than the publisher that the bodies as found contact: one for each article that does."""
    hosts_after: Sequence[str]
    """Those that the bodies as served contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What `clean.clean` answers."""

    article: Article
    receipt: Receipt
    text: str
    """The visible text of the body: what versions of an article are compared by."""
    recipe: str
    """Fingerprint of the recipe and the rules that cleaned it."""
    stats: CleaningStats = CleaningStats()


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What one file says of one entry, as it is kept: enough to clean it again without the file."""

    inbox: str
    path: str
    position: int
    """Which article of the file, from 0."""
    entry_id: str
    draft: Draft
    default_published: datetime
    """The file's own time when it was first read: the date of an article that names none."""
    first_seen: datetime
    """When it was first read: nothing is dated later than that."""
    edited: datetime | None = None
    """When the file last changed that text."""
    packed: bytes = field(default=b"", compare=False, repr=False)
    """The draft as it is kept, where it was packed already."""
