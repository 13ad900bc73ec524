"""List the addresses of feeds that redirect, and foretell those that will after the next run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from feeds.cleaning.audiences import is_private
from feeds.cleaning.catalogue import COMBINED, SourceCatalogue
from feeds.cleaning.cleaner import Cleaner
from feeds.config import Config
from feeds.model.articles import Draft
from feeds.model.errors import NoDatabaseError, ReadError, StoreError
from feeds.model.successors import Departure, find_successors
from feeds.storage.store import Store

Reason = Literal["command", "formerly", "articles"]

_BY_REASON: Mapping[Reason, str] = {
    "command": "renamed or merged by `feeds sources`",
    "formerly": "`formerly` in the configuration",
    "articles": "its articles moved when the configuration or a pack changed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedAddress:
    """The old address of a feed: that of a source without articles, whose articles another one has."""

    slug: str
    into: str
    """The slug of the feed to which it redirects; empty if no feed continues it."""
    reason: Reason
    """Why it redirects: a command, `formerly`, or that its articles moved."""
    parts: Mapping[str, int]
    """If no feed continues it: the number of its articles in each other source."""

    @property
    def slugs(self) -> tuple[str, ...]:
        """The slugs of all feeds that it tells of."""
        return (self.slug, *([self.into] if self.into else self.parts))

    def __str__(self) -> str:
        if self.into:
            return f"/feeds/{self.slug} answers 301 to /feeds/{self.into}: {_BY_REASON[self.reason]}"
        return (
            f"/feeds/{self.slug} answers 404: its articles went to {_describe_parts(self.parts)}; "
            f"write `formerly: [{self.slug}]` in the source that continues it"
        )


def moved_addresses(config: Config, store: Store) -> list[MovedAddress]:
    """Return the old addresses of feeds, by slug. Raises StoreError."""
    with store.snapshot():
        catalogue = _current_catalogue(config, store)
        published, departures = store.published_slugs(), store.departures()
    successors = find_successors(departures, published, catalogue.current_slug)
    hidden = _view_slugs(config)
    reasons: dict[str, Reason] = {departure.slug: "articles" for departure in departures}
    reasons |= dict.fromkeys((move.slug for move in catalogue.moves), "command")
    reasons |= dict.fromkeys((slug for entry in catalogue.configured for slug in entry.formerly), "formerly")
    moved = []
    for slug, reason in sorted(reasons.items()):
        by_hand = catalogue.current_slug(slug)
        into = successors.get(by_hand, by_hand)
        into = "" if into == slug or into in hidden else into
        if slug not in published and slug not in hidden:
            parts = {part.into: part.articles for part in departures if part.slug == slug}
            reason = reason if by_hand != slug else "articles"
            if into or parts:
                moved.append(MovedAddress(slug=slug, into=into, reason=reason, parts={} if into else parts))
    return moved


def describe_split_feeds(config: Config) -> list[str]:
    """Return a sentence for each feed whose older entries have the source of a former version of feeds.

    It is empty if there is no database, or if it does not answer. The drafts of all feed files with such
    entries are read: one second for about 15,000 entries.
    """
    try:
        with closing(Store(config.database, create=False)) as store:
            catalogue = _current_catalogue(config, store)
            return [
                line
                for _, drafts in groupby(store.drafts_by_file(), key=lambda row: row[:2])
                if (line := _describe_split([draft for *_, draft in drafts], catalogue))
            ]
    except StoreError:
        return []


def _describe_split(drafts: list[Draft], catalogue: SourceCatalogue) -> str:
    """Describe where the new and the older entries of a feed file are; empty if they are not split."""
    feeds = {}
    for draft in drafts:
        if (item := catalogue.unclaimed_feed(draft)) and (feed := catalogue.feed_sources.find(item)):
            feeds[catalogue.current_slug(feed.slug)] = feed.title
    if len(feeds) != 1:  # none of its own, or a file that mixes feeds
        return ""
    ((slug, title),) = feeds.items()
    older: Counter[str] = Counter()
    for draft in drafts:
        if draft.keeps_source:
            source = catalogue.original_source(draft, auto=True)
            older[catalogue.current_source(source).slug] += 1
    del older[slug]
    if not older:
        return ""
    places = _describe_parts(older) if len(older) > 1 else f"/feeds/{next(iter(older))}"
    count = older.total()
    ones = "older one stays" if count == 1 else f"{count} older ones stay"
    return f"new entries of {title} go to /feeds/{slug}; its {ones} at {places}"


def _current_catalogue(config: Config, store: Store) -> SourceCatalogue:
    return config.catalogue.with_moves(store.moves()).with_feeds(store.feed_sources())


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the next run will move."""

    lines: tuple[str, ...] = ()
    """A sentence for each feed that will lose articles."""
    warnings: tuple[str, ...] = ()
    """What is probably not intended, or why nothing is known."""


