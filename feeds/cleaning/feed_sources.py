"""Give each feed a source of its own. Pure.

docs/decisions/0071-source-of-feed-items.md has the rules. The database stores the source of each feed that
was read, so a slug never changes.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from feeds.cleaning.slugs import make_slug
from feeds.model import identity
from feeds.model.articles import FeedItem, FeedSource, Source
from feeds.text import urls
from feeds.text.plain_text import remove_illegal

_MAX_KEY_CHARACTERS = 400  # PostgreSQL indexes 2,704 bytes at most
_OWN = ("url:", "id:")  # prefixes of keys that a feed keeps when its title changes


def is_named(item: FeedItem) -> bool:
    """Return whether enough is known of an item's feed to make a source of it."""
    return bool(item.feed and (item.title or item.home))


def keys_of(item: FeedItem) -> tuple[str, ...]:
    """Return the keys by which the source of an item's feed is found, best first.

    Several feeds of one site can have the same home page. So a key that is made of it contains the title.
    """
    keys = (key if key.startswith(_OWN) else f"{key}\n{item.title}" for key in (item.feed, *item.other_feeds))
    return tuple(dict.fromkeys(_storable(key) for key in keys if key.strip()))


def _storable(key: str) -> str:
    key = remove_illegal(key)
    if len(key) <= _MAX_KEY_CHARACTERS:
        return key
    digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return f"{key[:_MAX_KEY_CHARACTERS]} {digest}"


def title_of(item: FeedItem) -> str:
    """Return the title of the source of an item's feed: the feed's own, else the host of its home page."""
    return item.title or host_of(item.home) or item.feed


def host_of(home: str) -> str:
    """Return the host of a home page as a source is named after it."""
    return urls.host(home).removeprefix("www.")


@dataclass(frozen=True, slots=True)
class FeedSources:
    """The sources of the feeds that were read, for look-ups."""

    by_key: dict[str, FeedSource] = field(default_factory=dict)
    by_slug: dict[str, Source] = field(default_factory=dict)
    """The sources, with the title that one of their feeds took last."""
    titles: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The titles of the feeds of each source, by slug."""

    @classmethod
    def build(cls, feeds: Iterable[FeedSource]) -> FeedSources:
        """Build the tables for look-ups."""
        tables = cls({feed.key: feed for feed in feeds})
        latest: dict[str, FeedSource] = {}
        for feed in tables.by_key.values():
            tables.titles[feed.slug].add(feed.title)
            latest[feed.slug] = min(feed, latest.get(feed.slug, feed), key=_preference)
        for slug, feed in latest.items():
            tables.by_slug[slug] = Source(slug=slug, title=feed.title, home=feed.home)
        return tables

    def has_other_title(self, slug: str, title: str) -> bool:
        """Return whether a slug belongs to a feed with another title."""
        return slug in self.titles and self.titles[slug] != {title}

    def find(self, item: FeedItem) -> FeedSource | None:
        """Return the stored source of an item's feed; None if the feed was never read.

        A feed whose address changed is found by another of its keys, if its title is the same.
        """
        first, *others = keys_of(item)
        if (found := self.by_key.get(first)) is not None:
            return found
        title = title_of(item)
        candidates = (self.by_key.get(key) for key in others)
        return next((one for one in candidates if one is not None and one.title == title), None)

    def propose(self, item: FeedItem, is_taken: Callable[[str, str], bool], preferred: str = "") -> Source:
        """Return the source of a new feed: the first one whose slug and title are not taken."""
        home = _home_page(item)
        title = title_of(item)
        slugs = _candidates(item, home)
        slug = next(slug for slug in chain((preferred,), slugs) if slug and not is_taken(slug, title))
        host = host_of(item.home)
        return Source(slug=slug, title=title, home=home or (f"https://{host}/" if host else ""))


def _preference(feed: FeedSource) -> tuple[object, ...]:
    """Return the sort key of a feed in a source; the lowest one gives the source its title."""
    return -feed.renamed, not feed.key.startswith(_OWN), feed.key


def _home_page(item: FeedItem) -> str:
    """Return the home page of an item's feed; empty if the document names only the feed's own address."""
    own = f"url:{identity.key(item.home)}"
    return "" if own in (item.feed, *item.other_feeds) else item.home


def _candidates(item: FeedItem, home: str) -> Iterator[str]:
    """Yield slugs for a new feed, best first, without an end.

    The first is made of the home page. If another feed has it, the title is added, then a digest.
    """
    host, title = host_of(item.home), title_of(item)
    name = host
    if home:
        name += identity.split_host(identity.key(home))[1]
    if name:
        yield make_slug(name)
    yield make_slug(f"{name} {title}".strip())
    number = 0
    while True:
        known = f"{keys_of(item)[0]}\n{number}"
        digest = hashlib.blake2b(known.encode("utf-8", "replace"), digest_size=4).hexdigest()
        yield make_slug(f"{host or title} {digest}")
        number += 1


def is_changed(item: FeedItem, known: FeedSources) -> bool:
    """Return whether an item's feed is new, or has another title or more keys than before."""
    title = title_of(item)
    found = known.by_key.get(keys_of(item)[0])
    return (
        found is None
        or (bool(item.title) and found.title != title)
        or any(key not in known.by_key for key in keys_of(item))
    )


