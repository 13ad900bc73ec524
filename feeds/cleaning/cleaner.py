"""Drafts cleaned by the recipe of their source, and originals as versions of their entries. Pure."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from feeds.cleaning import library_versions, merging, pipeline, rules, stats
from feeds.cleaning.audiences import Audiences
from feeds.cleaning.catalogue import Catalogue
from feeds.model.articles import Cleaned, Draft, Original

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Cleaner:
    """What is configured about cleaning."""

    catalogue: Catalogue
    language: str
    """Of articles whose language is neither named nor recognised."""
    private: tuple[str, ...] = ()
    """The names of the feeds that need a token: their articles are never merged into public ones."""

    @property
    def audiences(self) -> Audiences:
        """Who may read which source."""
        return Audiences(self.private, self.catalogue)

    def prepare(self, draft: Draft, dated: datetime, latest: datetime) -> Cleaned:
        """A draft, cleaned by the recipe of its source.

        `dated` is the time of an article that names none, `latest` the latest that any can have. Raises
        ReadError where the draft cannot become an article.
        """
        source, recipe = self.catalogue.place(draft)
        return pipeline.clean(
            draft, source=source, recipe=recipe, dated=dated, latest=latest, language=self.language
        )

    def version(self, original: Original, cleaned: Cleaned | None = None) -> merging.Version:
        """An original as a version of its entry, cleaned now where that was not done yet."""
        cleaned = cleaned or self.prepare(original.draft, original.dated, original.seen)
        if cleaned.article.id != original.entry_id:  # the private version of an article
            cleaned = replace(cleaned, article=replace(cleaned.article, id=original.entry_id))
        return merging.Version(
            cleaned=cleaned,
            titled=bool(original.draft.title),
            place=(original.inbox, original.path, original.position),
            edited=original.edited,
        )

    def versions(self, originals: Sequence[Original]) -> Iterator[merging.Version]:
        """What is kept of an entry, cleaned; what today's rules cannot clean any more is left out."""
        for original in originals:
            try:
                yield self.version(original)
            except Exception as error:
                log.warning("%r cannot be cleaned again: %s: %s", original.path, type(error).__name__, error)

    def fingerprint(self) -> int:
        """Return a number that changes with everything that decides what cleaning makes of a draft and says
        of it: rules, libraries, configuration.
        """
        made_by = f"{rules.VERSION}.{stats.VERSION} {library_versions.versions(library_versions.CLEANING)}"
        said = f"{made_by} {self.language} {self.catalogue.said()}"
        if self.audiences.several:
            said += f" {self.audiences.digest()}"
        return int.from_bytes(hashlib.blake2b(said.encode(), digest_size=7).digest(), "big")
