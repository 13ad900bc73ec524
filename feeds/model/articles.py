"""Define an article in its stages, and what cleaning reports.

The stages are: as parsed (Draft), as stored (Original), as served (Article). All values are frozen; all
datetimes are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from feeds.model.podcasts import Podcast, PodcastElement

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A media file that belongs to an entry.

    Source: RSS 2.0 `enclosure`, RFC 4287 section 4.2.7.2.
    """

    url: str
    type: str
    length: int = 0
    """Size in bytes; 0 where it is unknown."""
    duration: int = 0
    """Length of a recording in seconds; 0 where it is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem:
    """What an item of a feed is called in its feed: the same item has the same names in later documents.

    Source: docs/decisions/0070-identity-of-feed-items.md.
    """

    feed: str
    """Key of the feed (`identity.feed_keys`)."""
    guid: str
    """The item's guid or id; if it has none, its link, else a digest of its title and date or text."""
    title: str = ""
    """The feed's title; empty where it has none."""
    home: str = ""
    """The URL of the feed's home page, else of the feed; empty where the document names neither."""
    other_feeds: tuple[str, ...] = ()
    """Other keys of the same feed: another copy of its document may have one of them as its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An article as parsed from a file.

    Fields may be missing, and the body is not cleaned.
    """

    link: str
    html: str
    """The body of the file, decoded, with `\\n` as line ends."""
    title: str = ""
    """Plain text: entities decoded, no markup."""
    published: datetime | None = None
    updated: datetime | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    source_name: str = ""
    """The publisher's name in the file (front matter category or tag); empty where the file has none."""
    language: str = ""
    enclosures: tuple[Enclosure, ...] = ()
    summary: str = ""
    """Plain text, where the file has a summary beside the body."""
    image: str = ""
    """The URL of the lead picture, where the file names one beside the body."""
    site_title: str = ""
    """The site's name (a page's `og:site_name`, a feed's title, or that of the feed an item comes from)."""
    site_home: str = ""
    """The URL of the site's home page."""
    unread_dates: tuple[str, ...] = ()
    """Dates of the file that could not be read, as they are written there."""
    episode: tuple[PodcastElement, ...] = ()
    """What a feed says about an episode of a podcast."""
    podcast: Podcast | None = None
    """The show that an episode belongs to; None for everything that is not an episode."""
    item: FeedItem | None = None
    """The item of a feed that this is; None for an article file or a saved page."""
    keeps_source: bool = False
    """Whether the publisher of its link is its source, as when a former version of feeds stored it
    (docs/decisions/0071-source-of-feed-items.md). A database column, and no part of the packed draft."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A publisher. Each source has a feed of its own at /feeds/<slug>."""

    slug: str
    title: str
    home: str = ""
    language: str = ""
    """BCP 47 tag; empty where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSource:
    """The source of the entries of one feed, as stored when the feed was first read.

    A feed has one of these for each of its keys. The slug never changes.
    """

    key: str
    """A key of the feed (`feed_sources.keys_of`)."""
    slug: str
    title: str
    """The title that the feed had when it was last read."""
    home: str = ""
    renamed: int = 0
    """The time when the feed last changed its title, in microseconds since 1970; 0 if it never did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMove:
    """A source that was renamed or merged into another.

    Its former slug leads to the other source.
    """

    slug: str
    into: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """The changes that one rule made to one article."""

    rule: str
    count: int
    samples: tuple[str, ...] = ()
    """The first removed or changed pieces, shortened; a changed piece as `before → after`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The changes to an article by rule, in the order of RULES.

    Rules that changed nothing are absent.
    """

    changes: tuple[RuleChange, ...] = ()

    @property
    def total(self) -> int:
        """Number of removed or changed pieces."""
        return sum(change.count for change in self.changes)

    @property
    def pieces(self) -> dict[str, int]:
        """Number of removed or changed pieces of each rule."""
        return {change.rule: change.count for change in self.changes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """An article as served, complete and with a clean body.

    The store accepts no other articles.
    """

    id: str
    """Permanent id, `urn:uuid:…` (see identity.py)."""
    link: str
    """The URL of the publisher's page: absolute, http or https, ASCII."""
    title: str
    """Plain text, never empty, legal XML characters only."""
    html: str
    """The clean body: allowed elements, attributes and schemes only, all URLs absolute."""
    summary: str
    """Plain text from the beginning of the body; empty where the body has no text."""
    source: Source
    published: datetime
    updated: datetime
    """Time of the last significant change of the visible text; never before `published`."""
    language: str
    """BCP 47 tag; empty where it is not known."""
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    image: str = ""
    """The URL of the first picture of the body; empty where there is none."""
    enclosures: tuple[Enclosure, ...] = ()
    also_in: tuple[str, ...] = ()
    """The titles of other sources whose files contain the article too."""
    episode: tuple[PodcastElement, ...] = ()
    """What its feed says about an episode of a podcast; empty for other articles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningStats:
    """Statistics of cleaning one article.

    The receipt has the number of pieces that each rule changed.
    """

    before: int = 0
    """Size of the original body in bytes of UTF-8."""
    after: int = 0
    """Size of the clean body in bytes of UTF-8."""
    hosts_before: tuple[str, ...] = ()
    """Hosts, other than the publisher's, that a reader of the original body would contact, sorted."""
    hosts_after: tuple[str, ...] = ()
    """Hosts, other than the publisher's, that a reader of the clean body contacts, sorted."""
    more_before: int = 0
    """Number of hosts beyond those in `hosts_before`."""
    more_after: int = 0
    """Number of hosts beyond those in `hosts_after`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedWeek:
    """The cleaning statistics of one source's articles of one week.

    The store adds them up.
    """

    source: str
    """The source's slug."""
    week: date
    """The week's Monday, in UTC."""
    before: int
    """Size of all original bodies in bytes."""
    after: int
    """Size of all clean bodies in bytes."""
    pieces: Sequence[Mapping[str, int]]
    """For each article, the number of pieces that each rule changed."""
    hosts_before: Sequence[str]
    """Hosts, other than the publisher's, in the original bodies; a host occurs once for each article."""
    hosts_after: Sequence[str]
    """Hosts, other than the publisher's, in the clean bodies; a host occurs once for each article."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedArticle:
    """The result of `pipeline.clean`."""

    article: Article
    receipt: Receipt
    text: str
    """The visible text of the body, by which versions of an article are compared."""
    recipe: str
    """Fingerprint of the recipe and the rules that cleaned the article."""
    stats: CleaningStats = CleaningStats()
    show: Show | None = None
    """The show that the article is an episode of; None for everything that is not an episode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A podcast as one document describes it."""

    podcast: Podcast
    described: datetime
    """The time of the document. The newest description of a source's podcast is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """One entry of one file, as it is stored.

    It is enough to clean the entry again without the file.
    """

    inbox: str
    path: str
    position: int
    """Index of the article in the file, from 0."""
    entry_id: str
    draft: Draft
    default_published: datetime
    """The date of an article that names none: the time of change of its file when it was first read."""
    first_seen: datetime
    """Time at which the file was first read: no date of the article is later."""
    edited: datetime | None = None
    """Time at which the file last changed that text; None if it never did."""
    article_id: str = ""
    """Id of the article (docs/decisions/0070-identity-of-feed-items.md); empty if it is that of the link. The
    entry of a private version has another id."""
    packed: bytes = field(default=b"", compare=False, repr=False)
    """The packed draft as it is stored; empty where it is not packed yet."""
