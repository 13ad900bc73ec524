"""Clean stored originals again, after a pack, the configuration or a rule changed, or by hand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime

from feeds.cleaning import merging
from feeds.cleaning.audiences import EVERYBODY, original_key
from feeds.cleaning.cleaner import Cleaner
from feeds.ingest.stored_versions import stored_versions
from feeds.ingest.tasks import EntryTask, clean_entry
from feeds.ingest.workers import Job, Workforce
from feeds.model.articles import Article, CleanedArticle, Original, Show, Source
from feeds.model.runs import IngestReport
from feeds.storage.batch_writer import newest_shows
from feeds.storage.store import Batch, Store

log = logging.getLogger(__name__)

_BATCH_ENTRIES = 200
_SPLIT_UNFINISHED = -1
"""Value of the database's number `audiences` while entries are split; no digest is negative."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored entry that cleaning it again would change."""

    before: Article
    """The entry as it is served now."""
    after: CleanedArticle
    """The entry after cleaning it again."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the served fields that would be different."""
        article = self.after.article
        return tuple(
            name
            for name in Article.__dataclass_fields__
            if getattr(article, name) != getattr(self.before, name)
        )


@dataclass(slots=True)
class RecleanPreview:
    """The changes that cleaning again would make."""

    entries: int = 0
    """Number of entries that were compared."""
    differences: list[Difference] = field(default_factory=list)


def clean_if_rules_changed(
    store: Store, cleaner: Cleaner, clock: Callable[[], datetime], report: IngestReport, workforce: Workforce
) -> None:
    """Clean everything again if the packs, the configuration or the rules changed since the last time.

    Then failed files are also read again, when their inbox is read next. The caller holds the ingest lock.
    """
    current = cleaner.fingerprint()
    # A process with another configuration may have split entries and been killed before it cleaned them.
    is_split = (store.read_number("audiences") or 0) == cleaner.audiences.digest()
    if store.read_number("catalogue") != current or not is_split:
        split_entries(store, cleaner, clock)
        report.recleaned += clean_entries(store, cleaner, clock, workforce)
        store.mark_failed_files_unread()
        store.write_number("catalogue", current)


def split_entries(store: Store, cleaner: Cleaner, clock: Callable[[], datetime]) -> None:
    """Split entries that hold versions for several audiences, and join those of one, by today's `private`.

    The caller holds the ingest lock, and has cleaned nothing again yet. Web processes serve nothing while
    the database's number `audiences` is not the one of their own configuration.
    """
    audiences, before = cleaner.audiences, store.read_number("audiences") or 0
    if not audiences.has_several and not before:
        return
    if before != audiences.digest():
        store.write_number("audiences", _SPLIT_UNFINISHED)
    last = ""
    while ids := store.entry_ids(after=last, limit=_BATCH_ENTRIES):
        last = ids[-1]
        originals = stored_versions(store, audiences, ids)
        if new_ids := audiences.regroup(originals):
            moving = [original for original in originals if original_key(original) in new_ids]
            moved = [replace(original, entry_id=new_ids[original_key(original)]) for original in moving]
            left = {original.entry_id for original in moving}
            _move_originals(store, cleaner, moved, left, clock())
    if before != audiences.digest():
        store.write_number("audiences", audiences.digest())


def _move_originals(
    store: Store, cleaner: Cleaner, moved: list[Original], left: set[str], now: datetime
) -> None:
    """Move originals to the entries that they name, and merge these entries and the entries `left` again."""
    keys = {original_key(original) for original in moved}
    originals = {entry_id: list[Original]() for entry_id in left | {original.entry_id for original in moved}}
    for entry_id, stored in store.originals_of_entries(list(originals)).items():
        originals[entry_id] += (original for original in stored if original_key(original) not in keys)
    for original in moved:
        originals[original.entry_id].append(original)
    batch = Batch(originals=moved)
    for entry_id, remaining in originals.items():
        if versions := list(cleaner.clean_versions(remaining)):
            batch.entries.append(merging.merge(versions))
        else:  # the stored entry may hold text of the versions that left it
            batch.orphans.append(entry_id)
    store.write_batch("", batch, now)


