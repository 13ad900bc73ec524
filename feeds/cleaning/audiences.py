"""Who may read an article: the public, or the readers of one private source. Pure.

Files of several sources can be versions of one article. Versions are merged within an audience only, so that
the text of a private source never becomes part of an entry that other people see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from feeds.cleaning.catalogue import Catalogue
from feeds.model import identity
from feeds.model.articles import Draft, Original, Source

EVERY_FEED = "*"
"""In `private`: every feed, whatever it is called."""
EVERYBODY = ""
"""The audience of every source that is not private."""

Place = tuple[str, str, int]
"""Inbox, path and position of an original."""


def is_private(private: Sequence[str], catalogue: Catalogue, name: str) -> bool:
    """Return whether `private` names a feed. A source that was renamed or merged stays private."""
    if EVERY_FEED in private or name in private:
        return True
    return any(catalogue.moved(Source(slug=named, title=named)).slug == name for named in private)


@dataclass(frozen=True, slots=True)
class Audiences:
    """The audiences that a configuration makes."""

    private: tuple[str, ...]
    """The names of the feeds that need a token, as configured."""
    catalogue: Catalogue

    @property
    def several(self) -> bool:
        """Whether there is more than one audience. Where every feed is private, there is one."""
        return bool(self.private) and EVERY_FEED not in self.private

    def of(self, slug: str) -> str:
        """Return the audience of a source: EVERYBODY, or the slug of a private source."""
        return slug if self.several and is_private(self.private, self.catalogue, slug) else EVERYBODY

    def of_draft(self, draft: Draft) -> str:
        """Return the audience of a draft, also if its source is not configured and `auto_sources` is off."""
        return self.of(self.catalogue.moved(self.catalogue.origin_of(draft, auto=True)).slug)

    def by_audience(self, originals: Iterable[Original]) -> dict[str, list[Original]]:
        """Group originals by their audience."""
        groups: dict[str, list[Original]] = {}
        for original in originals:
            groups.setdefault(self.of_draft(original.draft), []).append(original)
        return groups

    def digest(self) -> int:
        """Return a number that changes with what is private; 0 if nothing is, or everything is private.

        Moves by hand are left out: their articles are parted in the same run.
        """
        if not self.several:
            return 0
        said = sorted(self.private)
        said += [
            f"{one.source.slug} {sorted(one.hosts)} {sorted(one.names)} {sorted(one.formerly)}"
            for one in self.catalogue.configured
            if not one.formerly.union((one.source.slug,)).isdisjoint(self.private)
        ]
        return int.from_bytes(hashlib.blake2b("\n".join(said).encode(), digest_size=7).digest(), "big")

    def own_ids(self, article_id: str, audience: str) -> list[str]:
        """Return the ids that a private version can have: its source may have had other slugs.

        A public version has no id of its own.
        """
        if audience == EVERYBODY:
            return []
        slugs = sorted({audience, *self.catalogue.former_slugs(audience)})
        return [identity.private_id(article_id, slug) for slug in slugs]

    def related_ids(self, originals: Iterable[Original]) -> set[str]:
        """Return the ids of the entries that may hold other versions of the articles of these originals."""
        ids: set[str] = set()
        for original in originals:
            article_id = article_id_of(original)
            if original.entry_id != article_id:
                ids |= {article_id, *self.own_ids(article_id, self.of_draft(original.draft))}
        return ids

    def regroup(self, originals: Iterable[Original]) -> dict[Place, str]:
        """Return the new entry ids of stored originals, where today's audiences need other ones."""
        articles: dict[str, list[Original]] = {}
        for original in originals:
            articles.setdefault(article_id_of(original), []).append(original)
        changed: dict[Place, str] = {}
        for article_id, versions in articles.items():
            ids = self.entry_ids(article_id, versions)
            for audience, group in self.by_audience(versions).items():
                for original in group:
                    if original.entry_id != ids[audience]:
                        changed[place_of(original)] = ids[audience]
        return changed

    def entry_ids(
        self, article_id: str, kept: Sequence[Original], fresh: Sequence[Original] = ()
    ) -> dict[str, str]:
        """Return the entry id of each audience's version of one article.

        The public version has the article's own id. Where none is public, the private one that has this id
        keeps it. Every other private version keeps the id that it has, or gets one by the name that its file
        gives its source: that name stays when the source is renamed or merged.
        """
        stored, read = self.by_audience(kept), self.by_audience(fresh)
        audiences = {*stored, *read}
        own = {
            audience: [one for one in group if one.entry_id != article_id]
            for audience, group in stored.items()
        }
        holders = [audience for audience, group in stored.items() if len(own[audience]) < len(group)]
        keeper: str | None = EVERYBODY
        if EVERYBODY not in audiences and holders:
            keeper = min(holders, key=lambda audience: min(map(_age, stored[audience])))
        elif EVERYBODY not in audiences:
            keeper = min((one for one in audiences if not own.get(one)), default=None)
        ids = {}
        for audience in audiences:
            if audience == keeper:
                ids[audience] = article_id
            elif own.get(audience):
                ids[audience] = min(own[audience], key=_age).entry_id
            else:
                group = [*stored.get(audience, ()), *read.get(audience, ())]
                slug = min(self.catalogue.origin_of(one.draft, auto=True).slug for one in group)
                ids[audience] = identity.private_id(article_id, slug)
        return ids


def _age(original: Original) -> tuple[object, ...]:
    return original.dated, place_of(original)


def article_id_of(original: Original) -> str:
    """Return the id that the article has by its link. A private version can have an id of its own."""
    return identity.entry_id(original.draft.link)


def place_of(original: Original) -> Place:
    """Return where an original comes from."""
    return original.inbox, original.path, original.position
