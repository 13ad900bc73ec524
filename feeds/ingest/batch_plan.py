"""Decide what a batch of files changes in the database: values in, values out. Pure.

`batch.py` reads the inbox and the database, and writes what is decided here. Each stage has its value:

    ReadBatch     the files as they were read, and the database's state of them
    Incoming      the articles of the files, after cleaning (`gather`)
    Split         the same articles, with a separate entry for each audience (`split_audiences`)
    Merge         the same articles, as continuations of their files' earlier versions (`continue_files`)
    Batch         everything that is written (`merge_entries`)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from feeds import parsers
from feeds.cleaning import merging, pipeline
from feeds.cleaning.audiences import Audiences, OriginalKey, article_id_of, original_key
from feeds.cleaning.catalogue import SourceCatalogue
from feeds.cleaning.cleaner import Cleaner
from feeds.cleaning.feed_sources import ReadFeed
from feeds.inboxes import InboxFile
from feeds.ingest import matching
from feeds.ingest.matching import IncomingVersion, Matches
from feeds.ingest.preview import describe_unread_dates
from feeds.ingest.tasks import FileResult
from feeds.model import identity
from feeds.model.articles import CleanedArticle, FeedItem, Original
from feeds.model.runs import Failure, FileState, IngestReport, Outcome
from feeds.parsers import SkippedItem
from feeds.storage import rows
from feeds.storage.store import Batch
from feeds.text.feed_urls import redact_query
from feeds.text.plain_text import remove_illegal
from feeds.text.search_terms import SearchDocument

MAX_SKIPPED_NAMED = 20
"""Largest number of skipped entries or members of one file that a run names."""

FilePlace = tuple[str, int]
"""Path and position of an article within the inbox of the batch."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file of the batch, after an attempt to read its bytes."""

    file: InboxFile
    digest: str = ""
    """Digest of its bytes; empty if they could not be read."""
    failure: str = ""
    """The reason why it could not be read; empty if it could."""


@dataclass(slots=True)
class ReadBatch:
    """Files as they were read, with everything that decisions about them need, but without their bytes."""

    inbox: str
    files: Sequence[InboxFile]
    now: datetime
    known: Mapping[str, FileState] = field(default_factory=dict)
    """The stored states of the inbox's files, by path."""
    forgotten: frozenset[str] = frozenset()
    """Ids of entries that may not be published again, whatever a file contains."""
    previous: dict[str, list[Original]] = field(default_factory=dict)
    """The stored originals of the files, by path."""
    to_clean: list[ReadFile] = field(default_factory=list)
    """Files with a task, in the order of the tasks."""
    without_task: list[ReadFile] = field(default_factory=list)
    """Files without a task: unchanged, or with a failure."""
    waiting: int = 0
    """Number of files that changed while they were read."""
    deleted: Sequence[str] = ()
    """Paths of files that are not in the inbox any more."""


@dataclass(frozen=True, slots=True)
class IncomingArticle:
    """An article of a file, as parsed and as cleaned."""

    original: Original
    cleaned: CleanedArticle
    search_document: SearchDocument
    """The words of the article for the search index."""
    name: str
    """Name for messages, as in PreparedArticle."""
    is_edited: bool = True
    """Whether the article differs significantly from the file's earlier version, or is new."""


@dataclass(slots=True)
class Incoming:
    """The articles in a batch of files, before they are compared with the stored ones."""

    files: list[FileState] = field(default_factory=list)
    """The new states of the files."""
    report: IngestReport = field(default_factory=IngestReport)
    """Counts of failed, waiting and unchanged files. The others are counted after the batch is written."""
    rewritten: list[str] = field(default_factory=list)
    """Paths of the files whose stored originals are replaced."""
    rolling: set[str] = field(default_factory=set)
    """Paths of feeds and archives: articles that leave such a file stay published."""
    articles: dict[FilePlace, IncomingArticle] = field(default_factory=dict)
    aliases: Mapping[str, Iterable[str]] = field(default_factory=dict)
    """Article ids to which other ids lead, as in `Matches`."""
    superseded: set[OriginalKey] = field(default_factory=set)
    """As in `Matches`."""


@dataclass(frozen=True, slots=True)
class Split:
    """Articles of a batch; none of them shares an entry with an article for another audience."""

    articles: dict[FilePlace, IncomingArticle]
    moved: dict[OriginalKey, Original] = field(default_factory=dict)
    """Stored originals that move to another entry, already with that entry's id, by their key."""
    left: frozenset[str] = frozenset()
    """Ids of the entries that lose originals."""