def clean_entries(
    store: Store, cleaner: Cleaner, clock: Callable[[], datetime], workforce: Workforce, source: str = ""
) -> int:
    """Clean all entries, or those of a source, again; return how many are served differently.

    Ids do not change. An entry that today's rules cannot clean is kept as it is.
    """
    changed, described, shows = 0, set[Source](), dict[str, Show]()
    for entries in _clean_batches(store, cleaner, workforce, source):
        described.update(entry.article.source for entry in entries)
        for slug, show in newest_shows(entries).items():
            shows[slug] = max(show, shows.get(slug, show), key=lambda one: one.described)
        batch = Batch(entries=entries, reassigned=_find_reassigned(store, cleaner, entries))
        outcomes = store.write_batch("", batch, clock())
        changed += sum(outcome != "same" for outcome in outcomes.values())
    if shows:
        store.replace_shows(shows, clock())
    if not source:
        store.replace_sources(described, clock())
    return changed


def _find_reassigned(
    store: Store, cleaner: Cleaner, entries: Sequence[CleanedArticle]
) -> dict[str, tuple[str, str]]:
    """Return the former and the new slug of the entries whose stored source is another one.

    An entry with versions of several sources can show another of them. It has left its source only if none
    of its versions is of that source any more.
    """
    stored = store.slugs_of_entries([entry.article.id for entry in entries])
    moves = {
        entry.article.id: (stored[entry.article.id], entry.article.source.slug)
        for entry in entries
        if stored.get(entry.article.id, entry.article.source.slug) != entry.article.source.slug
    }
    for entry_id, originals in store.originals_of_entries(list(moves)).items():
        if moves[entry_id][0] in {_current_slug(cleaner, original) for original in originals}:
            del moves[entry_id]
    for former, new in sorted(set(moves.values())):
        audiences = cleaner.audiences
        if audiences.audience_of_source(former) != EVERYBODY == audiences.audience_of_source(new):
            log.warning("articles of the private feed %s are public now, in the feed %s", former, new)
    return moves


def _current_slug(cleaner: Cleaner, original: Original) -> str:
    catalogue = cleaner.catalogue
    return catalogue.current_source(catalogue.original_source(original.draft, auto=True)).slug


def preview_changes(store: Store, cleaner: Cleaner, workforce: Workforce, source: str = "") -> RecleanPreview:
    """Return the changes that `clean_entries` would make, without writing anything."""
    changes = RecleanPreview()
    for entries in _clean_batches(store, cleaner, workforce, source):
        before = store.articles([entry.article.id for entry in entries])
        changes.entries += len(entries)
        changes.differences += [
            Difference(before[entry.article.id], entry)
            for entry in entries
            if entry.article.id in before and entry.article != before[entry.article.id]
        ]
    return changes


def _clean_batches(
    store: Store, cleaner: Cleaner, workforce: Workforce, source: str
) -> Iterator[list[CleanedArticle]]:
    """Yield batches of entries, cleaned again, without those that cannot be cleaned."""
    with closing(workforce.map(_CLEANING, cleaner, _batches(store, source))) as batches:
        for _, entries in batches:
            yield [entry for entry in entries if entry is not None]


def _batches(store: Store, source: str) -> Iterator[tuple[list[str], list[EntryTask]]]:
    """Yield the ids of a batch of entries with their tasks, until there are no more."""
    last = ""
    while ids := store.entry_ids(after=last, limit=_BATCH_ENTRIES, source=source):
        last = ids[-1]
        yield ids, [EntryTask(originals) for originals in store.originals_of_entries(ids).values()]


def _give_up(task: EntryTask, reason: str) -> None:
    log.warning("%r cannot be cleaned again: %s", task.originals[0].path, reason)


_CLEANING = Job(clean_entry, _give_up)