def forecast(config: Config) -> Forecast:
    """Foretell which articles the next run will give to another source.

    It is empty if there is no database, which is not created, and if nothing changed since the last run.
    """
    try:
        with closing(Store(config.database, create=False)) as store:
            return _forecast(config, store)
    except NoDatabaseError:
        return Forecast()
    except StoreError as error:
        return Forecast(warnings=(f"it is not known whether feeds will move: {error}",))


def _forecast(config: Config, store: Store) -> Forecast:
    catalogue = _current_catalogue(config, store)
    if store.read_number("catalogue") == Cleaner(catalogue, config.language, config.private).fingerprint():
        return Forecast()
    kept, moves = _count_moves(catalogue, store)
    published = {slug for slug, articles in kept.items() if articles}
    published |= {into for parts in moves.values() for into in parts}
    departures = store.departures()
    departures += [
        Departure(slug=slug, into=into, articles=articles)
        for slug, parts in moves.items()
        for into, articles in parts.items()
    ]
    successors = find_successors(departures, published, catalogue.current_slug)
    lines, warnings = [], []
    for slug, parts in sorted(moves.items()):
        successor = "" if successors.get(slug) in _view_slugs(config) else successors.get(slug, "")
        lines.append(_describe_move(slug, parts, kept[slug], _answer(config, catalogue, slug, successor)))
        warnings += _find_leaks(config, catalogue, slug, parts)
    return Forecast(tuple(lines), tuple(warnings))


def _count_moves(catalogue: SourceCatalogue, store: Store) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """Return how many articles each source will keep, and how many it will lose to each other one.

    All stored drafts are read: one second for about 15,000 articles. An article with versions of several
    sources stays if one of them still has its source.
    """
    kept: Counter[str] = Counter()
    moves: dict[str, Counter[str]] = {}
    for (_, slug), versions in groupby(store.drafts_by_entry(), key=lambda version: version[:2]):
        slugs: Counter[str] = Counter()
        for *_, draft in versions:
            try:
                slugs[catalogue.current_source(catalogue.original_source(draft)).slug] += 1
            except ReadError:  # without `auto_sources`, the article stays as it is
                slugs[slug] += 1
        if slug in slugs:
            kept[slug] += 1
        else:
            moves.setdefault(slug, Counter())[min(slugs, key=lambda name: (-slugs[name], name))] += 1
    return kept, moves


def _describe_move(slug: str, parts: Mapping[str, int], kept: int, answer: str) -> str:
    if kept:
        answer = f"/feeds/{slug} keeps {_articles(kept)}"
    return f"articles of /feeds/{slug} will move to {_describe_parts(parts)}; {answer}"


def _answer(config: Config, catalogue: SourceCatalogue, slug: str, successor: str) -> str:
    """Say what the old address will answer."""
    if slug in _view_slugs(config):
        return f"/feeds/{slug} is the view of this name"
    if not successor:
        return (
            "the old address will answer 404, because no source gets two of three of them: write "
            f"`formerly: [{slug}]` in the source that continues it"
        )
    if is_private(config.private, catalogue, successor) and catalogue.current_slug(slug) == slug:
        return (
            f"the old address will answer 301 to a token that opens /feeds/{successor} only; with "
            f"`formerly: [{slug}]` the tokens of /feeds/{slug} open it"
        )
    return "the old address will answer 301"


def _find_leaks(config: Config, catalogue: SourceCatalogue, slug: str, parts: Collection[str]) -> list[str]:
    """Return a warning for each public source that gets articles of a private one."""
    if not is_private(config.private, catalogue, slug):
        return []
    return [
        f"/feeds/{slug} is private, and /feeds/{into}, which gets its articles, is not: "
        f"add `{into}` to `private`"
        for into in sorted(parts)
        if not is_private(config.private, catalogue, into)
    ]


def _describe_parts(parts: Mapping[str, int]) -> str:
    by_size = sorted(parts.items(), key=lambda part: (-part[1], part[0]))
    return ", ".join(f"/feeds/{slug} ({_articles(articles)})" for slug, articles in by_size)


def _articles(number: int) -> str:
    return f"{number} article{'' if number == 1 else 's'}"


def _view_slugs(config: Config) -> frozenset[str]:
    return frozenset((COMBINED, *(view.slug for view in config.feeds)))
