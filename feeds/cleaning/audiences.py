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
from feeds.model.errors import ReadError

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

    def of_draft(self, draft: Draft) -> str | None:
        """Return the audience of a draft; None where no source is known for it, so that nobody gets it."""
        try:
            return self.of(self.catalogue.moved(self.catalogue.origin_of(draft)).slug)
        except ReadError:
            return None

    def by_audience(self, originals: Iterable[Original]) -> dict[str, list[Original]]:
        """Group originals by their audience, leaving out those that nobody gets."""
        groups: dict[str, list[Original]] = {}
        for original in originals:
            audience = self.of_draft(original.draft)
            if audience is not None:
                groups.setdefault(audience, []).append(original)
        return groups

    def digest(self) -> int:
        """Return a number that changes with the audiences; 0 where there is only one."""
        if not self.several:
            return 0
        names = "\n".join(sorted(self.private))
        return int.from_bytes(hashlib.blake2b(names.encode(), digest_size=7).digest(), "big")

    def regroup(self, originals: Iterable[Original]) -> dict[Place, str]:
        """Return the new entry ids of the stored originals whose entry holds versions of several audiences.

        The public versions keep the entry's id. Where none is public, the oldest version's audience keeps it.
        An original that has an id of its own although its source is not private any more gets the shared one.
        """
        entries: dict[str, list[Original]] = {}
        for original in originals:
            entries.setdefault(original.entry_id, []).append(original)
        changed: dict[Place, str] = {}
        for entry_id, versions in entries.items():
            groups = self.by_audience(versions)
            if not groups:
                continue
            keeper = EVERYBODY if EVERYBODY in groups else min(groups, key=lambda one: _age(groups[one]))
            for audience, group in groups.items():
                for original in group:
                    if audience != keeper:
                        changed[place_of(original)] = identity.private_id(entry_id, audience)
                    elif audience == EVERYBODY and self._was_private(original):
                        changed[place_of(original)] = identity.entry_id(original.draft.link)
        return changed

    def _was_private(self, original: Original) -> bool:
        slug = self.catalogue.moved(self.catalogue.origin_of(original.draft)).slug
        return original.entry_id == identity.private_id(identity.entry_id(original.draft.link), slug)


def _age(originals: Iterable[Original]) -> tuple[object, ...]:
    return min((original.dated, place_of(original)) for original in originals)


def place_of(original: Original) -> Place:
    """Return where an original comes from."""
    return original.inbox, original.path, original.position
