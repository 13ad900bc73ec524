"""Audiences: the public, or the readers of one private source. Pure.

Files of several sources can be versions of one article. Versions are merged within an audience only, so that
the text of a private source never becomes part of an entry that other people see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from feeds.cleaning.catalogue import SourceCatalogue
from feeds.model import identity
from feeds.model.articles import Draft, Original, Source

EVERY_FEED = "*"
"""The entry of `private` that stands for every feed."""
EVERYBODY = ""
"""The audience of every source that is not private."""

OriginalKey = tuple[str, str, int]
"""Inbox, path and position of an original."""


def is_private(private: Sequence[str], catalogue: SourceCatalogue, name: str) -> bool:
    """Return whether `private` names a feed.

    A source that was renamed or merged stays private.
    """
    if EVERY_FEED in private or name in private:
        return True
    return any(catalogue.current_source(Source(slug=entry, title=entry)).slug == name for entry in private)


@dataclass(frozen=True, slots=True)
class Audiences:
    """The audiences of a configuration: the public, and one for each private source."""

    private: tuple[str, ...]
    """The names of the feeds that need a token, as configured."""
    catalogue: SourceCatalogue

    @property
    def has_several(self) -> bool:
        """Whether there is more than one audience.

        If every feed is private, there is only one.
        """
        return bool(self.private) and EVERY_FEED not in self.private

    def audience_of_source(self, slug: str) -> str:
        """Return the audience of a source: EVERYBODY, or the slug of a private source."""
        is_separate = self.has_several and is_private(self.private, self.catalogue, slug)
        return slug if is_separate else EVERYBODY

    def audience_of_draft(self, draft: Draft) -> str:
        """Return the audience of a draft.

        Its source need not be configured, also if `auto_sources` is off.
        """
        return self.audience_of_source(self.source_of_draft(draft))

    def source_of_draft(self, draft: Draft) -> str:
        """Return the slug of a draft's source. The source need not be configured."""
        return self.catalogue.current_source(self.catalogue.original_source(draft, auto=True)).slug

    def group_by_audience(self, originals: Iterable[Original]) -> dict[str, list[Original]]:
        """Group originals by their audience."""
        groups: dict[str, list[Original]] = {}
        for original in originals:
            groups.setdefault(self.audience_of_draft(original.draft), []).append(original)
        return groups

    def digest(self) -> int:
        """Return a number that changes with the private sources.

        0 if there is only one audience. Sources that were renamed or merged by hand are left out: their
        articles are split in the same run.
        """
        if not self.has_several:
            return 0
        lines = sorted(self.private)
        lines += [
            f"{entry.source.slug} {sorted(entry.hosts)} {sorted(entry.names)} {sorted(entry.formerly)}"
            for entry in self.catalogue.configured
            if not entry.formerly.union((entry.source.slug,)).isdisjoint(self.private)
        ]
        return int.from_bytes(hashlib.blake2b("\n".join(lines).encode(), digest_size=7).digest(), "big")

    def private_ids(self, article_id: str, audience: str) -> list[str]:
        """Return the ids that a private version of an article can have.

        There are several if its source had other slugs before. Empty for the public: a public version has the
        id of the article.
        """
        if audience == EVERYBODY:
            return []
        slugs = sorted({audience, *self.catalogue.former_slugs(audience)})
        return [identity.private_id(article_id, slug) for slug in slugs]

    def related_ids(self, originals: Iterable[Original]) -> set[str]:
        """Return the ids of entries that may hold other versions of these articles."""
        ids: set[str] = set()
        for original in originals:
            article_id = article_id_of(original)
            ids |= {article_id, *self.private_ids(article_id, self.audience_of_draft(original.draft))}
        return ids

    def regroup(self, originals: Iterable[Original]) -> dict[OriginalKey, str]:
        """Return new entry ids for originals that are in another audience's entry."""
        articles: dict[str, list[Original]] = {}
        for original in originals:
            articles.setdefault(article_id_of(original), []).append(original)
        new_ids: dict[OriginalKey, str] = {}
        for article_id, versions in articles.items():
            ids = self.entry_ids(article_id, versions)
            for audience, group in self.group_by_audience(versions).items():
                for original in group:
                    if original.entry_id != ids[audience]:
                        new_ids[original_key(original)] = ids[audience]
        return new_ids

    def entry_ids(
        self, article_id: str, stored: Sequence[Original], incoming: Sequence[Original] = ()
    ) -> dict[str, str]:
        """Return the entry id of each audience's version of one article.

        The public version has the article's own id. If there is no public version, the private version that
        has this id keeps it. Every other private version keeps its id. A new private version gets an id by
        the name that its file gives its source: that name does not change when the source is renamed or
        merged.
        """
        stored_groups, incoming_groups = self.group_by_audience(stored), self.group_by_audience(incoming)
        audiences = {*stored_groups, *incoming_groups}
        with_own_id = {
            audience: [original for original in group if original.entry_id != article_id]
            for audience, group in stored_groups.items()
        }
        holders = [
            audience for audience, group in stored_groups.items() if len(with_own_id[audience]) < len(group)
        ]
        keeper: str | None = EVERYBODY
        if EVERYBODY not in audiences and holders:
            keeper = min(holders, key=lambda audience: min(map(_age, stored_groups[audience])))
        elif EVERYBODY not in audiences:
            keeper = min((audience for audience in audiences if not with_own_id.get(audience)), default=None)
        ids = {}
        for audience in audiences:
            if audience == keeper:
                ids[audience] = article_id
            elif with_own_id.get(audience):
                ids[audience] = min(with_own_id[audience], key=_age).entry_id
            else:
                group = [*stored_groups.get(audience, ()), *incoming_groups.get(audience, ())]
                slug = min(
                    self.catalogue.original_source(original.draft, auto=True).slug for original in group
                )
                ids[audience] = identity.private_id(article_id, slug)
        return ids


def _age(original: Original) -> tuple[object, ...]:
    return original.default_published, original_key(original)


def article_id_of(original: Original) -> str:
    """Return the id of the article of which an original is a version.

    The entry of a private version can have another id.
    """
    return original.article_id or identity.entry_id(original.draft.link)


def original_key(original: Original) -> OriginalKey:
    """Return the key of an original: its inbox, path and position."""
    return original.inbox, original.path, original.position
