"""What is worked out ahead of the database: values in, values out, in this or another process. Pure."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from feeds.cleaning import merging
from feeds.cleaning.cleaner import Cleaner
from feeds.ingest.preview import ParsedFile
from feeds.model import identity
from feeds.model.articles import Cleaned, Draft, Original
from feeds.model.errors import ReadError
from feeds.parsers import SkippedItem
from feeds.storage import rows
from feeds.text import search_terms
from feeds.text.feed_urls import redact_query
from feeds.text.filenames import shown
from feeds.text.search_terms import SearchDocument

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to be read and cleaned."""

    path: str
    data: bytes
    default_published: datetime
    """The time of an article that names none."""
    max_published: datetime
    """The latest time that any can have."""
    source: str = ""
    """The name of the source of articles that name none."""
    previous: Mapping[str, Original] = field(default_factory=dict, repr=False)
    """What the file said before, by the id of its link: these articles keep their times."""

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class PreparedArticle:
    """One article of a file, cleaned, with all that takes time to make before it is written.

    `packed` and `search_document` are values of the storage. Workers make them, so that they travel with the
    article for speed: through `Original.packed` and `Batch.search_documents` to `rows.original_row` and
    `search_index.write`, which make them again when they are missing, or when merging changed the article.
    """

    draft: Draft
    packed: bytes
    """The draft as its row holds it (`rows.packed`)."""
    cleaned: Cleaned
    search_document: SearchDocument
    """The words of the article as the search index holds them (`search_terms.search_document`)."""
    is_edited: bool = True
    """Whether it differs significantly from what the file said before."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of a file."""

    articles: Sequence[PreparedArticle] = ()
    refused: Sequence[SkippedItem] = ()
    """What of it cannot be used."""
    rolls: bool = False
    """Whether it is an archive or a feed."""
    failed: str = ""
    """Why nothing of it can be used; empty where something can."""


def clean_file(cleaner: Cleaner, task: FileTask) -> FileResult:
    """Parse and clean a file. Never raises: whatever is wrong with the file is in the result."""

    def clean_draft(_: str, draft: Draft) -> PreparedArticle:
        if task.source and not draft.source_name:
            draft = replace(draft, source_name=task.source)
        previous = task.previous.get(identity.entry_id(draft.link))
        times = (
            (previous.default_published, previous.first_seen)
            if previous
            else (task.default_published, task.max_published)
        )
        cleaned = cleaner.clean(draft, *times)
        article = cleaned.article
        search_document = search_terms.build_search_document(article.title, article.html)
        is_edited = previous is None or _is_edited(cleaner, previous, draft, cleaned)
        return PreparedArticle(draft, rows.pack_draft(draft), cleaned, search_document, is_edited)

    try:
        parsed = ParsedFile(task.data, task.path)
        articles = list(parsed.clean(clean_draft))
        return FileResult(articles, parsed.refused, parsed.rolls)
    except ReadError as error:
        return FileResult(failed=str(error))
    except Exception as error:  # a fault of ours: named like any other
        log.exception("%s: unexpected error", shown(redact_query(task.path)))
        return FileResult(failed=unexpected(error))


def _is_edited(cleaner: Cleaner, previous: Original, draft: Draft, cleaned: Cleaned) -> bool:
    """Return whether an article's title or text differs significantly from what its file said before."""
    before = previous.draft
    if (before.title, before.html, before.link) == (draft.title, draft.html, draft.link):
        return False
    version = next(cleaner.clean_versions([previous]), None)
    return version is None or merging.is_significant(version.cleaned, cleaned)


@dataclass(frozen=True, slots=True)
class EntryTask:
    """What is kept of an entry, to be cleaned again."""

    originals: Sequence[Original] = field(repr=False)

    @property
    def size(self) -> int:
        """In characters of its bodies."""
        return sum(len(original.draft.html) for original in self.originals)


def clean_entry(cleaner: Cleaner, task: EntryTask) -> Cleaned | None:
    """Clean an entry again; None where today's rules cannot clean any of its originals."""
    versions = list(cleaner.clean_versions(task.originals))
    return merging.merge(versions) if versions else None


def named(error: BaseException) -> str:
    """An error as a report names it."""
    return f"{type(error).__name__}: {error}"


def unexpected(error: BaseException) -> str:
    """A fault of ours as a report names it."""
    return f"unexpected {named(error)}"
