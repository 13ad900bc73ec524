"""Define the cleaning tasks that run before anything is written, in this or another process. Pure."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from feeds.cleaning import merging
from feeds.cleaning.cleaner import Cleaner
from feeds.ingest.preview import ParsedFile
from feeds.model import identity
from feeds.model.articles import CleanedArticle, Draft, Original
from feeds.model.errors import ReadError
from feeds.parsers import SkippedItem
from feeds.storage import rows
from feeds.text import search_terms
from feeds.text.feed_urls import redact_query
from feeds.text.filenames import escape_unprintable
from feeds.text.search_terms import SearchDocument

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to parse and clean."""

    path: str
    data: bytes
    default_published: datetime
    """Date of articles that have none."""
    max_published: datetime
    """Latest date that an article can have."""
    default_source: str = ""
    """Name of the source of articles that name none."""
    previous: Mapping[str, Original] = field(default_factory=dict, repr=False)
    """Stored originals of the file, by `identity.names_in_file`. These articles keep their dates."""

    @property
    def size(self) -> int:
        """Size of the file in bytes."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class PreparedArticle:
    """A cleaned article of a file, with the values of the storage that take long to compute.

    Workers compute `packed` and `search_document` for speed. They are passed on through `Original.packed` and
    `Batch.search_documents` to `rows.original_row` and `search_index.write`, which compute them again if they
    are missing, or if merging changed the article.
    """

    name: str
    """Name for messages: the file, or `news.xml entry 3`."""
    draft: Draft
    packed: bytes
    """The draft as its database row contains it (`rows.packed`)."""
    cleaned: CleanedArticle
    search_document: SearchDocument
    """The words of the article for the search index (`search_terms.build_search_document`)."""
    is_edited: bool = True
    """Whether the article differs significantly from the file's earlier version, or is new."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """The articles of a file after cleaning, or the reason why it has none."""

    articles: Sequence[PreparedArticle] = ()
    skipped: Sequence[SkippedItem] = ()
    """Entries and members that cannot be used."""
    is_rolling: bool = False
    """Whether the file is a feed or an archive: articles that leave it stay published."""
    failure: str = ""
    """The reason why nothing of the file can be used; empty if something can."""


def clean_file(cleaner: Cleaner, task: FileTask) -> FileResult:
    """Parse and clean a file. Never raises: every error is in the result."""

    def clean_draft(name: str, draft: Draft) -> PreparedArticle:
        if task.default_source and not draft.source_name:
            draft = replace(draft, source_name=task.default_source)
        names = (*identity.names_in_file(draft), identity.entry_id(draft.link))
        previous = next(filter(None, map(task.previous.get, names)), None)
        if previous is not None and _keeps_source(draft, previous.draft):
            draft = replace(draft, keeps_source=True)
        times = (
            (previous.default_published, previous.first_seen)
            if previous
            else (task.default_published, task.max_published)
        )
        cleaned = cleaner.clean(draft, *times)
        if cleaned.show:  # as the file describes it now, also in an article that was read before
            cleaned = replace(cleaned, show=replace(cleaned.show, described=task.default_published))
        article = cleaned.article
        search_document = search_terms.build_search_document(article.title, article.html)
        is_edited = previous is None or _is_edited(cleaner, previous, draft, cleaned)
        return PreparedArticle(name, draft, rows.pack_draft(draft), cleaned, search_document, is_edited)

    try:
        parsed = ParsedFile(task.data, task.path)
        articles = list(parsed.clean(clean_draft))
        return FileResult(articles, parsed.skipped, parsed.is_rolling)
    except ReadError as error:
        return FileResult(failure=str(error))
    except MemoryError:
        return FileResult(failure="cleaning was given up: it takes too much memory")
    except Exception as error:  # a bug in feeds: reported like an error of the file
        log.exception("%s: unexpected error", escape_unprintable(redact_query(task.path)))
        return FileResult(failure=format_bug(error))


def _keeps_source(draft: Draft, before: Draft) -> bool:
    """Return whether an article keeps the source that a former version of feeds gave it.

    That version knew no items. `before` is stored with the item's guid, else with its link. Other items may
    have this link, unless it leads to a page of the feed's site.
    """
    if draft.item is None or before.item is not None:
        return before.keeps_source
    is_page = identity.is_page_of(draft.link, draft.item.home)
    return before.keeps_source and (is_page or before.title == draft.title)


def _is_edited(cleaner: Cleaner, previous: Original, draft: Draft, cleaned: CleanedArticle) -> bool:
    """Return whether an article's title or text differs significantly from the file's earlier version."""
    before = previous.draft
    if (before.title, before.html, before.link) == (draft.title, draft.html, draft.link):
        return False
    version = next(cleaner.clean_versions([previous]), None)
    return version is None or merging.is_significant(version.cleaned, cleaned)


@dataclass(frozen=True, slots=True)
class EntryTask:
    """An entry to clean again from its stored originals."""

    originals: Sequence[Original] = field(repr=False)

    @property
    def size(self) -> int:
        """Total size of the bodies in characters."""
        return sum(len(original.draft.html) for original in self.originals)


def clean_entry(cleaner: Cleaner, task: EntryTask) -> CleanedArticle | None:
    """Clean an entry again; return None if today's rules can clean none of its originals."""
    versions = list(cleaner.clean_versions(task.originals))
    return merging.merge(versions) if versions else None


def format_error(error: BaseException) -> str:
    """Format an exception as `Type: message`, for reports."""
    return f"{type(error).__name__}: {error}"


def format_bug(error: BaseException) -> str:
    """Format an exception that is a bug in feeds, for reports."""
    return f"unexpected {format_error(error)}"