@dataclass(slots=True)
class Merge:
    """Articles of a batch, as continuations of the earlier versions in the same files."""

    articles: list[IncomingArticle] = field(default_factory=list)
    dropped: list[Original] = field(default_factory=list)
    """Originals that left their feed or archive; they are kept."""
    moved: dict[OriginalKey, Original] = field(default_factory=dict)
    """As in Split."""
    left: frozenset[str] = frozenset()
    """As in Split."""
    entries_of_files: dict[str, list[str]] = field(default_factory=dict)
    """Ids of the entries of each rewritten file, before and after, by path."""
    entry_ids: list[str] = field(default_factory=list)
    """Ids of all entries that the batch may change."""


def file_state(file: InboxFile, digest: str, reason: str = "") -> FileState:
    """Return the state of a file as the database stores it; `reason` says why it could not be read."""
    return FileState(
        path=file.path,
        size=file.size,
        modified=file.modified,
        version=file.version,
        digest=digest,
        reason=remove_illegal(reason),
    )


def default_date(file: InboxFile, now: datetime) -> datetime:
    """Return the date of articles that have none: when the file changed, or `now` if that is unknown."""
    return min(rows.from_micros(file.modified // 1000), now) if file.modified else now


def gather(batch: ReadBatch, results: Sequence[FileResult]) -> Incoming:
    """Collect the articles and states of a batch's files; `results` belong to `to_clean`, in order.

    The articles have no ids yet: `apply_matches` gives them their ids.
    """
    incoming = Incoming(report=IngestReport(waiting=batch.waiting))
    for read in batch.without_task:
        if read.failure:
            add_failure(incoming, batch.known, read, read.failure)
        else:
            incoming.report.same += 1
            incoming.files.append(file_state(read.file, read.digest))
    for read, result in zip(batch.to_clean, results, strict=True):
        if result.failure:
            add_failure(incoming, batch.known, read, result.failure)
        else:
            _add_articles(incoming, batch, read.file, result)
            _add_state(incoming, batch.known, read, result.skipped)
    incoming.rewritten += batch.deleted
    return incoming


def add_failure(incoming: Incoming, known: Mapping[str, FileState], read: ReadFile, reason: str) -> None:
    """Add a file that cannot be read. If it failed the same way before, it is reported as unchanged."""
    state = file_state(read.file, read.digest, reason)
    if known.get(read.file.path) == state:
        incoming.report.same += 1
        return
    incoming.files.append(state)
    incoming.report.failed.append(Failure(redact_query(read.file.path), state.reason))


def _add_articles(incoming: Incoming, batch: ReadBatch, file: InboxFile, result: FileResult) -> None:
    incoming.rewritten.append(file.path)
    if result.is_rolling:
        incoming.rolling.add(file.path)
    unread_dates = list[Failure]()
    for position, article in enumerate(result.articles):
        if article.draft.unread_dates and article.is_edited:
            unread_dates.append(Failure(redact_query(article.name), describe_unread_dates(article.draft)))
        original = Original(
            inbox=batch.inbox,
            path=file.path,
            position=position,
            entry_id=article.cleaned.article.id,
            draft=article.draft,
            default_published=default_date(file, batch.now),
            first_seen=batch.now,
            packed=article.packed,
        )
        incoming.articles[file.path, position] = IncomingArticle(
            original, article.cleaned, article.search_document, article.name, article.is_edited
        )
    incoming.report.unread_dates += _first_failures(unread_dates, file.path, "with unreadable dates")


# -- sources of feeds ---------------------------------------------------------------------------------------


def read_feeds(incoming: Incoming, catalogue: SourceCatalogue) -> list[ReadFeed]:
    """Return the feeds in a batch, without those whose source is given by name."""
    items: dict[tuple[str, ...], FeedItem] = {}
    publishers: dict[tuple[str, ...], set[str]] = {}
    for article in incoming.articles.values():
        draft = article.original.draft
        if (item := catalogue.feed_of(draft)) is not None:
            feed = (item.feed, item.title, item.home, *item.other_feeds)
            items[feed] = item
            publishers.setdefault(feed, set()).add(catalogue.publisher_slug(draft))
    return [ReadFeed(item, frozenset(publishers[feed])) for feed, item in items.items()]


def correct_sources(incoming: Incoming, cleaner: Cleaner) -> None:
    """Replace the sources of articles that were cleaned before the sources of their feeds were known.

    An automatic source has no recipe of its own. If its title differs, or the recipe, the article is cleaned
    again: names of authors that only repeat the source are removed.
    """
    catalogue = cleaner.catalogue
    for place, article in incoming.articles.items():
        original, before = article.original, article.cleaned.article.source
        source, recipe = catalogue.source_and_recipe(original.draft)
        if source == before:
            continue
        is_clean = source.title == before.title and source.home == before.home
        is_clean = is_clean and pipeline.fingerprint(recipe) == article.cleaned.recipe
        if is_clean:
            cleaned = replace(article.cleaned, article=replace(article.cleaned.article, source=source))
        else:
            cleaned = cleaner.clean(original.draft, original.default_published, original.first_seen)
            times = {name: getattr(article.cleaned.article, name) for name in ("published", "updated")}
            cleaned = replace(cleaned, article=replace(cleaned.article, **times))
        incoming.articles[place] = replace(article, cleaned=cleaned)


# -- article ids --------------------------------------------------------------------------------------------


def incoming_versions(incoming: Incoming, audiences: Audiences) -> list[IncomingVersion]:
    """Return the articles of a batch as `matching.match_articles` compares them."""
    return [
        matching.describe_incoming(article.original, article.cleaned, redact_query(article.name), audiences)
        for article in incoming.articles.values()
    ]


def apply_matches(
    incoming: Incoming, matches: Matches, forgotten: frozenset[str], audiences: Audiences
) -> None:
    """Give the articles of a batch their article ids, and drop the forgotten ones.

    Each has the entry of its article id; `split_audiences` gives private versions entries of their own.
    """
    for place, article in list(incoming.articles.items()):
        article_id = matches.article_ids[original_key(article.original)]
        if article_id != identity.entry_id(article.original.draft.link):
            article = replace(article, original=replace(article.original, article_id=article_id))
        if article_id != article.original.entry_id:
            article = _with_entry_id(article, article_id)
        incoming.articles[place] = article
        if forgotten and _is_forgotten(article.cleaned, forgotten, audiences):
            del incoming.articles[place]
    incoming.aliases, incoming.superseded = matches.aliases, matches.superseded
    incoming.report.merged, incoming.report.split = matches.merged, matches.split


def _is_forgotten(cleaned: CleanedArticle, forgotten: frozenset[str], audiences: Audiences) -> bool:
    """Return whether this version of an article was forgotten, as the public or as a private entry.

    If there are several audiences, the public entry can be forgotten without the private one.
    """
    article = cleaned.article
    if not forgotten.isdisjoint(audiences.private_ids(article.id, article.source.slug)):
        return True
    return article.id in forgotten and not audiences.has_several


def _add_state(
    incoming: Incoming, known: Mapping[str, FileState], read: ReadFile, skipped: Sequence[SkippedItem]
) -> None:
    """Add the state of a file that was read, and report its skipped items, unless reported before."""
    path = read.file.path
    state = file_state(read.file, read.digest, parsers.summarise_skipped(skipped, path))
    incoming.files.append(state)
    before = known.get(path)
    if not skipped or (before is not None and not before.unread and before.reason == state.reason):
        return
    failures = [Failure(redact_query(item.name), remove_illegal(item.reason)) for item in skipped]
    incoming.report.failed += _first_failures(failures, path, "that cannot be used")


def _first_failures(failures: Sequence[Failure], path: str, kind: str) -> list[Failure]:
    """Return the first failures of a file, and one that counts the others, if there are any."""
    more = len(failures) - MAX_SKIPPED_NAMED
    others = [Failure(redact_query(path), f"and {more} more {kind}")] if more > 0 else []
    return [*failures[:MAX_SKIPPED_NAMED], *others]


# -- audiences ----------------------------------------------------------------------------------------------


def split_audiences(
    incoming: Incoming,
    stored: Mapping[str, Sequence[Original]],
    audiences: Audiences,
    *,
    inbox: str,
    forgotten: frozenset[str],
) -> Split:
    """Give versions of an article for different audiences different entries.

    `stored` contains the stored versions of the incoming articles, by the id of the article. Versions of a
    forgotten article are dropped, unless their entry still exists.
    """
    articles: dict[FilePlace, IncomingArticle] = {}
    moved: dict[OriginalKey, Original] = {}
    left: set[str] = set()
    for article_id, places in _places_by_article(incoming).items():
        read = [incoming.articles[place].original for place in places]
        present = {audiences.audience_of_draft(original.draft) for original in read}
        kept = [
            original
            for original in stored.get(article_id, ())
            if not _is_replaced(original, read, incoming, inbox)
            or audiences.audience_of_draft(original.draft) in present
        ]
        ids = audiences.entry_ids(article_id, kept, read)
        for original in kept:
            entry_id = ids[audiences.audience_of_draft(original.draft)]
            if entry_id != original.entry_id:
                moved[original_key(original)] = replace(original, entry_id=entry_id)
                left.add(original.entry_id)
        known = {original.entry_id for original in kept}
        for place in places:
            entry_id = ids[audiences.audience_of_draft(incoming.articles[place].original.draft)]
            if article_id not in forgotten or entry_id in known:
                articles[place] = _with_entry_id(incoming.articles[place], entry_id)
    return Split(articles, moved, frozenset(left))


def _places_by_article(incoming: Incoming) -> dict[str, list[FilePlace]]:
    """Group the places of the incoming articles by the id of the article."""
    places: dict[str, list[FilePlace]] = {}
    for place, article in incoming.articles.items():
        places.setdefault(article.original.entry_id, []).append(place)
    return places


def _is_replaced(original: Original, read: Sequence[Original], incoming: Incoming, inbox: str) -> bool:
    """Return whether the batch replaces a stored original, because it rewrites the original's file.

    `read` are the incoming versions of the same article.
    """
    if original.inbox != inbox or original.path not in incoming.rewritten:
        return False
    return original.path not in incoming.rolling or original.path in {version.path for version in read}


def _with_entry_id(article: IncomingArticle, entry_id: str) -> IncomingArticle:
    cleaned = replace(article.cleaned, article=replace(article.cleaned.article, id=entry_id))
    return replace(article, original=replace(article.original, entry_id=entry_id), cleaned=cleaned)


# -- files and entries --------------------------------------------------------------------------------------


def continue_files(incoming: Incoming, split: Split, before: Iterable[Original]) -> Merge:
    """Connect articles with the earlier versions in the same files; `before` are the stored originals.

    An article keeps its position and the dates of its first reading. If an article has left a feed or an
    archive, because newer entries came, it is kept. If it is now there for another audience, it is replaced.
    """
    merge = Merge(moved=split.moved, left=split.left)
    previous: dict[str, list[Original]] = {path: [] for path in incoming.rewritten}
    for original in before:
        previous[original.path].append(split.moved.get(original_key(original), original))
    by_path: dict[str, list[IncomingArticle]] = {}
    for article in split.articles.values():
        by_path.setdefault(article.original.path, []).append(article)
    for path, articles in by_path.items():
        merge.articles += _continue_file(merge, incoming, path, articles, previous[path])
    merge.entries_of_files = {
        path: list(dict.fromkeys(original.entry_id for original in originals))
        for path, originals in previous.items()
    }
    ids = {entry_id: None for entry_ids in merge.entries_of_files.values() for entry_id in entry_ids}
    for article in merge.articles:
        entry_id = article.original.entry_id
        merge.entries_of_files[article.original.path].append(entry_id)
        ids[entry_id] = None
    ids |= dict.fromkeys((*split.left, *(original.entry_id for original in split.moved.values())))
    merge.entry_ids = list(ids)
    return merge


def _continue(article: IncomingArticle, earlier: Original) -> IncomingArticle:
    """Keep the dates of an article's first reading; `edited` changes only with a significant change."""
    original = replace(
        article.original,
        position=earlier.position,
        default_published=earlier.default_published,
        first_seen=earlier.first_seen,
        edited=article.original.default_published if article.is_edited else earlier.edited,
    )
    return replace(article, original=original)


def _continue_file(
    merge: Merge,
    incoming: Incoming,
    path: str,
    articles: Sequence[IncomingArticle],
    previous: Sequence[Original],
) -> list[IncomingArticle]:
    """Let the articles of a file continue its earlier versions; give each new one a free position.

    Originals that have left a feed or an archive are added to `merge.dropped`, unless an article of the file
    replaces them for another audience or under another id.
    """
    earlier = _by_slot(previous)
    continued: list[tuple[IncomingArticle, Original | None]] = []
    seen: Counter[tuple[str, str]] = Counter()
    for article in articles:
        slot = _slot(article.original)
        original = earlier.pop((*slot, seen[slot]), None) or _pop_unnamed(earlier, article.original)
        seen[slot] += 1
        continued.append((article, original))
    lasting: list[Original] = []
    if path in incoming.rolling:
        new = {
            article_id_of(article.original): article.original.entry_id
            for article, original in continued
            if original is None
        }
        lasting = [
            original
            for original in earlier.values()
            if original_key(original) not in incoming.superseded
            and new.get(article_id_of(original), original.entry_id) == original.entry_id
        ]
        merge.dropped += lasting
    taken = {original.position for _, original in continued if original is not None}
    taken |= {original.position for original in lasting}
    free = (number for number in count() if number not in taken)
    return [
        _continue(article, original)
        if original is not None
        else replace(article, original=replace(article.original, position=next(free)))
        for article, original in continued
    ]


def _pop_unnamed(earlier: dict[tuple[str, str, int], Original], original: Original) -> Original | None:
    """Take the version of an item that was stored before feeds stored guids; None if there is none."""
    unnamed = [slot for slot in earlier if slot[:2] == (original.entry_id, "")]
    if not unnamed or original.draft.item is None:
        return None
    titled = [slot for slot in unnamed if earlier[slot].draft.title == original.draft.title]
    return earlier.pop((titled or unnamed)[0])


def _slot(original: Original) -> tuple[str, str]:
    """Return what tells an article of a file from the others: its entry, and its guid if it has one."""
    return original.entry_id, original.draft.item.guid if original.draft.item else ""


def _by_slot(originals: Sequence[Original]) -> dict[tuple[str, str, int], Original]:
    """Return the originals of a file by their slots; those in one slot are numbered by their position."""
    seen: Counter[tuple[str, str]] = Counter()
    slots: dict[tuple[str, str, int], Original] = {}
    for original in sorted(originals, key=lambda original: original.position):
        slot = _slot(original)
        slots[*slot, seen[slot]] = original
        seen[slot] += 1
    return slots


def merge_entries(
    batch: ReadBatch,
    incoming: Incoming,
    merge: Merge,
    stored: Mapping[str, Sequence[Original]],
    cleaner: Cleaner,
) -> Batch:
    """Merge the articles with the other versions of their entries; return everything to be written.

    `stored` contains the originals of `merge.entry_ids`. An entry without a version is an orphan. If today's
    rules cannot clean the stored versions of an entry, the entry is kept as it is.
    """
    rewritten = set(incoming.rewritten)

    def is_lasting(original: Original) -> bool:
        return original.inbox != batch.inbox or original.path not in rewritten

    dropped = {(original.path, original.position) for original in merge.dropped}
    others: dict[str, list[Original]] = {}
    for originals in stored.values():
        for original in originals:
            if is_lasting(original) or (original.path, original.position) in dropped:
                original = merge.moved.get(original_key(original), original)
                others.setdefault(original.entry_id, []).append(original)
    versions: dict[str, list[merging.Version]] = {entry_id: [] for entry_id in merge.entry_ids}
    for article in merge.articles:
        versions[article.original.entry_id].append(cleaner.make_version(article.original, article.cleaned))
    changes = Batch(
        files=incoming.files,
        rewritten=incoming.rewritten,
        deleted_paths=list(batch.deleted),
        search_documents={article.original.entry_id: article.search_document for article in merge.articles},
        aliases=sorted((alias, id_) for alias, ids in incoming.aliases.items() for id_ in ids),
    )
    for entry_id, incoming_versions in versions.items():
        originals = others.get(entry_id, [])
        if all_versions := [*incoming_versions, *cleaner.clean_versions(originals)]:
            changes.entries.append(merging.merge(all_versions))
        elif not originals or entry_id in merge.left:  # it may hold text of the versions that left
            changes.orphans.append(entry_id)
    changes.originals += merge.dropped
    changes.originals += [article.original for article in merge.articles]
    changes.originals += [original for original in merge.moved.values() if is_lasting(original)]
    return changes


def count_files(
    report: IngestReport, entries_of_files: Mapping[str, Sequence[str]], outcomes: Mapping[str, Outcome]
) -> None:
    """Count each file once, and each new or changed entry for the first file that has it."""
    remaining = dict(outcomes)
    for entry_ids in entries_of_files.values():
        file_outcomes = {remaining.pop(entry_id, "same") for entry_id in entry_ids}
        if "new" in file_outcomes:
            report.new += 1
        elif "changed" in file_outcomes:
            report.changed += 1
        else:
            report.same += 1