@dataclass(frozen=True, slots=True)
class ReadFeed:
    """A feed in a batch of files: one of its items, and where its items were published before."""

    item: FeedItem
    publishers: frozenset[str] = frozenset()
    """Slugs of the publishers of the links of its items."""


def register(
    feeds: Iterable[ReadFeed],
    known: FeedSources,
    *,
    published: Mapping[str, Source],
    is_known_slug: Callable[[str], bool],
    private_source_of: Callable[[FeedItem], Source | None],
    now: int,
) -> list[FeedSource]:
    """Return the sources of new feeds and the changed ones of known feeds, to be stored.

    `published` are the sources that have entries. A new feed never gets one of them, unless that has the
    feed's title, or no title but the name of the host. `is_known_slug` tells slugs of packs and of
    config.yaml. A new feed of a host whose source is private gets that source, from `private_source_of`: it
    stays private when its home page moves. `now` is the time in microseconds since 1970.
    """
    known = FeedSources.build(known.by_key.values())
    changed: dict[str, FeedSource] = {}

    def is_taken(slug: str, title: str) -> bool:
        holder = published.get(slug)
        is_anothers = holder is not None and holder.title != title and not _is_host_name(holder)
        return is_known_slug(slug) or is_anothers or known.has_other_title(slug, title)

    for feed in sorted(feeds, key=lambda feed: (keys_of(feed.item), feed.item.title, feed.item.home)):
        item = feed.item
        found, title = known.find(item), title_of(item)
        if found is None:
            source = private_source_of(item) or known.propose(item, is_taken, _former_slug(feed, published))
            renamed = 0
        else:
            source, renamed = Source(slug=found.slug, title=found.title, home=found.home), found.renamed
            if item.title and item.title != found.title:
                source, renamed = replace(source, title=title), now
        for key in keys_of(item):
            stored = known.by_key.get(key)
            if stored is None or (stored.slug == source.slug and stored.title != source.title):
                changed[key] = known.by_key[key] = FeedSource(
                    key=key, slug=source.slug, title=source.title, home=source.home, renamed=renamed
                )
        known.titles[source.slug].add(source.title)
    return list(changed.values())


def _is_host_name(source: Source) -> bool:
    return source.home == f"https://{source.title}/"


def _former_slug(feed: ReadFeed, published: Mapping[str, Source]) -> str:
    """Return the source that the entries of a feed had in former versions, if it has the feed's title.

    There it was the publisher of the link. Empty if there is none, or if the links lead to several
    publishers, none of which is the host of the home page.
    """
    title, own = title_of(feed.item), make_slug(host_of(feed.item.home) or "-")
    candidates = [own, *(feed.publishers if len(feed.publishers) == 1 else ())]
    return next((slug for slug in candidates if slug in published and published[slug].title == title), "")
