"""Clean drafts, and make stored originals versions of their entries. Pure."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from feeds.cleaning import library_versions, merging, pipeline, rules, stats
from feeds.cleaning.audiences import Audiences
from feeds.cleaning.catalogue import SourceCatalogue
from feeds.model import identity
from feeds.model.articles import CleanedArticle, Draft, Original

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Cleaner:
    """Cleans drafts and stored originals as one configuration says."""

    catalogue: SourceCatalogue
    language: str
    """The language of articles whose language is neither named nor recognised."""
    private: tuple[str, ...] = ()
    """The names of the feeds that need a token: their articles are never merged into public ones."""

    def __post_init__(self) -> None:
        self.catalogue = self.catalogue.with_private(self.private)

    @property
    def audiences(self) -> Audiences:
        """The audience of each source."""
        return Audiences(self.private, self.catalogue)

    def clean(self, draft: Draft, default_published: datetime, max_published: datetime) -> CleanedArticle:
        """Clean a draft by the recipe of its source.

        `default_published` is the time of an article that names none, `max_published` the latest time that
        any article can have. Raises ReadError if the draft cannot become an article.
        """
        source, recipe = self.catalogue.source_and_recipe(draft)
        return pipeline.clean(
            draft,
            source=source,
            recipe=recipe,
            default_published=default_published,
            max_published=max_published,
            language=self.language,
        )

    def make_version(self, original: Original, cleaned: CleanedArticle | None = None) -> merging.Version:
        """Make an original a version of its entry.

        Without `cleaned`, the original is cleaned first. Raises ReadError if today's rules cannot clean it.
        """
        cleaned = cleaned or self.clean(original.draft, original.default_published, original.first_seen)
        if cleaned.article.id != original.entry_id:  # the private version of an article
            cleaned = replace(cleaned, article=replace(cleaned.article, id=original.entry_id))
        return merging.Version(
            cleaned=cleaned,
            has_title=bool(original.draft.title),
            key=(original.inbox, original.path, original.position),
            is_publishers=_is_publishers(original.draft, cleaned),
            edited=original.edited,
        )

    def clean_versions(self, originals: Sequence[Original]) -> Iterator[merging.Version]:
        """Clean the stored originals of an entry.

        Originals that today's rules cannot clean are left out, with a warning in the log.
        """
        for original in originals:
            try:
                yield self.make_version(original)
            except Exception as error:
                log.warning("%r cannot be cleaned again: %s: %s", original.path, type(error).__name__, error)

    def fingerprint(self) -> int:
        """Return a number that changes with everything that cleaning depends on.

        It depends on the rules, the libraries and the configuration.
        """
        libraries = library_versions.describe(library_versions.CLEANING)
        text = f"{rules.VERSION}.{stats.VERSION} {libraries} {self.language} {self.catalogue.serialise()}"
        if self.audiences.has_several:
            text += f" {self.audiences.digest()}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")


def _is_publishers(draft: Draft, cleaned: CleanedArticle) -> bool:
    """Return whether a version is the publisher's own: a file, or an item about a page of its own site."""
    return draft.item is None or identity.is_page_of(cleaned.article.link, draft.item.home)
