"""Stored originals cleaned again, after a pack, the configuration or a rule changed, or by hand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime

from feeds.cleaning import merging
from feeds.cleaning.audiences import original_key
from feeds.cleaning.cleaner import Cleaner
from feeds.ingest.stored_versions import stored_versions
from feeds.ingest.tasks import EntryTask, clean_entry
from feeds.ingest.workers import Job, Workforce
from feeds.model.articles import Article, Cleaned, Original, Source
from feeds.model.runs import Report
from feeds.storage.store import Batch, Store

log = logging.getLogger(__name__)

_BATCH = 200
_HALF_PARTED = -1
"""The number `audiences` while entries are parted; no digest is negative."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What cleaning an entry again would make of it."""

    before: Article
    after: Cleaned

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of what is served of it and would be different."""
        made = self.after.article
        return tuple(
            name for name in Article.__dataclass_fields__ if getattr(made, name) != getattr(self.before, name)
        )


@dataclass(slots=True)
class Preview:
    """What cleaning again would change."""

    entries: int = 0
    differences: list[Difference] = field(default_factory=list)


def where_rules_changed(
    store: Store, cleaner: Cleaner, clock: Callable[[], datetime], report: Report, workforce: Workforce
) -> None:
    """Clean everything again if anything that decides how to clean has changed since it was done last.

    Files that failed are read again then, each at the next look at it. Called with the right to ingest held.
    """
    current = cleaner.fingerprint()
    # A process with another configuration can have parted audiences and been killed before it cleaned.
    is_parted = (store.number("audiences") or 0) == cleaner.audiences.digest()
    if store.number("catalogue") != current or not is_parted:
        part_audiences(store, cleaner, clock)
        report.recleaned += everything(store, cleaner, clock, workforce)
        store.read_failed_again()
        store.set_number("catalogue", current)


def part_audiences(store: Store, cleaner: Cleaner, clock: Callable[[], datetime]) -> None:
    """Part entries that hold versions of several audiences, as `private` names them today.

    Called with the right to ingest held, before anything is cleaned again. Web processes serve nothing while
    the number `audiences` of the database is not that of their own configuration.
    """
    audiences, before = cleaner.audiences, store.number("audiences") or 0
    if not audiences.has_several and not before:
        return
    if before != audiences.digest():
        store.set_number("audiences", _HALF_PARTED)
    last = ""
    while ids := store.entry_ids(after=last, limit=_BATCH):
        last = ids[-1]
        originals = stored_versions(store, audiences, ids)
        if changed := audiences.regroup(originals):
            moved = [
                replace(one, entry_id=changed[original_key(one)])
                for one in originals
                if original_key(one) in changed
            ]
            left = {one.entry_id for one in originals if original_key(one) in changed}
            _move_originals(store, cleaner, moved, left, clock())
    if before != audiences.digest():
        store.set_number("audiences", audiences.digest())


def _move_originals(
    store: Store, cleaner: Cleaner, moved: list[Original], left: set[str], now: datetime
) -> None:
    """Move originals to the entries that they name, and make these entries and those that they left anew."""
    keys = {original_key(one) for one in moved}
    originals = {entry_id: list[Original]() for entry_id in left | {one.entry_id for one in moved}}
    for entry_id, kept in store.originals_of_entries(list(originals)).items():
        originals[entry_id] += (one for one in kept if original_key(one) not in keys)
    for one in moved:
        originals[one.entry_id].append(one)
    batch = Batch(originals=moved)
    for entry_id, kept in originals.items():
        if versions := list(cleaner.clean_versions(kept)):
            batch.entries.append(merging.merge(versions))
        else:  # what is stored may hold text of the versions that left
            batch.orphans.append(entry_id)
    store.write("", batch, now)


def everything(
    store: Store, cleaner: Cleaner, clock: Callable[[], datetime], workforce: Workforce, source: str = ""
) -> int:
    """Clean the entries of a source, or all of them, again; answers how many are served differently now.

    Ids stay, whatever changes; what today's rules cannot clean any more stays as it is.
    """
    changed, described = 0, set[Source]()
    for made in _cleaned(store, cleaner, workforce, source):
        described.update(one.article.source for one in made)
        outcomes = store.write("", Batch(entries=made), clock())
        changed += sum(outcome != "same" for outcome in outcomes.values())
    if not source:
        store.describe(described, clock())
    return changed


def preview(store: Store, cleaner: Cleaner, workforce: Workforce, source: str = "") -> Preview:
    """What `everything` would change; writes nothing."""
    found = Preview()
    for made in _cleaned(store, cleaner, workforce, source):
        before = store.articles([one.article.id for one in made])
        found.entries += len(made)
        found.differences += [
            Difference(before[one.article.id], one)
            for one in made
            if one.article.id in before and one.article != before[one.article.id]
        ]
    return found


def _cleaned(store: Store, cleaner: Cleaner, workforce: Workforce, source: str) -> Iterator[list[Cleaned]]:
    with closing(workforce.map(_CLEANING, cleaner, _batches(store, source))) as cleaned:
        for _, made in cleaned:
            yield [one for one in made if one is not None]


def _batches(store: Store, source: str) -> Iterator[tuple[list[str], list[EntryTask]]]:
    """Yield the ids of some entries with their tasks, until all are done."""
    last = ""
    while ids := store.entry_ids(after=last, limit=_BATCH, source=source):
        last = ids[-1]
        yield ids, [EntryTask(originals) for originals in store.originals_of_entries(ids).values()]


def _given_up(task: EntryTask, reason: str) -> None:
    log.warning("%r cannot be cleaned again: %s", task.originals[0].path, reason)


_CLEANING = Job(clean_entry, _given_up)
